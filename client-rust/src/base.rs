//! The base URL of a server, with the version of the protocol. Pure.

use reqwest::Url;

/// Why a text is not the base URL of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaseError {
    /// It is no absolute URL of HTTP.
    #[error("the base URL of a server begins with http:// or https:// and a host")]
    NotHttp,
    /// It does not end in a version of the protocol that this client speaks.
    #[error(
        "the base URL of a server ends in the version of the protocol, such as {example}; \
         this client speaks /v1, /v1.1, /v1.2 and /v1.3"
    )]
    NoVersion {
        /// How it may be meant.
        example: String,
    },
    /// It does not end in the version of privileged and regular access.
    #[error(
        "privileged and regular access are of version 2.0: the base URL of a server ends in /v2 there, such as {example}"
    )]
    NotTwo {
        /// How it may be meant.
        example: String,
    },
    /// It has a user or a password.
    #[error(
        "credentials do not belong into the base URL, where logs show them: `ClientBuilder::credentials` takes them"
    )]
    Credentials,
    /// It has a query or a fragment.
    #[error("the base URL of a server has neither a query nor a fragment")]
    More,
}

/// A checked base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base(Url);

impl Base {
    /// Of version 1.x.
    pub(crate) fn new(text: &str) -> Result<Self, BaseError> {
        Self::of(text, is_version, "v1", |example| BaseError::NoVersion { example })
    }

    /// Of version 2.0.
    pub(crate) fn of_2_0(text: &str) -> Result<Self, BaseError> {
        Self::of(text, |segment| segment == "v2", "v2", |example| BaseError::NotTwo { example })
    }

    fn of(
        text: &str,
        is_version: impl Fn(&str) -> bool,
        usual: &str,
        none: impl Fn(String) -> BaseError,
    ) -> Result<Self, BaseError> {
        let mut url = Url::parse(text).map_err(|_| BaseError::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(BaseError::NotHttp);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseError::More);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        if !path.rsplit('/').next().is_some_and(is_version) {
            url.set_path(&format!("{path}/{usual}"));
            return Err(none(url.into()));
        }
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The URL below it. The parts have no characters that need quoting.
    pub(crate) fn below(&self, parts: &[&str]) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{}", url.path(), parts.join("/")));
        url
    }

    /// Whether what is sent there can be read on the way by nobody but this machine's own.
    pub(crate) fn is_private(&self) -> bool {
        self.speaks_tls() || self.is_loopback()
    }

    /// Whether TLS is spoken there.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        address.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
    }
}

/// `v1`, or `v1.` and a number.
fn is_version(segment: &str) -> bool {
    matches!(segment, "v1" | "v1.1" | "v1.2" | "v1.3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_has_its_version() {
        for (text, example) in [
            ("https://x.y", "https://x.y/v1"),
            ("https://x.y/", "https://x.y/v1"),
            ("https://x.y/v2", "https://x.y/v2/v1"),
            ("https://x.y/v1/bus", "https://x.y/v1/bus/v1"),
            ("https://x.y/v1.0", "https://x.y/v1.0/v1"),
        ] {
            assert_eq!(Base::new(text), Err(BaseError::NoVersion { example: example.into() }));
        }
        for good in ["http://127.0.0.1:8080/v1", "https://x.y/v1.2/", "https://x.y/backplane/v1.3"] {
            assert!(Base::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn version_2_0_has_a_base_of_its_own() {
        for good in ["http://127.0.0.1:8080/v2", "https://x.y/backplane/v2/"] {
            assert!(Base::of_2_0(good).is_ok(), "{good}");
        }
        assert_eq!(
            Base::of_2_0("https://x.y/v1"),
            Err(BaseError::NotTwo { example: "https://x.y/v1/v2".into() })
        );
        assert_eq!(Base::of_2_0("http://u@x.y/v2"), Err(BaseError::Credentials));
    }

    #[test]
    fn other_urls_are_refused() {
        for bad in ["", "x.y/v1", "//x.y/v1", "ftp://x.y/v1", "mailto:a@b/v1", "http:///"] {
            assert_eq!(Base::new(bad), Err(BaseError::NotHttp), "{bad}");
        }
        assert_eq!(Base::new("http://u:p@x.y/v1"), Err(BaseError::Credentials));
        assert_eq!(Base::new("http://u@x.y/v1"), Err(BaseError::Credentials));
        assert_eq!(Base::new("http://x.y/v1?a=b"), Err(BaseError::More));
        assert_eq!(Base::new("http://x.y/v1#a"), Err(BaseError::More));
    }

    #[test]
    fn resources_are_below_it() {
        let base = Base::new("http://x.y/b/v1/").unwrap();
        assert_eq!(base.below(&["bus", "a.b", "channel", "c"]).as_str(), "http://x.y/b/v1/bus/a.b/channel/c");
    }

    #[test]
    fn v1_auth_1_loopback_and_https_are_private() {
        for private in
            ["https://x.y/v1", "http://localhost:1/v1", "http://127.8.9.1/v1", "http://[::1]:80/v1"]
        {
            assert!(Base::new(private).unwrap().is_private(), "{private}");
        }
        for open in [
            "http://x.y/v1",
            "http://10.0.0.1/v1",
            "http://localhost.x.y/v1",
            "http://[::2]/v1",
            "http://0.0.0.0/v1",
        ] {
            assert!(!Base::new(open).unwrap().is_private(), "{open}");
        }
    }
}
