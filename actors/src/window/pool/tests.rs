//! The pool against the rule as it is written, worked out anew from all that is held.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const POSTERS: usize = 4;

fn poster(n: usize) -> Poster {
    Poster::new(&format!("p{n}")).unwrap()
}

/// A bus of the model.
#[derive(Debug, Clone, Default)]
struct Told {
    open: bool,
    own: Own,
    assured: Vec<usize>,
    /// What each poster holds, in pieces.
    held: BTreeMap<usize, Vec<Load>>,
}

impl Told {
    fn of(&self, poster: usize, of: fn(&Load) -> usize) -> usize {
        self.held.get(&poster).into_iter().flatten().map(of).sum()
    }

    fn all(&self, of: fn(&Load) -> usize) -> usize {
        (0..POSTERS).map(|poster| self.of(poster, of)).sum()
    }

    /// What is left of the parts of all posters, without this one.
    fn unmet(&self, part: usize, without: Option<usize>, of: fn(&Load) -> usize) -> usize {
        let others = self.assured.iter().filter(|poster| Some(**poster) != without);
        others.map(|poster| part.saturating_sub(self.of(*poster, of))).sum()
    }

    fn part(&self, bound: usize) -> usize {
        if self.assured.is_empty() { 0 } else { bound / self.assured.len() }
    }

    fn most(&self) -> usize {
        self.own.bytes.unwrap_or(usize::MAX)
    }

    /// The part in bytes of each poster, where that of every bus is this.
    fn byte_part(&self, part: usize) -> usize {
        self.part(self.own.bytes.map_or(part, |most| part.min(most / 2)))
    }
}

#[derive(Debug)]
struct Model {
    bounds: Bounds,
    buses: BTreeMap<u32, Told>,
    /// Nothing was taken beyond the rule, and no part has grown since.
    kept_to: bool,
}

impl Model {
    fn part(&self) -> usize {
        let open = self.buses.values().filter(|bus| bus.open).count();
        (self.bounds.bytes / 2).checked_div(open).unwrap_or(0)
    }

    fn channels(&self, bus: &Told) -> usize {
        bus.own.channels.unwrap_or(self.bounds.channels)
    }

    fn used(&self) -> usize {
        self.buses.values().map(|bus| bus.all(|load| load.bytes)).sum()
    }

    /// Bytes of a bus that nobody else may take.
    fn kept(&self, bus: &Told) -> usize {
        let (part, used) = (self.part(), bus.all(|load| load.bytes));
        let rest = part.min(bus.most()).saturating_sub(used);
        let rest = rest.max(bus.unmet(bus.byte_part(part), None, |load| load.bytes));
        if bus.open { rest.min(bus.most().saturating_sub(used)) } else { 0 }
    }

    fn fits(&self, number: u32, poster: usize, load: Load) -> bool {
        let bus = &self.buses[&number];
        let others = self.buses.iter().filter(|(other, _)| **other != number).map(|(_, bus)| self.kept(bus));
        let own = bus.unmet(bus.byte_part(self.part()), Some(poster), |load| load.bytes);
        let within_own = bus.all(|load| load.bytes) + load.bytes + own <= bus.most();
        let bytes = within_own && self.used() + load.bytes + others.sum::<usize>() + own <= self.bounds.bytes;
        let within = |bound: usize, amount: usize, of: fn(&Load) -> usize| {
            amount == 0 || bus.all(of) + amount + bus.unmet(bus.part(bound / 2), Some(poster), of) <= bound
        };
        (load.bytes == 0 || bytes)
            && within(self.channels(bus), load.channels, |load| load.channels)
            && within(self.bounds.keys, load.keys, |load| load.keys)
    }

    /// Whether this is within the parts that are guaranteed to him.
    fn is_within_parts(&self, number: u32, poster: usize, load: Load) -> bool {
        let bus = &self.buses[&number];
        let within = |part: usize, amount: usize, of: fn(&Load) -> usize| bus.of(poster, of) + amount <= part;
        bus.open
            && bus.assured.contains(&poster)
            && within(bus.byte_part(self.part()), load.bytes, |load| load.bytes)
            && within(bus.part(self.channels(bus) / 2), load.channels, |load| load.channels)
            && within(bus.part(self.bounds.keys / 2), load.keys, |load| load.keys)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Open(Vec<usize>, Own),
    Close(prop::sample::Index),
    Change(prop::sample::Index, Vec<usize>, Own),
    SetBounds(Bounds),
    Try(prop::sample::Index, usize, Load),
    /// Comes back from a log.
    Take(prop::sample::Index, usize, Load),
    GiveBack(prop::sample::Index, usize),
}

fn bounds() -> impl Strategy<Value = Bounds> {
    (0usize..400, 0usize..12, 0usize..12).prop_map(|(bytes, channels, keys)| Bounds { bytes, channels, keys })
}

fn own() -> impl Strategy<Value = Own> {
    let some = |most| prop::option::weighted(0.3, 0usize..most);
    (some(200), some(12)).prop_map(|(bytes, channels)| Own { bytes, channels })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = any::<prop::sample::Index>;
    let load = (0usize..60, 0usize..3, 0usize..2)
        .prop_map(|(bytes, channels, keys)| Load { bytes, channels, keys })
        .boxed();
    let posters = prop::sample::subsequence((0..POSTERS).collect::<Vec<_>>(), 0..=POSTERS).boxed();
    let step = prop_oneof![
        2 => (posters.clone(), own()).prop_map(|(posters, own)| Step::Open(posters, own)),
        1 => at().prop_map(Step::Close),
        1 => (at(), posters, own()).prop_map(|(bus, posters, own)| Step::Change(bus, posters, own)),
        1 => bounds().prop_map(Step::SetBounds),
        16 => (at(), 0..POSTERS, load.clone()).prop_map(|(bus, poster, load)| Step::Try(bus, poster, load)),
        1 => (at(), 0..POSTERS, load).prop_map(|(bus, poster, load)| Step::Take(bus, poster, load)),
        6 => (at(), 0..POSTERS).prop_map(|(bus, poster)| Step::GiveBack(bus, poster)),
    ];
    prop::collection::vec(step, 1..120)
}

fn names(posters: &[usize]) -> Vec<Poster> {
    posters.iter().map(|n| poster(*n)).collect()
}

proptest! {
    /// I-5: the sums say what the rule says, whatever becomes of buses, posters and bounds; and as long as nobody has
    /// taken more than he might, the bound holds and nobody is refused his part.
    #[test]
    fn the_sums_are_the_rule(bounds in bounds(), steps in steps()) {
        let mut pool = Pool::new(bounds);
        let mut model = Model { bounds, buses: BTreeMap::new(), kept_to: true };
        for step in steps {
            if model.buses.is_empty() && !matches!(step, Step::Open(..) | Step::SetBounds(_)) {
                continue;
            }
            let bus_at = |at: &prop::sample::Index| *model.buses.keys().nth(at.index(model.buses.len())).unwrap();
            match step {
                Step::Open(assured, own) => {
                    let number = pool.open(&names(&assured), own);
                    model.buses.insert(number, Told { open: true, own, assured, ..Told::default() });
                    model.kept_to &= model.used() == 0;
                }
                Step::Close(at) => {
                    let number = bus_at(&at);
                    pool.close(number);
                    let bus = model.buses.get_mut(&number).unwrap();
                    bus.open = false;
                    if bus.all(|load| load.bytes + load.channels + load.keys) == 0 {
                        pool.forget(number);
                        model.buses.remove(&number);
                    }
                    model.kept_to &= model.used() == 0;
                }
                Step::Change(at, assured, own) => {
                    let number = bus_at(&at);
                    pool.change(number, &names(&assured), own);
                    let bus = model.buses.get_mut(&number).unwrap();
                    (bus.assured, bus.own) = (assured, own);
                    let all = |bus: &Told| bus.all(|load| load.bytes + load.channels + load.keys);
                    model.kept_to &= model.buses.values().map(all).sum::<usize>() == 0;
                }
                Step::SetBounds(bounds) => {
                    pool.set_bounds(bounds);
                    model.bounds = bounds;
                    let all = |bus: &Told| bus.all(|load| load.bytes + load.channels + load.keys);
                    model.kept_to &= model.buses.values().map(all).sum::<usize>() == 0;
                }
                Step::Try(at, who, load) => {
                    let number = bus_at(&at);
                    let told = pool.try_take(number, &poster(who), load);
                    prop_assert_eq!(told.is_ok(), model.fits(number, who, load), "{:?}", told);
                    let his = model.is_within_parts(number, who, load);
                    prop_assert!(told.is_ok() || !model.kept_to || !his, "refused within his part: {:?}", told);
                    if told.is_ok() {
                        model.buses.get_mut(&number).unwrap().held.entry(who).or_default().push(load);
                    }
                }
                Step::Take(at, who, load) => {
                    let number = bus_at(&at);
                    model.kept_to &= model.fits(number, who, load);
                    pool.take(number, &poster(who), load);
                    model.buses.get_mut(&number).unwrap().held.entry(who).or_default().push(load);
                }
                Step::GiveBack(at, who) => {
                    let number = bus_at(&at);
                    let held = model.buses.get_mut(&number).unwrap().held.get_mut(&who);
                    let Some(load) = held.and_then(Vec::pop).filter(|load| *load != Load::default()) else { continue };
                    let row = pool.buses.get(number).unwrap().numbers[&poster(who)];
                    pool.give_back(number, row, load);
                }
            }
            prop_assert_eq!(pool.used(), model.used());
            prop_assert!(!model.kept_to || pool.used() <= model.bounds.bytes, "over the bound");
            let of_bus = model.buses.values().all(|bus| bus.all(|load| load.bytes) <= bus.most());
            prop_assert!(!model.kept_to || of_bus, "over a bus's own bound");
            pool.divide();
            for (number, told) in &model.buses {
                let bus = pool.buses.get(*number).unwrap();
                prop_assert_eq!(bus.kept, model.kept(told));
                let of_use = |who: &usize| {
                    told.assured.contains(who) || told.of(*who, |load| load.bytes + load.channels + load.keys) > 0
                };
                let rows = (0..POSTERS).filter(of_use).count();
                prop_assert_eq!((bus.rows.iter().count(), bus.numbers.len()), (rows, rows), "who holds nothing is forgotten");
            }
        }
    }
}

/// One bus that floods leaves the others their parts, and one poster the others of his bus theirs.
#[test]
fn i_5_a_flood_ends_at_its_share() {
    let mut pool = Pool::new(Bounds { bytes: 1_000, channels: 10, keys: 10 });
    let (one, other) =
        (pool.open(&[poster(0), poster(1)], Own::default()), pool.open(&[poster(0)], Own::default()));
    let load = |bytes| Load { bytes, ..Load::default() };
    let mut flood = 0;
    let refusal = loop {
        match pool.try_take(one, &poster(0), load(5)) {
            Ok(_) => flood += 5,
            Err(refusal) => break refusal,
        }
    };
    // Half is free, a quarter is the other bus's, an eighth the other poster's.
    assert_eq!((flood, refusal), (625, Refusal::PosterShare(What::Bytes)));
    assert_eq!(pool.bus(one), (625, 750));
    assert!(pool.try_take(one, &poster(1), load(125)).is_ok());
    assert_eq!(pool.try_take(one, &poster(1), load(1)), Err(Refusal::BusShare));
    assert!(pool.try_take(other, &poster(0), load(250)).is_ok());
    assert_eq!(pool.try_take(other, &poster(0), load(1)), Err(Refusal::Full(What::Bytes, 1_000)));
    let channel = Load { channels: 1, ..Load::default() };
    let channels = (0..20).take_while(|_| pool.try_take(one, &poster(0), channel).is_ok()).count();
    assert_eq!(channels, 8, "five are free, and half of five are the other's");
    assert_eq!(pool.try_take(one, &poster(0), channel), Err(Refusal::PosterShare(What::Channels)));
}

/// A bus ends at its own bound, and what is not kept for it any more is there for others.
#[test]
fn i_5_a_bus_has_a_bound_of_its_own() {
    let mut pool = Pool::new(Bounds { bytes: 1_000, channels: 10, keys: 10 });
    let small = Own { bytes: Some(100), channels: Some(1) };
    let (one, other) = (pool.open(&[poster(0), poster(1)], small), pool.open(&[poster(0)], Own::default()));
    let load = |bytes| Load { bytes, ..Load::default() };
    // Half is free, a quarter the other poster's.
    assert!(pool.try_take(one, &poster(0), load(75)).is_ok());
    assert_eq!(pool.try_take(one, &poster(0), load(1)), Err(Refusal::PosterShare(What::Bytes)));
    assert!(pool.try_take(one, &poster(1), load(25)).is_ok());
    assert_eq!(pool.try_take(one, &poster(1), load(1)), Err(Refusal::BusFull(100)));
    assert_eq!(pool.bus(one), (100, 100));
    let channel = Load { channels: 1, ..Load::default() };
    assert!(pool.try_take(one, &poster(0), channel).is_ok());
    assert_eq!(pool.try_take(one, &poster(0), channel), Err(Refusal::Full(What::Channels, 1)));
    assert!(pool.try_take(other, &poster(0), Load { channels: 5, ..load(900) }).is_ok());
    // A larger bound of its own does not make the server larger.
    pool.change(one, &[poster(0)], Own { bytes: Some(5_000), channels: Some(20) });
    assert!(matches!(pool.try_take(one, &poster(0), load(1)), Err(Refusal::Full(What::Bytes, 1_000))));
    assert!(pool.try_take(one, &poster(0), channel).is_ok());
}
