//! `backplane.example.toml`, written from the catalogue.

use super::catalogue::CATALOGUE;
use super::keys::{Key, Shape, Unset};

const WIDTH: usize = 100;
const HEAD: &str = "Every setting of backplane, with its default. Lines that start with a # and no space are settings \
that are not set: take the # away and change them. A setting is looked for on the command line, then in the environment \
(BACKPLANE_LISTEN, nested as in BACKPLANE_LIMITS__BODY, lists separated by commas; not for [[user]], [[bus]] and [[issuer]]), then in \
the file, which is the one that --config or BACKPLANE_CONFIG names, or else backplane.toml in the folder that the server \
is started in. Unknown keys and wrong values are refused; `backplane check-config` tells before a start does.";

/// The text of `backplane.example.toml`: every key with its documentation, bounds and default.
#[must_use]
pub fn example() -> String {
    let mut text = wrapped(HEAD);
    for section in CATALOGUE {
        text.push('\n');
        match (section.name, section.shape) {
            ("", _) => {}
            (name, Shape::Many) => text.extend([&wrapped(section.doc), "#[[", name, "]]\n"]),
            (name, _) => text.extend([&wrapped(section.doc), "#[", name, "]\n"]),
        }
        let own: Vec<String> = section.keys.iter().copied().take(1).flatten().map(explained).collect();
        text.push_str(&own.join("\n"));
        // The keys that a section shares were explained where they first occurred.
        text.extend(section.keys.iter().copied().skip(1).flatten().map(line));
    }
    text
}

fn explained(key: &Key) -> String {
    let unset = match key.unset {
        Unset::Default(value) => format!("Default: {value}."),
        Unset::Otherwise { meaning, .. } => format!("Default: {meaning}."),
        Unset::Required { .. } => "Required.".to_owned(),
    };
    wrapped(&format!("{} Allowed: {}. {unset}", key.doc, key.allowed())) + &line(key)
}

fn line(key: &Key) -> String {
    format!("#{} = {}\n", key.name, key.literal())
}

fn wrapped(text: &str) -> String {
    let mut lines = String::from("#");
    let mut width = 1;
    for word in text.split_whitespace() {
        let more = 1 + word.chars().count();
        if width + more > WIDTH {
            lines.push_str("\n#");
            width = 1;
        }
        lines.extend([" ", word]);
        width += more;
    }
    lines + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::keys::Section;
    use super::super::{Config, Sources, load};
    use super::*;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/backplane.example.toml");

    /// The configuration of the example file with the settings that `wanted` likes.
    fn with(wanted: impl Fn(&Section, &str) -> bool) -> Config {
        let mut section = &CATALOGUE[0];
        let mut text = String::new();
        for line in std::fs::read_to_string(PATH).unwrap().lines() {
            let Some(setting) = line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')) else {
                continue;
            };
            if setting.starts_with('[') {
                let name = setting.trim_matches(['[', ']']);
                section = CATALOGUE.iter().find(|section| section.name == name).unwrap();
            }
            if wanted(section, setting) {
                text.extend([setting, "\n"]);
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(&Sources { file: Some(file.path().to_owned()), ..Sources::default() }).unwrap().config
    }

    #[test]
    fn the_file_is_what_the_catalogue_says() {
        let there = std::fs::read_to_string(PATH).unwrap();
        let how = "backplane check-config --print-example > backplane.example.toml";
        assert!(there == example(), "write the file anew: {how}");
    }

    #[test]
    fn the_defaults_that_the_file_states_hold() {
        let config = with(|section, setting| {
            let name = setting.split(" = ").next().unwrap();
            let default = |key: &Key| key.name == name && matches!(key.unset, Unset::Default(_));
            section.shape == Shape::One && (setting.starts_with('[') || section.keys().any(default))
        });
        assert_eq!(config, Config::demo().unwrap());
    }

    #[test]
    fn everything_in_the_file_may_be_set_at_once() {
        let config = with(|_, _| true);
        let demo = Config::demo().unwrap();
        assert!(!config.demo);
        assert_eq!(config.public_base(), Some("https://bp.example.com"));
        assert_eq!(config.admin.unwrap().listen, ["127.0.0.1:9090".parse().unwrap()]);
        assert_eq!(config.limits, demo.limits);
        assert_eq!(config.buses[0].retention, demo.buses[0].retention);
        assert_eq!(config.buses[0].window_bus, demo.buses[0].window_bus);
    }
}
