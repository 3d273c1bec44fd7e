//! Pure: what a bus is after a start, worked out record by record from what its log kept.
//!
//! Records go straight into windows, which evict as they go: memory is bounded by what the windows may
//! hold, not by the length of the log. Time is what it was at the start, and what has expired by then is gone.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::cell::BusCell;
use crate::idempotency::Answers;
use crate::log::Recovered;
use crate::memory::MemoryGauge;
use crate::{BrokerLimits, BusSettings, ChannelName, Entry, MessageId, Posted, Timestamp, Window};

/// A channel as it was.
#[derive(Debug)]
pub(crate) struct RestoredChannel {
    pub(crate) window: Window,
    pub(crate) newest: MessageId,
    /// When it expires unless there is another post.
    pub(crate) until: Timestamp,
}

/// A bus as it was.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) window: Window,
    pub(crate) answers: Answers,
    pub(crate) channels: HashMap<ChannelName, RestoredChannel, RandomState>,
    /// The last id of the bus that is known.
    pub(crate) settled: MessageId,
    /// What a channel that does not exist may have lost.
    pub(crate) forgotten: MessageId,
}

impl Restored {
    /// A bus that starts from what its directory remembers.
    pub(crate) fn nothing(cell: &BusCell) -> Self {
        let (settled, forgotten) = (cell.directory.settled(), cell.directory.forgotten());
        let limits = &cell.common.shared.limits;
        Self {
            window: Window::new(cell.settings.bus_window, settled),
            answers: Answers::new(limits.idempotency_window, limits.idempotency_keys),
            channels: HashMap::default(),
            settled,
            forgotten,
        }
    }
}

/// A bus on its way back.
#[derive(Debug)]
pub(crate) struct Recovery {
    settings: BusSettings,
    gauge: Arc<MemoryGauge>,
    now: Timestamp,
    restored: Restored,
}

impl Recovery {
    pub(crate) fn new(
        settings: BusSettings,
        limits: &BrokerLimits,
        gauge: &Arc<MemoryGauge>,
        now: Timestamp,
    ) -> Self {
        let restored = Restored {
            window: Window::new(settings.bus_window, MessageId::ZERO),
            answers: Answers::new(limits.idempotency_window, limits.idempotency_keys),
            channels: HashMap::default(),
            settled: MessageId::ZERO,
            forgotten: MessageId::ZERO,
        };
        Self { settings, gauge: Arc::clone(gauge), now, restored }
    }

    pub(crate) fn settings(&self) -> &BusSettings {
        &self.settings
    }

    /// Takes the next record in id order.
    pub(crate) fn take(&mut self, record: Recovered) {
        let newest = record.last();
        let Recovered { channel, first, messages, accepted, until, key, .. } = record;
        let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        let Self { settings, gauge, now, restored } = self;
        if let Some(key) = &key {
            restored.answers.restore(&channel, key, Posted::new(first, count), accepted);
            restored.answers.expire(*now);
        }
        let numbered = (first.as_u64()..).map(MessageId::from_u64).zip(messages);
        let entries: Vec<_> = numbered
            .map(|(id, message)| Arc::new(Entry::new(id, until, channel.clone(), message, gauge)))
            .collect();
        for entry in &entries {
            restored.window.push(Arc::clone(entry));
        }
        restored.window.expire(*now);
        restored.settled = newest;

        let end = accepted.after(settings.channel_idle).min(until);
        let known = restored.channels.get(&channel);
        let over = known.is_some_and(|there| there.until <= accepted);
        if over || (known.is_none() && until <= *now) {
            // It expired before this post, as [`crate::directory`] has it; or all of it has by now.
            let before = restored.channels.remove(&channel).map_or(MessageId::ZERO, |there| there.newest);
            restored.forgotten = restored.forgotten.max(before);
            if until <= *now {
                restored.forgotten = restored.forgotten.max(newest);
                return;
            }
        }
        let forgotten = restored.forgotten;
        let there = restored.channels.entry(channel).or_insert_with(|| RestoredChannel {
            window: Window::new(settings.channel_window, forgotten),
            newest,
            until: end,
        });
        for entry in entries {
            there.window.push(entry);
        }
        there.window.expire(*now);
        (there.newest, there.until) = (newest, end);
    }

    /// The bus as it was. Messages up to `lost` may have existed and were not among the records; after a
    /// salvage some of those below it were.
    pub(crate) fn finish(self, lost: MessageId) -> Restored {
        let Self { now, mut restored, .. } = self;
        restored.settled = restored.settled.max(lost);
        restored.forgotten = restored.forgotten.max(lost);
        restored.window.lose(lost);
        let forgotten = &mut restored.forgotten;
        restored.channels.retain(|_, channel| {
            let lives = now < channel.until;
            if !lives {
                *forgotten = (*forgotten).max(channel.newest);
            }
            lives
        });
        for channel in restored.channels.values_mut() {
            channel.window.lose(lost);
            // Nobody who comes from below the hole is up to date.
            channel.newest = channel.newest.max(lost);
        }
        restored
    }
}

#[cfg(test)]
mod tests;
