//! Ids and the log under one lock, so that the log sees records in id order over all buses (I-1).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::log::{Appended, Log, Notify, Record};
use crate::{MessageId, PostError, Sequencer, Since, Timestamp};

pub(crate) struct Journal {
    writer: Mutex<Writer>,
    issued: AtomicU64,
}

struct Writer {
    sequencer: Sequencer,
    log: Box<dyn Log>,
}

impl Journal {
    /// A journal whose ids are all above `highest`.
    pub(crate) fn new(log: Box<dyn Log>, highest: MessageId) -> Self {
        let sequencer = Sequencer::after(highest);
        Self { writer: Mutex::new(Writer { sequencer, log }), issued: AtomicU64::new(highest.as_u64()) }
    }

    /// Gives `count` ids to the record that `build` makes from the first of them, and logs it.
    pub(crate) fn append(
        &self,
        count: u32,
        now: Timestamp,
        notify: &Notify,
        build: impl FnOnce(MessageId) -> Record,
    ) -> Result<(Arc<Record>, Appended), PostError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let first = writer.sequencer.take(count, now).ok_or(PostError::NoMoreIds)?;
        self.issued.store(writer.sequencer.highest().as_u64(), Ordering::Release);
        let record = Arc::new(build(first));
        let appended = writer.log.append(&record, notify)?;
        Ok((record, appended))
    }

    /// No more records are at hand for now.
    pub(crate) fn flush(&self) {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).log.flush();
    }

    /// Sees through a position that was never handed out: it is above every id there is.
    pub(crate) fn judge(&self, since: Since) -> Since {
        match since {
            Since::After(id) if id.as_u64() > self.issued.load(Ordering::Acquire) => Since::Unknown,
            other => other,
        }
    }

    pub(crate) fn close(&self) {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).log.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::MemoryLog;

    #[test]
    fn i_1_ids_that_are_used_up_are_told_and_nothing_is_built() {
        let last = MessageId::from_u64(u64::MAX);
        let journal = Journal::new(Box::new(MemoryLog::default()), last);
        let appended = journal
            .append(1, Timestamp::EPOCH, &Notify::new(|_| ()), |_| unreachable!("there is no id for it"));
        assert_eq!(appended.err(), Some(PostError::NoMoreIds));
        assert_eq!(journal.judge(Since::After(last)), Since::After(last));
    }
}
