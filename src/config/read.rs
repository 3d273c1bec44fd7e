//! Takes checked values out of the layers, each as the type that the server carries it in.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use toml::Value;

use super::check::{self, Known};
use super::error::{ConfigError, ConfigErrors, Problems};
use super::keys::Key;
use super::layers::Layers;

/// Reads values by path. A text that means nothing is noted, and the catalogue's example read in its place, so that
/// those after it are looked at as well: whoever reads goes on only without problems.
///
/// Each reading takes the value away, and what nobody read is refused at the [end](Reader::finish): a key of the
/// catalogue that does nothing is a mistake of ours, which no operator should have to find.
pub(super) struct Reader {
    layers: Layers,
    problems: Problems,
}

/// What a reading gives; the error is that the catalogue promises a value that is not there.
pub(super) type Reading<T> = Result<T, ConfigErrors>;

impl Reader {
    pub(super) fn new(layers: Layers, problems: Problems) -> Self {
        Self { layers, problems }
    }

    /// Whether there is a value or a section at a path.
    pub(super) fn has(&mut self, path: &str) -> bool {
        self.layers.place(path).is_some()
    }

    /// How many entries a section has that may occur several times.
    pub(super) fn entries(&mut self, section: &str) -> usize {
        self.layers.place(section).and_then(|value| value.as_array()).map_or(0, Vec::len)
    }

    /// What `read` reads, if there is something at the path.
    pub(super) fn maybe<T>(
        &mut self,
        path: &str,
        read: impl FnOnce(&mut Self, &str) -> Reading<T>,
    ) -> Reading<Option<T>> {
        if self.has(path) { read(self, path).map(Some) } else { Ok(None) }
    }

    /// A text that stands for something else.
    pub(super) fn text<T: FromStr<Err: Display>>(&mut self, path: &str) -> Reading<T> {
        self.get(path, |value| match value.as_str() {
            Some(text) => text.parse().map_err(|error: T::Err| error.to_string()),
            None => Err("is no text".to_owned()),
        })
    }

    /// A list of them. Each entry that means nothing is noted.
    pub(super) fn texts<T: FromStr<Err: Display>>(&mut self, path: &str) -> Reading<Vec<T>> {
        let Some(Value::Array(entries)) = self.layers.take(path) else { return Err(self.absent(path)) };
        let mut list = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            match entry.as_str().unwrap_or_default().parse::<T>() {
                Ok(value) => list.push(value),
                Err(error) => {
                    let error = self.layers.wrong(&format!("{path}[{i}]"), error.to_string(), allowed(path));
                    self.problems.add(error);
                }
            }
        }
        Ok(list)
    }

    /// `true` or `false`.
    pub(super) fn switch(&mut self, path: &str) -> Reading<bool> {
        self.get(path, |value| value.as_bool().ok_or_else(|| "is no switch".to_owned()))
    }

    /// What one of the catalogue's words stands for.
    pub(super) fn choice<T: Copy>(&mut self, path: &str, words: &[(&str, T)]) -> Reading<T> {
        self.get(path, |value| {
            let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
            found.map(|(_, meaning)| *meaning).ok_or_else(|| "means nothing here".to_owned())
        })
    }

    /// A duration, of whole milliseconds.
    pub(super) fn span(&mut self, path: &str) -> Reading<Duration> {
        self.number(path).map(Duration::from_millis)
    }

    /// A size in bytes, or a count.
    pub(super) fn number<N: TryFrom<i64>>(&mut self, path: &str) -> Reading<N> {
        self.get(path, |value| {
            let number = value.as_integer().and_then(|number| N::try_from(number).ok());
            number.ok_or_else(|| "does not fit this machine".to_owned())
        })
    }

    /// A count from 1 on.
    pub(super) fn count<N, Z>(&mut self, path: &str) -> Reading<Z>
    where
        N: TryFrom<i64>,
        Z: TryFrom<N>,
    {
        self.get(path, |value| {
            let number = value.as_integer().and_then(|number| N::try_from(number).ok());
            number.and_then(|number| Z::try_from(number).ok()).ok_or_else(|| "is 0".to_owned())
        })
    }

    /// The layers with their origins, once all was read and nothing is wrong.
    pub(super) fn finish(mut self) -> Reading<Layers> {
        self.problems.check()?;
        match self.layers.first_left() {
            Some(path) => {
                Err(self.layers.wrong(&path, "does nothing".to_owned(), "to leave it out".to_owned()))?
            }
            None => Ok(self.layers),
        }
    }

    fn get<T>(&mut self, path: &str, convert: impl Fn(&Value) -> Result<T, String>) -> Reading<T> {
        let Some(value) = self.layers.take(path) else { return Err(self.absent(path)) };
        convert(&value).or_else(|reason| {
            self.problems.add(self.layers.wrong(path, reason.clone(), allowed(path)));
            let stand_in = known(path).and_then(Key::example);
            let stand_in = stand_in.and_then(|value| convert(&value).ok());
            stand_in.ok_or_else(|| self.layers.wrong(path, reason, allowed(path)).into())
        })
    }

    /// What was refused before comes first: it may be why the value is not there.
    fn absent(&mut self, path: &str) -> ConfigErrors {
        let missing: ConfigError = self.layers.wrong(path, "is missing".to_owned(), allowed(path));
        self.problems.check().err().unwrap_or_else(|| missing.into())
    }
}

/// The key at a path with indices.
fn known(path: &str) -> Option<&'static Key> {
    let mut general = String::new();
    for part in path.split_inclusive(']') {
        match part.split_once('[') {
            Some((before, _)) => general.extend([before, "[]"]),
            None => general.push_str(part),
        }
    }
    match check::find(&general) {
        Some(Known::Key(key)) => Some(key),
        _ => None,
    }
}

fn allowed(path: &str) -> String {
    known(path).map_or_else(|| "what backplane.example.toml shows".to_owned(), Key::allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(text: &str) -> Reader {
        let mut layers = Layers::default();
        layers.values = text.parse().unwrap();
        Reader::new(layers, Problems::default())
    }

    #[test]
    fn what_nobody_reads_is_refused() {
        let mut reader = reader("workers = 2\n[[bus]]\nname = \"a\"\nwindow.bus = 3");
        assert_eq!(reader.number::<usize>("workers").unwrap(), 2);
        assert_eq!(reader.text::<String>("bus[0].name").unwrap(), "a");
        let left = reader.finish().unwrap_err().to_string();
        assert_eq!(left, "bus[0].window.bus: does nothing; allowed: to leave it out");
    }

    #[test]
    fn each_reading_takes_the_value_away_and_the_rest_is_empty() {
        let mut reader = reader("[[bus]]\nname = \"a\"\nwindow.bus = 3\n[tls]\nlisten = [\"127.0.0.1:1\"]");
        assert_eq!((reader.entries("bus"), reader.entries("user")), (1, 0));
        assert!(reader.has("tls") && !reader.has("tls.cert") && !reader.has("bus[1].name"));
        assert_eq!(reader.text::<String>("bus[0].name").unwrap(), "a");
        assert_eq!(reader.maybe("bus[0].window.bus", Reader::number::<u8>).unwrap(), Some(3));
        assert_eq!(reader.maybe("bus[0].window.bus", Reader::number::<u8>).unwrap(), None);
        assert_eq!(reader.texts::<String>("tls.listen").unwrap(), ["127.0.0.1:1"]);
        assert!(reader.finish().is_ok());
    }

    #[test]
    fn what_means_nothing_is_noted_and_reading_goes_on_with_the_example() {
        let mut reader =
            reader("listen = [\"here\", \"127.0.0.1:1\", \"there\"]\npublic_url = \"no\"\nworkers = 0");
        let addresses = reader.texts::<std::net::SocketAddr>("listen").unwrap();
        assert_eq!(addresses.len(), 1);
        assert!(reader.text::<url::Url>("public_url").is_ok());
        assert!(reader.count::<usize, std::num::NonZeroUsize>("workers").is_ok());
        let told = reader.finish().unwrap_err().to_string();
        let keys: Vec<_> = told.lines().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(keys, ["listen[0]", "listen[2]", "public_url", "workers"]);
    }
}
