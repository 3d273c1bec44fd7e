//! What a key is: its kind with its bounds, what holds when it is not set, and what it is for.
//!
//! The catalogue in [`super::catalogue`] is written in these words.

use toml::{Table, Value};

use super::units::{parse_bytes, parse_millis, show_bytes, show_millis};

/// What a key takes.
#[derive(Debug)]
pub(super) enum Kind {
    /// One text; whoever reads it parses it.
    Text(&'static str),
    /// A text that no message may repeat.
    Secret(&'static str),
    /// A list of texts; one text stands for a list of one.
    Texts(&'static str),
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A duration, bounds in milliseconds.
    Span(u64, u64),
    /// A size, bounds in bytes.
    Size(u64, u64),
    /// A whole number.
    Count(u64, u64),
}

/// What holds when a key is not set.
#[derive(Debug)]
pub(super) enum Unset {
    /// This value, as TOML.
    Default(&'static str),
    /// What `meaning` says; `example` shows a value, as TOML.
    Otherwise { meaning: &'static str, example: &'static str },
    /// Nothing does: the key has to be set where its section is used. `example` shows a value, as TOML.
    Required { example: &'static str },
}

/// A key within its section; a dotted name lies in a table of its own.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) unset: Unset,
    pub(super) doc: &'static str,
}

/// How often a section may occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Always there; its keys have defaults.
    One,
    /// `[name]`, there when one of its keys is set.
    Optional,
    /// `[[name]]`, any number of times.
    Many,
}

/// A section of the file; the one without a name holds the keys at the top.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) doc: &'static str,
    pub(super) keys: &'static [&'static [Key]],
}

impl Section {
    /// Its keys, in the order of the documentation.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().copied().flatten()
    }

    /// The full name of one of its keys, `[]` standing for every index.
    pub(super) fn path(&self, key: &Key) -> String {
        match (self.name, self.shape) {
            ("", _) => key.name.to_owned(),
            (name, Shape::Many) => format!("{name}[].{}", key.name),
            (name, _) => format!("{name}.{}", key.name),
        }
    }
}

impl Key {
    /// What the key takes, in words.
    pub(super) fn allowed(&self) -> String {
        match self.kind {
            Kind::Text(words) | Kind::Secret(words) => words.to_owned(),
            Kind::Texts(words) => format!("a list of {words}"),
            Kind::Switch => "true or false".to_owned(),
            Kind::Choice([only]) => format!("{only:?}"),
            Kind::Choice(words) => {
                words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or ")
            }
            Kind::Span(min, max) => {
                format!("a duration from {:?} to {:?}", show_millis(min), show_millis(max))
            }
            Kind::Size(min, max) => format!("a size from {:?} to {:?}", show_bytes(min), show_bytes(max)),
            Kind::Count(min, max) => format!("a whole number from {min} to {max}"),
        }
    }

    /// The default, or the value that documentation shows, as TOML.
    pub(super) fn literal(&self) -> &'static str {
        let (Unset::Default(value)
        | Unset::Otherwise { example: value, .. }
        | Unset::Required { example: value }) = self.unset;
        value
    }

    /// The same as a value in the one form of its kind.
    pub(super) fn example(&self) -> Option<Value> {
        let mut table = format!("value = {}", self.literal()).parse::<Table>().ok()?;
        self.checked(table.remove("value")?).ok()
    }

    /// What a value means before it is checked, where there is only text: the environment and the command line.
    pub(super) fn value_of_text(&self, text: &str) -> Value {
        match self.kind {
            Kind::Switch => text.parse().map_or_else(|_| Value::from(text), Value::Boolean),
            Kind::Count(..) => text.parse().map_or_else(|_| Value::from(text), Value::Integer),
            Kind::Texts(_) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::Array(parts.map(Value::from).collect())
            }
            _ => Value::from(text),
        }
    }

    /// The value in one form for each kind (milliseconds, bytes, lists), within bounds; or what is wrong with it.
    pub(super) fn checked(&self, value: Value) -> Result<Value, String> {
        match (&self.kind, value) {
            (Kind::Text(_) | Kind::Secret(_), value @ Value::String(_))
            | (Kind::Switch, value @ Value::Boolean(_)) => Ok(value),
            (Kind::Texts(_), Value::String(one)) => Ok(Value::Array(vec![Value::String(one)])),
            (Kind::Texts(_), Value::Array(parts)) => match parts.iter().find(|part| !part.is_str()) {
                Some(part) => Err(format!("holds {}", named(part))),
                None => Ok(Value::Array(parts)),
            },
            (Kind::Choice(words), Value::String(word)) => {
                if words.contains(&word.as_str()) {
                    Ok(Value::String(word))
                } else {
                    Err(format!("{word:?} is not available"))
                }
            }
            (Kind::Span(min, max), Value::String(text)) => {
                within(parse_millis(&text)?, *min, *max, || format!("{text:?}"))
            }
            (Kind::Size(min, max), Value::String(text)) => {
                within(parse_bytes(&text)?, *min, *max, || format!("{text:?}"))
            }
            (Kind::Size(min, max) | Kind::Count(min, max), Value::Integer(number)) => {
                let bytes = u64::try_from(number).map_err(|_| format!("{number} is negative"))?;
                within(bytes, *min, *max, || number.to_string())
            }
            (_, value) => Err(format!("is {}", named(&value))),
        }
    }
}

fn within(number: u64, min: u64, max: u64, shown: impl Fn() -> String) -> Result<Value, String> {
    if number < min {
        return Err(format!("{} is too little", shown()));
    }
    match i64::try_from(number) {
        Ok(fits) if number <= max => Ok(Value::Integer(fits)),
        _ => Err(format!("{} is too much", shown())),
    }
}

/// The type alone: the value may be a password that ended up under the wrong key.
fn named(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
