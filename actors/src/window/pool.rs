//! Pure: what all buses of a broker hold, whose it is, and what may be added (I-5). The rule is in `shares`.
//!
//! Bytes are shared twice: half of the bound is free, the other half is guaranteed in equal parts to the open buses, and
//! each part in equal parts to those who may post to the bus. So of a bus is kept what it has not used of its part, or
//! what its posters have not used of theirs, whichever is more. A bus may have a bound of its own: more is not kept for it, and half of
//! that is free, too. Channels and idempotency keys have bounds of their own in
//! each bus, which its posters share.
//!
//! Whatever is held names its bus and its poster by numbers. A poster to whom nothing is guaranteed has one for as long
//! as he holds something.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::shares::{Claim, Shares, part_of};
use super::table::Table;
use crate::model::Poster;

/// The bounds of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes that all buses hold together.
    pub(crate) bytes: usize,
    /// Channels of each bus.
    pub(crate) channels: usize,
    /// Idempotency keys of each bus.
    pub(crate) keys: usize,
}

/// The bounds of one bus alone, where it has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Own {
    /// Bytes that it holds.
    pub(crate) bytes: Option<usize>,
    /// Its channels, whatever the bounds of all say.
    pub(crate) channels: Option<usize>,
}

/// What something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Load {
    pub(crate) bytes: usize,
    pub(crate) channels: usize,
    pub(crate) keys: usize,
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Bytes,
    Channels,
    Keys,
}

/// Why nothing is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The bound is reached, which is this.
    Full(What, usize),
    /// The bus's own bound in bytes is reached, which is this.
    BusFull(usize),
    /// What is left is kept for other buses.
    BusShare,
    /// What is left is kept for others who post to the bus.
    PosterShare(What),
}

/// Everything that is held.
#[derive(Debug)]
pub(crate) struct Pool {
    bounds: Bounds,
    /// Bytes that all buses hold.
    used: usize,
    /// The sum of what is kept of each bus.
    kept: usize,
    open: usize,
    buses: Table<Bus>,
    /// Bounds, buses or posters are others since the parts were worked out.
    stale: bool,
}

/// What one bus holds.
#[derive(Debug, Default)]
struct Bus {
    open: bool,
    /// Those to whom a part is guaranteed.
    posters: usize,
    numbers: HashMap<Poster, u32, RandomState>,
    rows: Table<Row>,
    bytes: Shares,
    channels: Shares,
    keys: Shares,
    own: Own,
    /// Bytes that are guaranteed to it.
    part: usize,
    /// Bytes that nobody else may take.
    kept: usize,
}

/// What one poster holds on a bus.
#[derive(Debug)]
struct Row {
    poster: Poster,
    bytes: Claim,
    channels: Claim,
    keys: Claim,
}

impl Row {
    fn new(poster: Poster) -> Self {
        Self { poster, bytes: Claim::default(), channels: Claim::default(), keys: Claim::default() }
    }

    fn assure(&mut self, assured: bool) {
        for claim in [&mut self.bytes, &mut self.channels, &mut self.keys] {
            claim.assured = assured;
        }
    }

    const fn is_of_use(&self) -> bool {
        let Self { bytes, channels, keys, .. } = self;
        bytes.assured || bytes.used > 0 || channels.used > 0 || keys.used > 0
    }
}

impl Bus {
    fn number_of(&mut self, poster: &Poster) -> u32 {
        if let Some(number) = self.numbers.get(poster) {
            return *number;
        }
        let number = self.rows.insert(Row::new(poster.clone()));
        self.numbers.insert(poster.clone(), number);
        number
    }

    fn drop_unused(&mut self, number: u32) {
        if let Some(row) = self.rows.get(number)
            && !row.is_of_use()
        {
            self.numbers.remove(&row.poster);
            self.rows.remove(number);
        }
    }

    fn set_posters(&mut self, posters: &[Poster]) {
        let before: Vec<u32> = self.numbers.values().copied().collect();
        self.rows.iter_mut().for_each(|row| row.assure(false));
        for poster in posters {
            let number = self.number_of(poster);
            if let Some(row) = self.rows.get_mut(number) {
                row.assure(true);
            }
        }
        self.posters = self.rows.iter().filter(|row| row.bytes.assured).count();
        for number in before {
            self.drop_unused(number);
        }
    }

    /// Works the parts out, of which the bus has `part` bytes if its own bound lets it. Of that bound half is free, too.
    fn divide(&mut self, part: usize, bounds: &Bounds) {
        let (n, rows) = (self.posters, &self.rows);
        self.part = part.min(self.most());
        let of_posters = self.own.bytes.map_or(part, |most| part.min(most / 2));
        self.bytes.divide(n, of_posters.checked_div(n).unwrap_or(0), rows.iter().map(|row| row.bytes));
        self.channels.divide(n, part_of(self.channels_of(bounds), n), rows.iter().map(|row| row.channels));
        self.keys.divide(n, part_of(bounds.keys, n), rows.iter().map(|row| row.keys));
        self.keep();
    }

    fn keep(&mut self) {
        let used = self.bytes.used();
        let rest = self.part.saturating_sub(used).max(self.bytes.unmet());
        self.kept = if self.open { rest.min(self.most().saturating_sub(used)) } else { 0 };
    }

    /// Bytes that it may hold by its own bound.
    fn most(&self) -> usize {
        self.own.bytes.unwrap_or(usize::MAX)
    }

    fn channels_of(&self, bounds: &Bounds) -> usize {
        self.own.channels.unwrap_or(bounds.channels)
    }
}

impl Pool {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let buses = Table::default();
        Self { bounds, used: 0, kept: 0, open: 0, buses, stale: false }
    }

    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    /// Sets other bounds. What is held beyond them stays, and nothing is added until there is room again.
    pub(crate) fn set_bounds(&mut self, bounds: Bounds) {
        (self.bounds, self.stale) = (bounds, true);
    }

    /// Adds a bus to which these may post: a part is guaranteed to it, and a part of that to each of them.
    pub(crate) fn open(&mut self, posters: &[Poster], own: Own) -> u32 {
        let mut bus = Bus { open: true, own, ..Bus::default() };
        bus.set_posters(posters);
        (self.open, self.stale) = (self.open.saturating_add(1), true);
        self.buses.insert(bus)
    }

    /// From now on these may post to the bus, within these bounds of its own. What it holds beyond them stays.
    pub(crate) fn change(&mut self, bus: u32, posters: &[Poster], own: Own) {
        if let Some(bus) = self.buses.get_mut(bus) {
            bus.set_posters(posters);
            bus.own = own;
            self.stale = true;
        }
    }

    /// The bus is closed: nothing is guaranteed to it any more. What it holds counts until it is given back.
    pub(crate) fn close(&mut self, bus: u32) {
        if let Some(bus) = self.buses.get_mut(bus)
            && std::mem::replace(&mut bus.open, false)
        {
            (self.open, self.stale) = (self.open.saturating_sub(1), true);
        }
    }

    /// The bus holds nothing and never will again.
    pub(crate) fn forget(&mut self, bus: u32) {
        self.close(bus);
        if let Some(bus) = self.buses.remove(bus) {
            debug_assert_eq!(bus.bytes.used(), 0, "all was given back");
        }
    }

    /// Bytes that the bus holds, and the most that it may hold as things are.
    pub(crate) fn bus(&mut self, bus: u32) -> (usize, usize) {
        self.divide();
        let Some(bus) = self.buses.get(bus) else { return (0, 0) };
        let others = self.used.saturating_sub(bus.bytes.used());
        let kept = self.kept.saturating_sub(bus.kept);
        let most = self.bounds.bytes.saturating_sub(others).saturating_sub(kept);
        (bus.bytes.used(), most.min(bus.most()))
    }

    /// What a poster holds.
    #[cfg(test)]
    pub(crate) fn of(&self, bus: u32, poster: &Poster) -> Load {
        let row = self.buses.get(bus).and_then(|bus| bus.rows.get(*bus.numbers.get(poster)?));
        let load =
            |row: &Row| Load { bytes: row.bytes.used, channels: row.channels.used, keys: row.keys.used };
        row.map(load).unwrap_or_default()
    }

    /// Adds what this poster asks for, unless there is no room for it or what is left is kept for others. Tells the
    /// poster's number.
    pub(crate) fn try_take(&mut self, bus: u32, poster: &Poster, load: Load) -> Result<u32, Refusal> {
        self.divide();
        self.check(bus, poster, load)?;
        Ok(self.take(bus, poster, load))
    }

    fn check(&self, number: u32, poster: &Poster, load: Load) -> Result<(), Refusal> {
        let Some(bus) = self.buses.get(number) else { return Ok(()) };
        let row = bus.numbers.get(poster).and_then(|number| bus.rows.get(*number));
        let [bytes, channels, keys] =
            row.map_or([Claim::default(); 3], |row| [row.bytes, row.channels, row.keys]);
        within(What::Keys, self.bounds.keys, &bus.keys, keys, load.keys)?;
        within(What::Channels, bus.channels_of(&self.bounds), &bus.channels, channels, load.channels)?;
        if load.bytes == 0 {
            return Ok(());
        }
        if let Some(most) = bus.own.bytes {
            let used = bus.bytes.used().saturating_add(load.bytes);
            if used > most {
                return Err(Refusal::BusFull(most));
            }
            if used.saturating_add(bus.bytes.unmet_beside(bytes)) > most {
                return Err(Refusal::PosterShare(What::Bytes));
            }
        }
        let bound = self.bounds.bytes;
        let used = self.used.saturating_add(load.bytes);
        let beside_buses = used.saturating_add(self.kept.saturating_sub(bus.kept));
        if used > bound {
            Err(Refusal::Full(What::Bytes, bound))
        } else if beside_buses > bound {
            Err(Refusal::BusShare)
        } else if beside_buses.saturating_add(bus.bytes.unmet_beside(bytes)) > bound {
            Err(Refusal::PosterShare(What::Bytes))
        } else {
            Ok(())
        }
    }

    /// Adds what this poster has, whether it fits or not, and tells his number.
    pub(crate) fn take(&mut self, number: u32, poster: &Poster, load: Load) -> u32 {
        self.divide();
        let Some(bus) = self.buses.get_mut(number) else { return u32::MAX };
        let row_number = bus.number_of(poster);
        self.book(number, row_number, load, Shares::take);
        if let Some(bus) = self.buses.get_mut(number) {
            bus.drop_unused(row_number);
        }
        row_number
    }

    /// Takes away what was added for a poster, who is known by his number.
    pub(crate) fn give_back(&mut self, number: u32, row: u32, load: Load) {
        self.divide();
        self.book(number, row, load, Shares::give_back);
        if let Some(bus) = self.buses.get_mut(number) {
            bus.drop_unused(row);
        }
    }

    fn book(&mut self, bus: u32, row: u32, load: Load, change: fn(&mut Shares, &mut Claim, usize)) {
        let Some(bus) = self.buses.get_mut(bus) else { return };
        let Some(row) = bus.rows.get_mut(row) else { return };
        let (used, kept) = (bus.bytes.used(), bus.kept);
        change(&mut bus.bytes, &mut row.bytes, load.bytes);
        change(&mut bus.channels, &mut row.channels, load.channels);
        change(&mut bus.keys, &mut row.keys, load.keys);
        bus.keep();
        self.used = self.used.saturating_sub(used).saturating_add(bus.bytes.used());
        self.kept = self.kept.saturating_sub(kept).saturating_add(bus.kept);
    }

    /// Works all parts out anew, if need be.
    fn divide(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let part = part_of(self.bounds.bytes, self.open);
        self.kept = 0;
        for bus in self.buses.iter_mut() {
            bus.divide(part, &self.bounds);
            self.kept = self.kept.saturating_add(bus.kept);
        }
    }
}

/// Whether so much more keeps within a bound of a bus, and leaves the parts of others alone.
fn within(what: What, bound: usize, shares: &Shares, claim: Claim, amount: usize) -> Result<(), Refusal> {
    let used = shares.used().saturating_add(amount);
    if amount == 0 {
        Ok(())
    } else if used > bound {
        Err(Refusal::Full(what, bound))
    } else if used.saturating_add(shares.unmet_beside(claim)) > bound {
        Err(Refusal::PosterShare(what))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
