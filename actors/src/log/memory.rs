//! The log that promises nothing beyond the process.

use std::sync::Arc;

use super::{Appended, Log, LogError, Notify, Record, Recovered};
use crate::MessageId;

/// Keeps nothing: messages live in the windows alone and end with the process.
#[derive(Debug, Default)]
pub struct MemoryLog {
    closed: bool,
}

impl Log for MemoryLog {
    fn recover(&mut self, _visit: &mut dyn FnMut(Recovered)) -> Result<MessageId, LogError> {
        Ok(MessageId::ZERO)
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
