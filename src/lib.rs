//! Service.

pub mod envelope;
