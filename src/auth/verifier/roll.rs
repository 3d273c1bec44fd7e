//! Who is known at the moment: the accounts, and for each user the credential that was last verified.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use foldhash::fast::{FixedState, RandomState};
use subtle::ConstantTimeEq as _;

use super::Tag;
use crate::auth::{Accounts, UserName};

/// Addresses per verified credential that need not be noted again.
const NOTED: usize = 16;

/// Replaced as a whole when accounts change. One slot per user, hence bounded by the accounts.
#[derive(Debug)]
pub(super) struct Roll {
    pub(super) accounts: Arc<Accounts>,
    slots: HashMap<UserName, Slot, RandomState>,
}

/// What is remembered of one user.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) user: UserName,
    verified: ArcSwapOption<Verified>,
}

#[derive(Debug)]
struct Verified {
    tag: Tag,
    until: Duration,
    // Hashes of addresses that used it: a filter in front of the limiter's lock.
    noted: [AtomicU64; NOTED],
}

/// What a slot says of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// It is right.
    Fresh {
        /// This address was not noted with it lately.
        new_address: bool,
    },
    /// It was right, and is to be hashed again.
    Stale,
    /// It is not the one that was last right.
    Unknown,
}

impl Roll {
    /// A roll for these accounts. What was verified stays verified for users whose hash is the same as before.
    pub(super) fn new(accounts: Arc<Accounts>, before: Option<&Self>) -> Self {
        let slots = accounts.users().map(|user| {
            let kept = before
                .filter(|before| {
                    let name = user.as_str();
                    before.accounts.password_hash(name) == accounts.password_hash(name)
                })
                .and_then(|before| before.slot(user.as_str()))
                .and_then(|slot| slot.verified.load_full());
            (user.clone(), Slot { user: user.clone(), verified: ArcSwapOption::new(kept) })
        });
        Self { slots: slots.collect(), accounts }
    }

    pub(super) fn slot(&self, user: &str) -> Option<&Slot> {
        self.slots.get(user)
    }
}

impl Slot {
    pub(super) fn recall(&self, tag: &Tag, client: IpAddr, now: Duration) -> Memory {
        match &*self.verified.load() {
            Some(verified) if bool::from(verified.tag.ct_eq(tag)) => {
                if now < verified.until {
                    Memory::Fresh { new_address: verified.note(client) }
                } else {
                    Memory::Stale
                }
            }
            _ => Memory::Unknown,
        }
    }

    /// This address has been told to the limiter and the log.
    pub(super) fn note(&self, client: IpAddr) {
        if let Some(verified) = &*self.verified.load() {
            verified.note(client);
        }
    }

    pub(super) fn remember(&self, tag: Tag, until: Duration) {
        self.verified.store(Some(Arc::new(Verified { tag, until, noted: Default::default() })));
    }
}

impl Verified {
    /// Whether this address is new here.
    fn note(&self, client: IpAddr) -> bool {
        let hash = FixedState::default().hash_one(client);
        let place = usize::try_from(hash % 16).unwrap_or(0);
        // Relaxed: it is a hint, losing or repeating a note does no harm.
        self.noted.get(place).is_some_and(|noted| {
            noted.load(Ordering::Relaxed) != hash && noted.swap(hash, Ordering::Relaxed) != hash
        })
    }
}
