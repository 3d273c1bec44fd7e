//! How many are in, in all and of one address. Pure.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::address::Block;

/// Where a connection was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Among all.
    Hall,
    /// In the reserve: only what probes ask is answered.
    Reserve,
}

/// Why a connection was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refused {
    /// There are as many as there may be.
    Full,
    /// There are as many of its address as there may be.
    Address,
    /// There are as many TLS handshakes as there may be.
    Handshakes,
    /// More was asked than can be answered, by its address too.
    Overload,
}

impl Refused {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Full, Self::Address, Self::Handshakes, Self::Overload];

    /// As metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
            Self::Handshakes => "handshakes",
            Self::Overload => "overload",
        }
    }
}

/// How many may be in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// In all.
    pub(super) all: usize,
    /// Of one address.
    pub(super) of_one: usize,
    /// In the reserve.
    pub(super) reserve: usize,
}

/// One address may take so many places of the reserve: otherwise whoever filled the hall would fill it too.
const RESERVE_PER_ADDRESS: usize = 4;

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    hall: usize,
    reserve: usize,
}

/// Who is in.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    hall: usize,
    reserve: usize,
    of: HashMap<Block, Count, RandomState>,
}

impl Crowd {
    /// Lets somebody in. `exempt`: the address is not counted, as it comes for many.
    pub(super) fn enter(&mut self, block: Block, exempt: bool, bounds: Bounds) -> Result<Place, Refused> {
        let count = self.of.get(&block).copied().unwrap_or_default();
        if !exempt && count.hall >= bounds.of_one {
            return Err(Refused::Address);
        }
        if self.hall < bounds.all {
            self.hall += 1;
            self.of.entry(block).or_default().hall += 1;
            return Ok(Place::Hall);
        }
        if self.reserve < bounds.reserve && (exempt || count.reserve < RESERVE_PER_ADDRESS) {
            self.reserve += 1;
            self.of.entry(block).or_default().reserve += 1;
            return Ok(Place::Reserve);
        }
        Err(Refused::Full)
    }

    /// A connection that was let in has gone.
    pub(super) fn leave(&mut self, block: Block, place: Place) {
        let Some(count) = self.of.get_mut(&block) else {
            debug_assert!(false, "nobody leaves who has not entered");
            return;
        };
        let (all, own) = match place {
            Place::Hall => (&mut self.hall, &mut count.hall),
            Place::Reserve => (&mut self.reserve, &mut count.reserve),
        };
        *all = all.saturating_sub(1);
        *own = own.saturating_sub(1);
        if count.hall == 0 && count.reserve == 0 {
            self.of.remove(&block);
            // A crowd that has gone leaves no table behind.
            if self.of.len() < self.of.capacity() / 4 {
                self.of.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    fn block(n: u8) -> Block {
        Block::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)))
    }

    const fn bounds(all: usize, of_one: usize, reserve: usize) -> Bounds {
        Bounds { all, of_one, reserve }
    }

    #[test]
    fn one_address_has_its_bound_and_others_come_in() {
        let (mut crowd, bounds) = (Crowd::default(), bounds(10, 2, 0));
        assert_eq!(crowd.enter(block(1), false, bounds), Ok(Place::Hall));
        assert_eq!(crowd.enter(block(1), false, bounds), Ok(Place::Hall));
        assert_eq!(crowd.enter(block(1), false, bounds), Err(Refused::Address));
        assert_eq!(crowd.enter(block(2), false, bounds), Ok(Place::Hall));
        assert_eq!(crowd.enter(block(1), true, bounds), Ok(Place::Hall), "a proxy comes for many");
        crowd.leave(block(1), Place::Hall);
        crowd.leave(block(1), Place::Hall);
        assert_eq!(crowd.enter(block(1), false, bounds), Ok(Place::Hall), "who leaves makes room");
    }

    #[test]
    fn the_reserve_is_what_is_left_when_all_is_full() {
        let (mut crowd, bounds) = (Crowd::default(), bounds(2, 100, 6));
        for _ in 0..2 {
            assert_eq!(crowd.enter(block(1), false, bounds), Ok(Place::Hall));
        }
        for _ in 0..RESERVE_PER_ADDRESS {
            assert_eq!(crowd.enter(block(1), false, bounds), Ok(Place::Reserve));
        }
        assert_eq!(crowd.enter(block(1), false, bounds), Err(Refused::Full), "not all of it for one");
        assert_eq!(crowd.enter(block(2), false, bounds), Ok(Place::Reserve));
        assert_eq!(crowd.enter(block(2), false, bounds), Ok(Place::Reserve));
        assert_eq!(crowd.enter(block(3), false, bounds), Err(Refused::Full));
        crowd.leave(block(1), Place::Hall);
        assert_eq!(crowd.enter(block(3), false, bounds), Ok(Place::Hall));
    }

    proptest! {
        /// Whatever comes and goes: no bound is exceeded, nobody is refused below all bounds, and an empty house keeps
        /// nothing.
        #[test]
        fn i_5_bounds_hold_whoever_comes_and_goes(
            steps in prop::collection::vec((0u8..4, any::<bool>(), any::<prop::sample::Index>()), 0..200),
        ) {
            let (mut crowd, bounds) = (Crowd::default(), bounds(6, 3, 5));
            let mut inside: Vec<(Block, Place)> = Vec::new();
            for (who, comes, which) in steps {
                let of = |place, inside: &[(Block, Place)]| {
                    inside.iter().filter(|there| **there == (block(who), place)).count()
                };
                if comes {
                    let hall = inside.iter().filter(|(_, place)| *place == Place::Hall).count();
                    let (own, kept) = (of(Place::Hall, &inside), of(Place::Reserve, &inside));
                    let expected = if own >= 3 {
                        Err(Refused::Address)
                    } else if hall < 6 {
                        Ok(Place::Hall)
                    } else if inside.len() - hall < 5 && kept < RESERVE_PER_ADDRESS {
                        Ok(Place::Reserve)
                    } else {
                        Err(Refused::Full)
                    };
                    let entered = crowd.enter(block(who), false, bounds);
                    prop_assert_eq!(entered, expected);
                    inside.extend(entered.map(|place| (block(who), place)));
                } else if !inside.is_empty() {
                    let (block, place) = inside.swap_remove(which.index(inside.len()));
                    crowd.leave(block, place);
                }
                prop_assert_eq!(crowd.hall + crowd.reserve, inside.len());
            }
            for (block, place) in inside {
                crowd.leave(block, place);
            }
            prop_assert_eq!((crowd.hall, crowd.reserve, crowd.of.len()), (0, 0, 0));
        }
    }
}
