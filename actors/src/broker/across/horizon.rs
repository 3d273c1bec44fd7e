//! Up to where nothing can come any more. Why, stands in [`super`].

use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::timeout;

use super::{Across, AcrossError};
use crate::model::MessageId;

impl Across {
    /// Everything at or below it, of all that is read, is in the windows by now, or was.
    pub(super) fn horizon(&self) -> MessageId {
        // In this order: what is issued after this was asked is above it.
        let issued = self.context.log.issued();
        let held = self.members.iter().map(|(bus, _)| bus.held_above()).fold(issued, MessageId::min);
        // A bus says so before it lets go of what was pending when the log failed.
        let in_doubt = self.members.iter().any(|(bus, _)| bus.directory().is_in_doubt());
        if in_doubt { held.min(self.shown()) } else { held }
    }

    /// Up to where something is shown of what is read.
    fn shown(&self) -> MessageId {
        let visible = self.members.iter().map(|(bus, _)| bus.directory().visible_up_to()).max();
        visible.unwrap_or(MessageId::ZERO).min(self.context.log.issued())
    }

    /// A horizon that is not below anything that was shown when this was asked.
    pub(super) async fn horizon_behind_what_is_shown(&self) -> Result<MessageId, AcrossError> {
        let shown = self.shown();
        loop {
            let horizon = self.horizon();
            if horizon >= shown {
                return Ok(horizon);
            }
            let waits = self.members.iter().map(|(bus, _)| async move {
                let refused = |error| AcrossError { bus: bus.name().clone(), error };
                bus.passed(shown).await.map_err(refused)
            });
            try_join_all(waits).await?;
        }
    }

    /// The same, unless it takes longer than this: then the horizon as it is.
    pub(super) async fn horizon_within(&self, patience: Duration) -> Result<MessageId, AcrossError> {
        // Nearly always nothing is to be waited for.
        let (shown, horizon) = (self.shown(), self.horizon());
        if horizon >= shown {
            return Ok(horizon);
        }
        let found = timeout(patience, self.horizon_behind_what_is_shown()).await;
        found.unwrap_or_else(|_| Ok(self.horizon()))
    }
}
