//! Pure: things by small numbers, which are given out again.

/// Things by number. As large as the most that were in it at a time.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), free: Vec::new() }
    }
}

impl<T> Table<T> {
    /// Puts a thing in and tells its number.
    pub(crate) fn insert(&mut self, thing: T) -> u32 {
        if let Some(number) = self.free.pop()
            && let Some(row) = usize::try_from(number).ok().and_then(|place| self.rows.get_mut(place))
        {
            *row = Some(thing);
            return number;
        }
        // No memory holds 4 billion of them.
        let number = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push(Some(thing));
        number
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let taken = self.rows.get_mut(usize::try_from(number).ok()?)?.take();
        if taken.is_some() {
            self.free.push(number);
        }
        taken
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.rows.get(usize::try_from(number).ok()?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.rows.get_mut(usize::try_from(number).ok()?)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.rows.iter_mut().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_out_again() {
        let mut table = Table::default();
        let (a, b) = (table.insert('a'), table.insert('b'));
        assert_eq!((table.remove(a), table.remove(a), table.get(a)), (Some('a'), None, None));
        assert_eq!(table.insert('c'), a);
        *table.get_mut(b).unwrap() = 'd';
        assert_eq!(table.iter().copied().collect::<String>(), "cd");
        assert_eq!(table.rows.len(), 2);
    }
}
