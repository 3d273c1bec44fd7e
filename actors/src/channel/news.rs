//! Pure: what happens to a channel's window, wherever the window is.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::model::Moment;
use crate::window::{Entry, Lost, Window};

/// What has happened to a channel.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) what: What,
    /// When, in the log's time.
    pub(crate) at: Moment,
    /// How many messages its window holds from now on.
    pub(crate) capacity: NonZeroUsize,
}

#[derive(Debug)]
pub(crate) enum What {
    /// A life begins with these messages (RET-8). Those of earlier lives are gone.
    Begins(Lost, Vec<Arc<Entry>>),
    /// New messages of the life that there is.
    Continues(Vec<Arc<Entry>>),
    /// What may have existed and is gone.
    Lost(Lost),
    /// Time has passed.
    Passed,
}

impl News {
    /// Brings a window up to date. The only way that a channel's window changes, beside the passing of time.
    pub(crate) fn apply(self, window: &mut Window) {
        let Self { what, at, capacity } = self;
        let entries = match what {
            What::Begins(lost, entries) => {
                window.begin(lost);
                entries
            }
            What::Continues(entries) => entries,
            What::Lost(lost) => {
                window.lose(lost);
                Vec::new()
            }
            What::Passed => Vec::new(),
        };
        // A channel that is posted to and never read gives back what has expired, too.
        window.expire(at);
        window.resize(capacity);
        for entry in entries {
            window.push(entry);
        }
    }
}
