//! What to subscribe to, and what a subscription yields.

use crate::model::{ChannelName, MessageId, Position, Since};
use crate::watch::{Delivered, End};
use crate::window::Resume;

/// What to subscribe to, and from where.
#[derive(Debug, Clone)]
pub enum Selection {
    /// All of a bus.
    Bus(Since),
    /// Channels of it, each once.
    Channels(Vec<(ChannelName, Since)>),
}

/// What a [`Subscription`](super::Subscription) yields.
#[derive(Debug, Clone)]
pub enum Event {
    /// Where it stands: first of all, and whenever something may have been missed.
    Resumed(Resumed),
    /// A message.
    Message(Delivered),
    /// Nothing more comes.
    End(End),
}

/// Where a subscription stands, and whether something was missed before that.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// The worst of all.
    pub resume: Resume,
    /// The position: what comes is newer.
    pub position: Position,
    /// What the next message would have named as the one before it, if there was anything.
    pub last: Option<MessageId>,
    /// The channels that were looked at, and whether something of each was missed. Empty where the bus was.
    pub channels: Vec<(ChannelName, Resume)>,
}
