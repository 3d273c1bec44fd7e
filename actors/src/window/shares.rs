//! Pure: a bound that several claimants share, so that the flood of one ends at his share (I-5).
//!
//! **The rule.** Half of a bound is free for whoever comes first; the other half is guaranteed in equal parts to its
//! claimants, whether they were ever seen or not. So somebody may take more as long as the parts that the others have not
//! used up yet still fit. Who is no claimant (any more) has no part: he takes from what is free. Where nobody is a
//! claimant there are no parts.
//!
//! Two sums say what is left, so each question takes the same time whatever the number of claimants.

/// What somebody has of a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Claim {
    pub(crate) used: usize,
    /// He is a claimant: a part is guaranteed to him.
    pub(crate) assured: bool,
}

/// The sums of a bound that is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shares {
    claimants: usize,
    /// What is guaranteed to each of them.
    part: usize,
    /// What all have, claimants or not.
    used: usize,
    /// What claimants have within their parts.
    met: usize,
}

/// The part of each of so many claimants of a bound.
pub(crate) const fn part_of(bound: usize, claimants: usize) -> usize {
    match (bound / 2).checked_div(claimants) {
        Some(part) => part,
        None => 0,
    }
}

impl Shares {
    /// Gives each of so many claimants this part. `claims` are those of all who have something.
    pub(crate) fn divide(&mut self, claimants: usize, part: usize, claims: impl Iterator<Item = Claim>) {
        *self = Self { claimants, part, used: 0, met: 0 };
        for claim in claims {
            self.used = self.used.saturating_add(claim.used);
            self.met = self.met.saturating_add(self.met_of(claim));
        }
    }

    fn met_of(&self, claim: Claim) -> usize {
        if claim.assured { claim.used.min(self.part) } else { 0 }
    }

    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    #[cfg(test)]
    pub(crate) const fn part(&self) -> usize {
        self.part
    }

    /// What is left of the parts of all.
    pub(crate) const fn unmet(&self) -> usize {
        self.claimants.saturating_mul(self.part).saturating_sub(self.met)
    }

    /// What is left of the parts of all but this one.
    pub(crate) fn unmet_beside(&self, claim: Claim) -> usize {
        let own = if claim.assured { self.part.saturating_sub(claim.used) } else { 0 };
        self.unmet().saturating_sub(own)
    }

    /// Adds to a claim, whether it fits or not.
    pub(crate) fn take(&mut self, claim: &mut Claim, amount: usize) {
        self.change(claim, claim.used.saturating_add(amount));
    }

    /// Takes from a claim what was added to it.
    pub(crate) fn give_back(&mut self, claim: &mut Claim, amount: usize) {
        debug_assert!(amount <= claim.used, "no more is given back than was held");
        self.change(claim, claim.used.saturating_sub(amount));
    }

    fn change(&mut self, claim: &mut Claim, used: usize) {
        let (before, after) = (*claim, Claim { used, ..*claim });
        self.used = self.used.saturating_sub(before.used).saturating_add(after.used);
        self.met = self.met.saturating_sub(self.met_of(before)).saturating_add(self.met_of(after));
        *claim = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule as it is written, worked out anew each time.
    fn may_take(bound: usize, claims: &[Claim], n: usize, amount: usize) -> bool {
        let claimants = claims.iter().filter(|claim| claim.assured).count();
        let part = (bound / 2).checked_div(claimants).unwrap_or(0);
        let used: usize = claims.iter().map(|claim| claim.used).sum();
        let others = claims.iter().enumerate().filter(|(other, claim)| *other != n && claim.assured);
        let kept: usize = others.map(|(_, claim)| part.saturating_sub(claim.used)).sum();
        used + amount + kept <= bound
    }

    fn divided(bound: usize, claims: &[Claim]) -> Shares {
        let claimants = claims.iter().filter(|claim| claim.assured).count();
        let mut shares = Shares::default();
        shares.divide(claimants, part_of(bound, claimants), claims.iter().copied());
        shares
    }

    proptest! {
        /// I-5: the sums are the rule, nobody below his part is refused, and the bound holds.
        #[test]
        fn nobody_is_refused_his_part_and_the_bound_holds(
            bound in 0usize..200,
            assured in prop::collection::vec(any::<bool>(), 1..6),
            steps in prop::collection::vec((any::<prop::sample::Index>(), 0usize..60, any::<bool>()), 0..80),
        ) {
            let mut claims: Vec<Claim> = assured.iter().map(|assured| Claim { used: 0, assured: *assured }).collect();
            let mut shares = divided(bound, &claims);
            for (who, amount, gives) in steps {
                let n = who.index(claims.len());
                if gives {
                    let amount = amount.min(claims[n].used);
                    shares.give_back(&mut claims[n], amount);
                } else {
                    let fits = shares.used() + amount + shares.unmet_beside(claims[n]) <= bound;
                    prop_assert_eq!(fits, may_take(bound, &claims, n, amount));
                    let within = claims[n].assured && claims[n].used + amount <= shares.part();
                    prop_assert!(fits || !within, "refused below his part");
                    if fits {
                        shares.take(&mut claims[n], amount);
                    }
                }
                prop_assert!(shares.used() <= bound);
                prop_assert_eq!(shares, divided(bound, &claims));
            }
        }
    }

    #[test]
    fn one_alone_may_take_all_and_a_stranger_what_is_free() {
        let alone = divided(100, &[Claim { used: 0, assured: true }]);
        assert_eq!((alone.part(), alone.unmet_beside(Claim { used: 0, assured: true })), (50, 0));
        let stranger = Claim::default();
        assert_eq!(alone.unmet_beside(stranger), 50);
        assert_eq!(divided(100, &[stranger]).unmet(), 0, "without claimants there are no parts");
    }
}
