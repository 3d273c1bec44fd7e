//! How long those rest who were refused. Pure.

use std::cell::Cell;
use std::time::Duration;

use super::REST;

/// The golden ratio's part of a turn: its multiples are spread evenly, however many there are.
const STEP: u32 = 0x9E37_79B9;

/// Rests of different length: who was refused in one moment should not come back in one.
#[derive(Debug, Default)]
pub(in crate::door) struct Rests(Cell<u32>);

impl Rests {
    /// The next one's rest: [`REST`], and up to as much again.
    pub(in crate::door) fn next(&self) -> Duration {
        let part = self.0.get().wrapping_add(STEP);
        self.0.set(part);
        REST + REST.mul_f64(f64::from(part) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However many were refused before: of any hundred in a row each tenth of the spread has its part.
        #[test]
        fn i_5_who_rests_comes_back_by_and_by(before in any::<u32>()) {
            let rests = Rests(Cell::new(before));
            let mut tenths = [0; 10];
            for _ in 0..100 {
                let spread = rests.next().checked_sub(REST).unwrap();
                prop_assert!(spread <= REST);
                let tenth = spread.as_millis() * 10 / REST.as_millis();
                tenths[usize::try_from(tenth).unwrap().min(9)] += 1;
            }
            prop_assert!(tenths.iter().all(|count| (8..=12).contains(count)), "{tenths:?}");
        }
    }
}
