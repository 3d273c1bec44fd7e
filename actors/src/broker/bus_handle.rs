//! A bus as the broker holds it: its actor from its first use on, and the way of a retrieval.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use actix::{Addr, MailboxError};

use crate::bus::{Bus, Post, Recovery, Restored, Revive, Started};
use crate::cell::BusCell;
use crate::channel::Read;
use crate::directory::{Directory, Found};
use crate::shared::{BusCommon, Shared};
use crate::stats::Counters;
use crate::{BusName, ChannelName, MessageId, Page, PostError, Posted, Posting, ReadError, Resume, Since};

/// Times that a retrieval is tried on a channel whose actor is gone, the first included.
const TRIES: usize = 3;

/// A bus and, from its first use, its actor: by then the arbiters are known.
pub(super) struct Handle {
    pub(super) cell: Arc<BusCell>,
    actor: OnceLock<Addr<Bus>>,
    restored: Mutex<Option<Restored>>,
    /// Its channels may not have their actors yet.
    recovering: AtomicBool,
}

impl Handle {
    /// A bus that comes back. Messages up to `lost` may have existed and were not recovered.
    pub(super) fn open(name: BusName, recovery: Recovery, lost: MessageId, shared: &Arc<Shared>) -> Self {
        let settings = recovery.settings().clone();
        let restored = recovery.finish(lost);
        let Restored { settled, forgotten, .. } = restored;
        let common = BusCommon { name, counters: Counters::default(), shared: Arc::clone(shared) };
        Self {
            cell: Arc::new(BusCell {
                common: Arc::new(common),
                directory: Directory::new(settings.channel_idle, settings.retention, settled, forgotten),
                settings,
            }),
            actor: OnceLock::new(),
            recovering: AtomicBool::new(!restored.channels.is_empty()),
            restored: Mutex::new(Some(restored)),
        }
    }

    /// The actor, if the bus was used already.
    pub(super) fn started(&self) -> Option<&Addr<Bus>> {
        self.actor.get()
    }

    /// Nothing as long as there is no arbiter to run it: an actor that never ran would stay closed for good.
    pub(super) fn actor(&self) -> Option<&Addr<Bus>> {
        self.actor.get().or_else(|| {
            let start = || {
                let restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner).take();
                Bus::start(&self.cell, restored.unwrap_or_else(|| Restored::nothing(&self.cell)))
            };
            self.cell.common.shared.placement.has_room().then(|| self.actor.get_or_init(start))
        })
    }

    pub(super) async fn post(&self, posting: Posting) -> Result<Posted, PostError> {
        let actor = self.actor().ok_or(PostError::Closed)?;
        actor.send(Post(posting)).await.unwrap_or(Err(PostError::Closed))
    }

    pub(super) async fn read(&self, since: Since) -> Result<Page, ReadError> {
        let actor = self.actor().ok_or(ReadError::Closed)?;
        actor.send(Read(since)).await.unwrap_or(Err(ReadError::Closed))
    }

    pub(super) async fn read_channel(&self, channel: &ChannelName, since: Since) -> Result<Page, ReadError> {
        let (cell, shared) = (&self.cell, &self.cell.common.shared);
        if self.recovering.load(Ordering::Acquire) {
            // The actor fills the windows before it takes its first message.
            let actor = self.actor().ok_or(ReadError::Closed)?;
            actor.send(Started).await.map_err(|_| ReadError::Closed)?;
            self.recovering.store(false, Ordering::Release);
        }
        for _ in 0..TRIES {
            // Read before looking: a channel that is not there has nothing up to here.
            let settled = cell.directory.settled();
            let actor = match cell.directory.find(channel, since, &*shared.clock, &cell.common.counters) {
                Found::Ask(actor) => actor,
                Found::UpToDate => {
                    return Ok(Page::empty(match since {
                        Since::After(id) => id,
                        Since::Start | Since::Unknown => settled,
                    }));
                }
                Found::Absent => return Ok(self.absent(since, settled)),
            };
            match actor.send(Read(since)).await {
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(_)) | Err(MailboxError::Closed | MailboxError::Timeout) => {
                    let actor = self.actor().ok_or(ReadError::Closed)?;
                    actor.send(Revive(channel.clone())).await.map_err(|_| ReadError::Closed)?;
                }
            }
        }
        Err(ReadError::Crashed)
    }

    /// The answer for a channel that does not exist (RET-8).
    fn absent(&self, since: Since, settled: MessageId) -> Page {
        let resume = match self.cell.common.shared.journal.judge(since) {
            Since::After(id) if id < self.cell.directory.forgotten() => Resume::Gap,
            Since::After(_) | Since::Start => Resume::Complete,
            Since::Unknown => Resume::Reset,
        };
        Page { resume, ..Page::empty(settled) }
    }
}
