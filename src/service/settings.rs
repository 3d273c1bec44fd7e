//! What requests are judged by. Replaced as a whole when the configuration is read again.

use std::sync::Arc;

use backplane_actors::{MessageLimits, PayloadRule, PromiseRule};

use crate::auth::TransportPolicy;
use crate::config::{Limits, Requests};

pub(super) struct Settings {
    pub(super) transport: TransportPolicy,
    pub(super) limits: Limits,
    pub(super) message_limits: MessageLimits,
    /// What URLs start with outside, without a slash at the end.
    pub(super) public_base: Option<Arc<str>>,
}

impl Settings {
    pub(super) fn of(requests: &Requests) -> Self {
        let limits = requests.limits;
        Self {
            transport: TransportPolicy {
                insecure_auth: requests.insecure_auth,
                trusted_proxies: requests.trusted_proxies.clone(),
            },
            message_limits: MessageLimits {
                messages: limits.messages_per_post,
                message: limits.message,
                depth: limits.json_depth,
                // Each bus has its own.
                payload: PayloadRule::default(),
                // And so has each version.
                promises: PromiseRule::default(),
            },
            limits,
            public_base: requests.public_base().map(Arc::from),
        }
    }
}
