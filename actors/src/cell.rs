//! One bus as its actor, its Supervisor and its readers see it.

use std::sync::Arc;

use crate::BusSettings;
use crate::directory::Directory;
use crate::shared::BusCommon;

pub(crate) struct BusCell {
    /// What its channels see as well: they know nothing of the directory that holds them.
    pub(crate) common: Arc<BusCommon>,
    pub(crate) settings: BusSettings,
    pub(crate) directory: Directory,
}
