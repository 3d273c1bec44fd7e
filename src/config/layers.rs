//! The layers of the configuration on top of each other, and where each value came from.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::error::{ConfigError, Origin};

/// Values by key, each with its origin.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) values: Table,
    origins: BTreeMap<String, Origin>,
}

impl Layers {
    /// Where the value of a path was written; for a missing one, where the table around it is.
    pub(super) fn origin(&self, path: &str) -> Option<Origin> {
        let mut path = path;
        loop {
            if let Some(origin) = self.origins.get(path) {
                return Some(origin.clone());
            }
            path = path.get(..path.rfind(['.', '['])?)?;
        }
    }

    /// Whether somebody wrote a value for exactly this path.
    pub(super) fn is_written(&self, path: &str) -> bool {
        self.origins.contains_key(path)
    }

    /// The refusal of a value.
    pub(super) fn wrong(&self, path: &str, reason: String, allowed: String) -> ConfigError {
        ConfigError::Value { key: path.to_owned(), origin: self.origin(path), reason, allowed }
    }

    /// Notes the lines of a file, and gives back what it holds.
    pub(super) fn read(&mut self, path: &Path, text: &str) -> Result<Table, ConfigError> {
        let syntax = |error: &toml::de::Error| ConfigError::Syntax {
            path: path.to_owned(),
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            // The message alone: the parser's full text quotes the line, which may hold a password.
            reason: error.message().to_owned(),
        };
        let located = DeTable::parse(text).map_err(|error| syntax(&error))?;
        self.note(path, text, "", located.get_ref());
        text.parse::<Table>().map_err(|error| syntax(&error))
    }

    fn note(&mut self, path: &Path, text: &str, at: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let here =
                if at.is_empty() { name.get_ref().to_string() } else { format!("{at}.{}", name.get_ref()) };
            self.note_value(path, text, &here, name.span().start, value);
        }
    }

    fn note_value(&mut self, path: &Path, text: &str, at: &str, start: usize, value: &Spanned<DeValue<'_>>) {
        let origin = Origin::File { path: path.to_owned(), line: line_of(text, start) };
        self.origins.insert(at.to_owned(), origin);
        match value.get_ref() {
            DeValue::Table(table) => self.note(path, text, at, table),
            DeValue::Array(entries) => {
                for (i, entry) in entries.iter().enumerate() {
                    self.note_value(path, text, &format!("{at}[{i}]"), entry.span().start, entry);
                }
            }
            _ => {}
        }
    }

    /// Notes where the value of a path is about to come from, so that a refusal can say it.
    pub(super) fn arriving(&mut self, path: &str, origin: Origin) {
        let parts = format!("{path}[");
        self.origins.retain(|noted, _| !noted.starts_with(&parts));
        self.origins.insert(path.to_owned(), origin);
    }

    /// Sets a value, over one that is there.
    pub(super) fn set(&mut self, path: &str, value: Value) {
        if let Some((table, name)) = self.table_of(path) {
            table.insert(name.to_owned(), value);
        }
    }

    /// Sets a value unless one is there.
    pub(super) fn fill(&mut self, path: &str, value: Value) {
        if let Some((table, name)) = self.table_of(path)
            && !table.contains_key(name)
        {
            table.insert(name.to_owned(), value);
        }
    }

    /// The value at a path, which may have indices.
    pub(super) fn place(&mut self, path: &str) -> Option<&mut Value> {
        place(&mut self.values, path)
    }

    /// Takes the value at a path away.
    pub(super) fn take(&mut self, path: &str) -> Option<Value> {
        match path.rsplit_once('.') {
            Some((above, name)) => self.place(above)?.as_table_mut()?.remove(name),
            None => self.values.remove(path),
        }
    }

    /// The path of some value that nobody took away.
    pub(super) fn first_left(&self) -> Option<String> {
        left_in(&self.values)
    }

    /// Nothing only where a value lies in the place of a table, which the check of the file rules out.
    fn table_of<'a>(&mut self, path: &'a str) -> Option<(&mut Table, &'a str)> {
        let mut table = &mut self.values;
        let mut rest = path;
        while let Some((name, below)) = rest.split_once('.') {
            table = table.entry(name).or_insert_with(|| Value::Table(Table::new())).as_table_mut()?;
            rest = below;
        }
        Some((table, rest))
    }
}

fn place<'v>(table: &'v mut Table, path: &str) -> Option<&'v mut Value> {
    let (step, below) = path.split_once('.').map_or((path, None), |(step, below)| (step, Some(below)));
    let (name, index) = step.split_once('[').map_or((step, None), |(name, index)| (name, Some(index)));
    let mut found = table.get_mut(name)?;
    let sections = matches!(found, Value::Array(entries) if entries.iter().all(Value::is_table));
    if let Some(index) = index.filter(|_| sections) {
        let index: usize = index.trim_end_matches(']').parse().ok()?;
        found = found.as_array_mut()?.get_mut(index)?;
    }
    match below {
        Some(below) => place(found.as_table_mut()?, below),
        None => Some(found),
    }
}

fn left_in(table: &Table) -> Option<String> {
    table.iter().find_map(|(name, value)| match value {
        Value::Table(below) => left_in(below).map(|below| format!("{name}.{below}")),
        Value::Array(entries) if entries.iter().all(Value::is_table) => {
            let entries = entries.iter().filter_map(Value::as_table).enumerate();
            entries.into_iter().find_map(|(i, below)| Some(format!("{name}[{i}].{}", left_in(below)?)))
        }
        _ => Some(name.clone()),
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
