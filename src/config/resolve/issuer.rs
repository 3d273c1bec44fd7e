//! Issuers of other tokens: what each is trusted with, and where its keys are.

use std::collections::BTreeMap;
use std::time::Duration;

use backplane_actors::BusName;

use super::Judge;
use crate::access::foreign::{Algorithm, SourceOf, Trust};
use crate::config::read::{Reader, Reading};
use crate::config::resolved::Issuer;
use crate::config::values::{Audience, WrittenAlgorithm};

/// How old keys may be where nothing is said of it.
const REFRESH: Duration = Duration::from_mins(10);

/// An issuer as it is written, and what of it only the whole says.
pub(super) struct WrittenIssuer {
    issuer: Issuer,
    sources: Vec<SourceOf>,
}

impl WrittenIssuer {
    pub(super) fn read(reader: &mut Reader, i: usize) -> Reading<Self> {
        let at = |key: &str| format!("issuer[{i}].{key}");
        let algorithms = reader.maybe(&at("algorithms"), Reader::texts::<WrittenAlgorithm>)?;
        let trust = Trust {
            name: reader.text(&at("name"))?,
            issuer: reader.text(&at("issuer"))?,
            audience: reader.text::<Audience>(&at("audience"))?.0,
            buses: reader.texts(&at("buses"))?.into_iter().collect(),
            algorithms: algorithms.map_or_else(
                || Algorithm::ALL.into_iter().collect(),
                |written| written.into_iter().map(|it| it.0).collect(),
            ),
            sources: BTreeMap::new(),
        };
        let keys = reader.text(&at("keys"))?;
        let refresh = reader.maybe(&at("refresh"), Reader::span)?.unwrap_or(REFRESH);
        let sources = reader.maybe(&at("sources"), Reader::texts)?.unwrap_or_default();
        Ok(Self { issuer: Issuer { trust, keys, refresh }, sources })
    }
}

impl Judge {
    /// The issuers, or at least one problem. Where all buses are configured they are these.
    pub(super) fn issuers(&mut self, written: Vec<WrittenIssuer>, all: Option<&[BusName]>) -> Vec<Issuer> {
        self.unique("issuer", written.iter().map(|it| it.issuer.trust.name.as_str()));
        let mut issuers: Vec<Issuer> = Vec::new();
        for (i, WrittenIssuer { mut issuer, sources }) in written.into_iter().enumerate() {
            let at = |key: &str| format!("issuer[{i}].{key}");
            let trust = &mut issuer.trust;
            if issuers.iter().any(|other| other.trust.issuer == trust.issuer) {
                let reason = format!("there is another issuer {:?}", trust.issuer.as_str());
                self.refuse(&at("issuer"), reason, "each once");
            }
            if trust.buses.is_empty() {
                self.refuse(&at("buses"), "it could speak for nobody", "at least one bus");
            }
            let is_there = |name: &BusName| all.is_none_or(|all| all.contains(name));
            for name in trust.buses.iter().filter(|name| !is_there(name)) {
                let reason = format!("there is no bus {:?}", name.as_str());
                self.refuse(&at("buses"), reason, "names of [[bus]]; others with [provision]");
            }
            if trust.algorithms.is_empty() {
                let reason = "none of its tokens would be good";
                self.refuse(&at("algorithms"), reason, "at least one, or to leave it out");
            }
            for SourceOf { client, source } in sources {
                if trust.sources.insert(client, source).is_some() {
                    self.refuse(&at("sources"), "a client is there twice", "each client_id once");
                }
            }
            issuers.push(issuer);
        }
        issuers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigErrors, KeysAt, Sources, load};

    /// With one issuer, whose keys are these and more.
    fn loaded(change: &[(&str, &str)], more: &str) -> Result<Config, ConfigErrors> {
        loaded_with("provision = {}\n", change, more)
    }

    fn loaded_with(before: &str, change: &[(&str, &str)], more: &str) -> Result<Config, ConfigErrors> {
        let usual = [
            ("name", r#""id""#),
            ("issuer", r#""https://id.example""#),
            ("audience", r#""https://bp.example""#),
            ("keys", r#""https://id.example/jwks.json""#),
            ("buses", r#"["a", "b", "a"]"#),
        ];
        let mut text = format!("{before}[[issuer]]\n");
        for (key, value) in
            usual.iter().filter(|(key, _)| !change.iter().any(|(other, _)| other == key)).chain(change)
        {
            if !value.is_empty() {
                text.extend([key, " = ", value, "\n"]);
            }
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text + more).unwrap();
        let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
        load(&sources).map(|loaded| loaded.config)
    }

    #[test]
    fn an_issuer_is_trusted_with_what_is_written() {
        let config = loaded(&[], "").unwrap();
        let Issuer { trust, keys, refresh } = &config.issuers[0];
        assert_eq!((trust.name.as_str(), trust.issuer.as_str()), ("id", "https://id.example"));
        assert_eq!((trust.buses.len(), trust.algorithms.len(), *refresh), (2, 9, REFRESH));
        assert!(trust.sources.is_empty() && matches!(keys, KeysAt::Url(_)));
        let more = [
            ("algorithms", r#"["RS256", "ES256"]"#),
            ("sources", r#"["shop https://shop.example/", "* https://any.example/"]"#),
            ("refresh", r#""1m""#),
            ("keys", r#""/etc/keys.json""#),
        ];
        let config = loaded(&more, "").unwrap();
        let Issuer { trust, keys, refresh } = &config.issuers[0];
        assert_eq!((trust.algorithms.len(), *refresh), (2, Duration::from_mins(1)));
        assert_eq!(trust.source_of("shop").unwrap().as_str(), "https://shop.example/");
        assert_eq!(trust.source_of("other").unwrap().as_str(), "https://any.example/");
        assert_eq!(*keys, KeysAt::File("/etc/keys.json".into()));
    }

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        for good in [
            "https://id.example/a?b",
            "http://127.0.0.1:1/",
            "http://[::1]/",
            "http://localhost/k",
            "keys.json",
        ] {
            let written = format!("{good:?}");
            assert!(loaded(&[("keys", &written)], "").is_ok(), "{good}");
        }
        for bad in [
            "http://id.example/",
            "http://localhost.example/",
            "http://0.0.0.0/",
            "ftp://id.example/",
            "https://u@id.example/",
            "",
        ] {
            let written = format!("{bad:?}");
            let told = loaded(&[("keys", &written)], "").unwrap_err().to_string();
            assert!(told.starts_with("issuer[0].keys"), "{bad}: {told}");
        }
    }

    #[test]
    fn what_would_trust_too_much_or_nobody_is_refused() {
        for (key, value) in [
            ("name", r#""a b""#),
            ("name", ""),
            ("issuer", r#""http://id.example""#),
            ("issuer", r#""https://id.example?x""#),
            ("issuer", ""),
            ("audience", r#""""#),
            ("audience", ""),
            ("buses", "[]"),
            ("buses", r#""*""#),
            ("buses", ""),
            ("keys", ""),
            ("algorithms", "[]"),
            ("algorithms", r#""none""#),
            ("algorithms", r#"["RS256", "HS256"]"#),
            ("sources", r#""shop""#),
            ("sources", r#"["shop https://a.example/", "shop https://b.example/"]"#),
            ("refresh", r#""1s""#),
        ] {
            let told = loaded(&[(key, value)], "").unwrap_err().to_string();
            assert!(told.starts_with(&format!("issuer[0].{key}")), "{key} = {value}: {told}");
        }
        let again = "[[issuer]]\nname = \"id\"\nissuer = \"https://id.example\"\naudience = \"a\"\nkeys = \"k\"\nbuses = \"a\"\n";
        let told = loaded(&[], again).unwrap_err().to_string();
        assert!(told.contains("issuer[1].name") && told.contains("issuer[1].issuer"), "{told}");
    }

    #[test]
    fn where_all_buses_are_configured_it_speaks_for_no_others() {
        const BUS: &str = r#"[[user]]
name = "u"
password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng"
[[bus]]
name = "a"
post = "u"
"#;
        let told = loaded_with(BUS, &[], "").unwrap_err().to_string();
        assert!(told.starts_with("issuer[0].buses"), "{told}");
        assert!(
            told.contains(r#"there is no bus "b"; allowed: names of [[bus]]; others with [provision]"#),
            "{told}"
        );
        assert!(!told.contains(r#"bus "a""#), "{told}");
        assert!(loaded_with(BUS, &[("buses", r#""a""#)], "").is_ok());
        assert!(loaded_with(&format!("provision = {{}}\n{BUS}"), &[], "").is_ok());
    }
}
