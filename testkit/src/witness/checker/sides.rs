//! A bus on which some POSTs are sticky, as two: each of its two sides goes by the rules that all other buses go by.
//!
//! What is not promised leaves a window from its front, and so does what is: in between they do not keep to one another. So each answer
//! is judged as two, one of what it shows of either side. What it says of its completeness is true of both if that is `complete`;
//! if it is a gap, that may be of one of them alone. A reader of sticky messages reads one side.

use std::collections::BTreeMap;

use super::super::history::{Answer, Attempt, ChannelKey, History, Resume, Retrieval, Shown, Stretch, View};
use super::Rules;

/// A history of buses without sides, and its rules: sides of sticky POSTs come behind all buses, in their order.
pub(super) fn of(history: &History, rules: &[Rules]) -> Option<(History, Vec<Rules>)> {
    let sides = Sides::of(rules);
    if sides.0.is_empty() {
        return None;
    }
    let attempts = history.attempts.iter().map(|attempt| {
        let channel = sides.channel(attempt.channel, attempt.post.is_sticky());
        Attempt { channel, ..attempt.clone() }
    });
    let retrievals = history.retrievals.iter().flat_map(|retrieval| sides.retrievals(retrieval));
    let stretches = history.stretches.iter().flat_map(|stretch| sides.stretches(stretch));
    let split = History {
        attempts: attempts.collect(),
        retrievals: retrievals.collect(),
        stretches: stretches.collect(),
        failures: history.failures.clone(),
        tally: history.tally,
    };
    Some((split, rules_of_sides(rules)))
}

fn rules_of_sides(rules: &[Rules]) -> Vec<Rules> {
    let plain = rules.iter().map(|rules| {
        // As long as anything is promised in a channel, it lives on.
        Rules { kept: rules.kept + rules.promised.unwrap_or(0), ..rules.clone() }
    });
    let sticky = rules.iter().filter_map(|rules| {
        let promised = rules.promised?;
        // No promise is taken back for another one.
        Some(Rules { idle: promised, retention: promised, channel_window: usize::MAX / 2, ..rules.clone() })
    });
    plain.chain(sticky).collect()
}

/// The side of the sticky POSTs of each bus that has any.
struct Sides(BTreeMap<u8, u8>);

impl Sides {
    fn of(rules: &[Rules]) -> Self {
        let all = u8::try_from(rules.len()).expect("few buses");
        let with = (0u8..).zip(rules).filter(|(_, rules)| rules.promised.is_some()).map(|(bus, _)| bus);
        Self(with.zip(all..).collect())
    }

    fn channel(&self, channel: ChannelKey, sticky: bool) -> ChannelKey {
        match self.0.get(&channel.bus).filter(|_| sticky) {
            Some(side) => ChannelKey { bus: *side, ..channel },
            None => channel,
        }
    }

    fn shown(&self, shown: Shown) -> Shown {
        Shown { channel: self.channel(shown.channel, shown.stamp.post().is_sticky()), ..shown }
    }

    /// The view of the other side, if there is one.
    fn other(&self, view: View) -> Option<View> {
        let side = *self.0.get(&view.bus())?;
        Some(match view {
            View::Bus(_) => View::Bus(side),
            View::Channel(channel) => View::Channel(ChannelKey { bus: side, ..channel }),
        })
    }

    fn retrievals(&self, retrieval: &Retrieval) -> Vec<Retrieval> {
        let Some(other) = self.other(retrieval.view) else { return vec![retrieval.clone()] };
        let side = |view: View| {
            let shown = retrieval.answer.shown.iter().map(|shown| self.shown(*shown));
            let shown = shown.filter(|shown| shown.channel.bus == view.bus()).collect();
            let resume = match retrieval.answer.resume {
                Resume::Gap => Resume::Unsure,
                said => said,
            };
            Retrieval { view, answer: Answer { shown, resume, ..retrieval.answer }, ..retrieval.clone() }
        };
        vec![side(retrieval.view), side(other)]
    }

    fn stretches(&self, stretch: &Stretch) -> Vec<Stretch> {
        if self.other(stretch.retrieval.view).is_none() {
            return vec![stretch.clone()];
        }
        let side = |retrieval: Retrieval| {
            let shown = &stretch.retrieval.answer.shown;
            let links = shown.iter().zip(&stretch.links);
            let own = links.filter(|(shown, _)| self.shown(**shown).channel.bus == retrieval.view.bus());
            let links = own.map(|(_, link)| *link).collect();
            Stretch { retrieval, links, last: stretch.last }
        };
        self.retrievals(&stretch.retrieval).into_iter().map(side).collect()
    }
}
