//! The log that promises nothing beyond the process.

use std::sync::Arc;

use super::{Appended, Extent, Log, LogError, Notify, Record, Recovered, RecoveryError};
use crate::{MessageId, Timestamp};

/// Keeps nothing: messages live in the windows alone and end with the process.
#[derive(Debug, Default)]
pub struct MemoryLog {
    closed: bool,
}

impl Log for MemoryLog {
    fn recover(
        &mut self,
        now: Timestamp,
        _visit: &mut dyn FnMut(Recovered),
    ) -> Result<Extent, RecoveryError> {
        // Ids of an earlier run stand for messages that are lost.
        let born = MessageId::first_at(now);
        Ok(Extent { highest: born, lost: born })
    }

    fn append(&mut self, _record: &Arc<Record>, _notify: &Notify) -> Result<Appended, LogError> {
        if self.closed { Err(LogError::Closed) } else { Ok(Appended::Durable) }
    }

    fn close(&mut self) {
        self.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::contract;

    #[test]
    fn the_memory_log_keeps_the_contract() {
        contract::check(MemoryLog::default);
    }
}
