//! Pure: which channels may have fallen due. One list for a bus instead of a timer for each channel.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{ChannelName, Moment};

/// Channels in the order in which they are to be looked at, in buckets of time.
///
/// It is a list of suspicions: a post does not move its channel. Who takes a channel off the list
/// looks up when it is really due and puts it back if that is later.
#[derive(Debug)]
pub(crate) struct ExpiryList {
    buckets: BTreeMap<u64, Vec<ChannelName>>,
    /// Width of a bucket, in milliseconds, at least 1.
    width: u64,
}

/// Where a channel stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listing(u64);

impl ExpiryList {
    /// A list whose channels come up at most one `width` late.
    pub(crate) fn new(width: Duration) -> Self {
        let width = u64::try_from(width.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { buckets: BTreeMap::new(), width }
    }

    /// Lists a channel and tells where, so that a listing that was overtaken by another can be known.
    pub(crate) fn push(&mut self, due: Moment, channel: ChannelName) -> Listing {
        let bucket = due.as_millis().div_ceil(self.width);
        self.buckets.entry(bucket).or_default().push(channel);
        Listing(bucket)
    }

    /// Takes at most `most` channels that are due.
    pub(crate) fn take(&mut self, now: Moment, most: usize) -> Vec<(Listing, ChannelName)> {
        let mut taken = Vec::new();
        let current = now.as_millis() / self.width;
        while taken.len() < most {
            let Some(mut bucket) = self.buckets.first_entry().filter(|bucket| *bucket.key() <= current)
            else {
                break;
            };
            let listing = Listing(*bucket.key());
            let names = bucket.get_mut();
            let keep = names.len().saturating_sub(most - taken.len());
            taken.extend(names.drain(keep..).map(|name| (listing, name)));
            if names.is_empty() {
                bucket.remove();
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Nothing comes up early, nothing more than a bucket late, and everything once.
        #[test]
        fn channels_come_up_once_and_on_time(dues in prop::collection::vec(0u64..200, 0..60), width in 1u64..20, most in 1usize..10) {
            let mut list = ExpiryList::new(Duration::from_millis(width));
            for (n, due) in dues.iter().enumerate() {
                list.push(Moment::from_millis(*due), format!("c{n}").parse().unwrap());
            }
            let mut seen = vec![false; dues.len()];
            for now in 0..=220 {
                loop {
                    let taken = list.take(Moment::from_millis(now), most);
                    prop_assert!(taken.len() <= most);
                    for (_, name) in &taken {
                        let n: usize = name.as_str()[1..].parse().unwrap();
                        prop_assert!(!seen[n] && dues[n] <= now && now < dues[n] + width);
                        seen[n] = true;
                    }
                    if taken.is_empty() {
                        break;
                    }
                }
            }
            prop_assert!(seen.iter().all(|seen| *seen));
        }
    }
}
