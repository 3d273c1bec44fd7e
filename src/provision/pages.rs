//! The tokens of a bus's pages: all of them are ended at once, for nothing is kept of each.

use std::sync::Arc;

use actix_web::http::StatusCode;
use backplane_actors::BusName;

use super::kind::Kind;
use super::order::{Action, Done};
use super::problem::Problem;
use super::registrar::{ChangeError, Registrar};
use super::who::{Who, audit};

/// What follows the name of a bus in the path of its pages' tokens.
pub(super) const PAGES: &str = "pages";
/// What may be done with them.
pub(super) const METHODS: &str = "DELETE";
/// What is answered where they were ended.
pub(super) const ENDED: StatusCode = StatusCode::NO_CONTENT;

/// The line of the log.
pub(super) fn ended(who: &Who, bus: &BusName) {
    let fields = vec!["page tokens".to_owned()];
    audit(who, &[Done { action: Action::Change, kind: Kind::Buses, name: bus.to_string(), fields }]);
}

impl Registrar {
    /// Ends all tokens of pages of this bus that were issued until now: those pages ask for new ones, with other channels. Of a bus of
    /// the configuration too.
    ///
    /// Whoever asks may go away meanwhile: what was begun is brought to its end, and told in the log.
    pub(super) async fn end_pages(self: &Arc<Self>, who: Who, name: &str) -> Result<(), Problem> {
        let unknown = || Problem::unknown(Kind::Buses);
        let bus: BusName = name.parse().map_err(|_| unknown())?;
        let it = Arc::clone(self);
        let ending = actix_web::rt::spawn(async move {
            // No bus of this name comes or goes meanwhile.
            let _turn = it.turn().await;
            it.state().books().find(Kind::Buses, bus.as_str()).ok_or_else(unknown)?;
            it.service().end_pages(bus.clone()).await?;
            ended(&who, &bus);
            Ok(())
        });
        // It panics only by a mistake of ours.
        ending.await.unwrap_or_else(|_| Err(Problem::of_change(Kind::Buses, ChangeError::Unknown)))
    }

    /// Forgets what was said of the pages of buses that are no more: whoever has the name next is told apart by its tenancy.
    pub(super) async fn forget_pages(&self, gone: impl IntoIterator<Item = BusName>) {
        for bus in gone {
            self.service().forget_pages(bus).await;
        }
    }
}
