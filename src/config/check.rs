//! Every value against the catalogue: known, of the right kind, within bounds. Defaults are filled in here as well.

use toml::{Table, Value};

use super::catalogue::CATALOGUE;
use super::error::{ConfigError, Problems};
use super::keys::{Key, Section, Shape, Unset};
use super::layers::Layers;

/// Edits between an unknown key and the known one that was probably meant.
const TYPO_EDITS: usize = 2;
/// Sections that are no more, and what operators are told instead of a guess.
const GONE: [(&str, &str); 1] = [("metrics", "; /metrics is on the listener that admin.listen names")];

/// What the catalogue knows about a path, `[]` standing for every index.
pub(super) enum Known {
    Key(&'static Key),
    /// Keys lie below.
    Table,
    /// Keys lie below, once for each entry of a list.
    Tables,
}

/// Looks a path up, such as `bus[].post`.
pub(super) fn find(path: &str) -> Option<Known> {
    if path.is_empty() {
        return Some(Known::Table);
    }
    for (section, key) in all() {
        let full = section.path(key);
        match full.strip_prefix(path) {
            Some("") => return Some(Known::Key(key)),
            Some(below) if below.starts_with("[].") => return Some(Known::Tables),
            Some(below) if below.starts_with('.') => return Some(Known::Table),
            _ => {}
        }
    }
    None
}

/// Every key with its section.
pub(super) fn all() -> impl Iterator<Item = (&'static Section, &'static Key)> {
    CATALOGUE.iter().flat_map(|section| section.keys().map(move |key| (section, key)))
}

/// Checks what a file holds, and puts each value into the one form of its kind. In the place of a value that is
/// refused the key's example stands, so that the search for problems can go on.
pub(super) fn table(layers: &Layers, table: Table, problems: &mut Problems) -> Table {
    match node(layers, Value::Table(table), "", "", problems) {
        Some(Value::Table(checked)) => checked,
        _ => Table::new(),
    }
}

/// `at` is the path with its indices, `general` the same with `[]`.
fn node(layers: &Layers, value: Value, at: &str, general: &str, problems: &mut Problems) -> Option<Value> {
    let wrong = match (find(general), value) {
        (Some(Known::Key(key)), value) => {
            let checked = key.checked(value).map_err(|reason| layers.wrong(at, reason, key.allowed()));
            return problems.note(checked).or_else(|| key.example());
        }
        (Some(Known::Table), Value::Table(table)) => {
            let mut checked = Table::new();
            for (name, value) in table {
                // In quotes a dot is part of a name, and would be taken for the one between two names.
                if name.contains(['.', '[']) {
                    let reason = "is one name, in quotes".to_owned();
                    problems.add(layers.wrong(&below(at, &name), reason, keys_in(general)));
                    continue;
                }
                if let Some(value) = node(layers, value, &below(at, &name), &below(general, &name), problems)
                {
                    checked.insert(name, value);
                }
            }
            return Some(Value::Table(checked));
        }
        (Some(Known::Tables), Value::Array(entries)) if entries.iter().all(Value::is_table) => {
            let general = format!("{general}[]");
            let entries = entries.into_iter().enumerate();
            let checked = entries
                .filter_map(|(i, entry)| node(layers, entry, &format!("{at}[{i}]"), &general, problems));
            return Some(Value::Array(checked.collect()));
        }
        (Some(Known::Table), _) => {
            layers.wrong(at, "is a section".to_owned(), format!("[{at}] with {}", keys_in(general)))
        }
        (Some(Known::Tables), _) => layers.wrong(
            at,
            "is a section that may occur several times".to_owned(),
            format!("[[{at}]] with {}", keys_in(&format!("{general}[]"))),
        ),
        (None, _) => unknown(layers, at, general),
    };
    problems.add(wrong);
    None
}

/// The refusal of a key that the catalogue does not know.
pub(super) fn unknown(layers: &Layers, at: &str, general: &str) -> ConfigError {
    let mut parent = above(general);
    while find(parent).is_none() {
        parent = above(parent);
    }
    let section = general.split('.').next().unwrap_or(general);
    let gone = GONE.iter().find(|(name, _)| *name == section).map(|(_, told)| (*told).to_owned());
    let hint = gone.or_else(|| nearest(general, parent).map(|near| format!(", did you mean {near}?")));
    match layers.origin(at) {
        Some(origin) => ConfigError::Unknown {
            key: at.to_owned(),
            origin,
            hint: hint.unwrap_or_default(),
            allowed: keys_in(parent),
        },
        None => layers.wrong(at, "unknown key".to_owned(), keys_in(parent)),
    }
}

fn nearest(general: &str, parent: &str) -> Option<&'static str> {
    let name = general.get(parent.len()..)?.trim_start_matches('.');
    let edits = |known: &str| {
        let continues = name.len() > 2 && (known.starts_with(name) || name.starts_with(known));
        if continues { 0 } else { strsim::damerau_levenshtein(known, name) }
    };
    let near = names_in(parent).into_iter().min_by_key(|known| edits(known))?;
    (edits(near) <= TYPO_EDITS).then_some(near)
}

/// The names right below a path, each once, in the order of the catalogue.
fn names_in(parent: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for (section, key) in all() {
        let full = section.path(key);
        let Some(rest) = full.strip_prefix(parent) else { continue };
        if !parent.is_empty() && !rest.starts_with('.') {
            continue;
        }
        // Section and key names are 'static, unlike the path that was put together from them.
        let name = match (parent.is_empty(), section.name) {
            (true, "") => key.name,
            (true, name) => name,
            (false, _) => {
                let rest = rest.trim_start_matches('.').len();
                key.name.get(key.name.len().saturating_sub(rest)..).unwrap_or(key.name)
            }
        };
        let name = name.split('.').next().unwrap_or(name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn keys_in(parent: &str) -> String {
    names_in(parent).join(", ")
}

fn above(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(above, _)| above)
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Fills in the defaults, and refuses what lacks a key that it needs.
pub(super) fn complete(layers: &mut Layers, problems: &mut Problems) {
    for section in CATALOGUE {
        match section.shape {
            Shape::One => fill(layers, section, problems),
            Shape::Optional => {
                if let Some(there) = layers.values.get(section.name) {
                    demand(layers, section, there, section.name, problems);
                }
                if let Some(Value::Table(there)) = layers.values.get_mut(section.name) {
                    stand_in(section, there);
                    fill(layers, section, problems);
                }
            }
            Shape::Many => {
                if let Some(Value::Array(entries)) = layers.values.get(section.name) {
                    for (i, entry) in entries.iter().enumerate() {
                        demand(layers, section, entry, &format!("{}[{i}]", section.name), problems);
                    }
                }
                if let Some(Value::Array(entries)) = layers.values.get_mut(section.name) {
                    entries
                        .iter_mut()
                        .filter_map(Value::as_table_mut)
                        .for_each(|there| stand_in(section, there));
                }
            }
        }
    }
}

fn fill(layers: &mut Layers, section: &Section, problems: &mut Problems) {
    for key in section.keys() {
        if let Unset::Default(value) = key.unset {
            let path = section.path(key);
            if let Some(value) = problems.note(default_value(layers, key, &path, value)) {
                layers.fill(&path, value);
            }
        }
    }
}

fn demand(layers: &Layers, section: &Section, there: &Value, at: &str, problems: &mut Problems) {
    let required = section.keys().filter(|key| matches!(key.unset, Unset::Required { .. }));
    for key in required.filter(|key| there.get(key.name).is_none()) {
        let at = format!("{at}.{}", key.name);
        problems.add(layers.wrong(&at, "is missing".to_owned(), key.allowed()));
    }
}

/// Puts examples in the place of what is missing, once that was told, so that the search can go on.
fn stand_in(section: &Section, there: &mut Table) {
    let required = section.keys().filter(|key| matches!(key.unset, Unset::Required { .. }));
    for key in required {
        if let Some(value) = key.example().filter(|_| !there.contains_key(key.name)) {
            there.insert(key.name.to_owned(), value);
        }
    }
}

fn default_value(layers: &Layers, key: &Key, path: &str, literal: &str) -> Result<Value, ConfigError> {
    let parsed = format!("value = {literal}").parse::<Table>().map_err(|error| error.message().to_owned());
    parsed
        .and_then(|mut table| key.checked(table.remove("value").unwrap_or(Value::Boolean(false))))
        .map_err(|reason| layers.wrong(path, reason, key.allowed()))
}
