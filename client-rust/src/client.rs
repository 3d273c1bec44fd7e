//! The client of one server, and how it is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;

use crate::backoff::Backoff;
use crate::base::Base;
use crate::bus::Bus;
use crate::error::Error;
use crate::http::{Access, Http};
use crate::keeper::Keeper;
use crate::names::BusName;
use crate::scope::Scope;
use crate::tls;
use crate::token::RefreshToken;
use crate::v2::{Privileged, Regular};
use crate::wire::{Credentials, Settings, Wire};

/// Longest time over which a POST is retried: servers remember its key for ten minutes, and the last try takes its time.
const PATIENCE_MAX: Duration = Duration::from_mins(8);

/// A client of one server. Cheap to clone; clones share their connections.
///
/// ```no_run
/// # async fn example() -> Result<(), backplane_client::Error> {
/// let client = backplane_client::Client::builder("https://backplane.example/v1").credentials("shop", "secret").build()?;
/// let channel = client.bus("customer.com")?.channel("8ec92f459fa70b0da1a40e8fe70a0bc8")?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    http: Arc<Http>,
}

impl Client {
    /// A client to be refined, of the server at this base URL, which ends in the version of the protocol: `http://127.0.0.1:8080/v1`, or
    /// `http://127.0.0.1:8080/v2` for [`ClientBuilder::privileged`] and [`ClientBuilder::regular`].
    pub fn builder(base_url: &str) -> ClientBuilder {
        ClientBuilder {
            base_url: base_url.to_owned(),
            credentials: None,
            in_the_clear: false,
            certificates: Vec::new(),
            settings: Settings {
                timeout: Duration::from_secs(30),
                connect_timeout: Duration::from_secs(10),
                heartbeat: Duration::from_secs(15),
                block: Duration::from_secs(30),
                poll_interval: Duration::from_secs(5),
                stream_again: Duration::from_mins(5),
                tries: 5,
                patience: Duration::from_mins(1),
                backoff: Backoff::default(),
                answer_max: 64 * 1024 * 1024,
            },
        }
    }

    /// A bus of the server.
    ///
    /// # Errors
    ///
    /// The name is none ([`Error::Name`]). Whether there is such a bus, the server says.
    pub fn bus(&self, name: &str) -> Result<Bus, Error> {
        Ok(Bus::new(Arc::clone(&self.http), name.parse()?))
    }
}

impl fmt::Debug for Client {
    /// Without credentials (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", self.http.settings()).finish_non_exhaustive()
    }
}

/// What a [`Client`] is made from. Each setting has a default that suits a server's own servers.
#[must_use = "it is made by `build`"]
pub struct ClientBuilder {
    base_url: String,
    credentials: Option<Credentials>,
    in_the_clear: bool,
    certificates: Vec<CertificateDer<'static>>,
    settings: Settings,
}

impl ClientBuilder {
    /// Who posts, and reads buses (HTTP Basic): a user of version 1.x, or a client of 2.0 with its secret. Reading channels needs no credentials, and
    /// they are not sent there.
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some(Credentials { user: user.to_owned(), password: password.to_owned() });
        self
    }

    /// Sends credentials over plain HTTP to a host that is not this machine, as on a network that is safe otherwise.
    pub fn allow_credentials_in_the_clear(mut self) -> Self {
        self.in_the_clear = true;
        self
    }

    /// One more authority whose certificates are good, in PEM. Those of the system are in any case.
    ///
    /// # Errors
    ///
    /// The text has no certificate ([`Error::Setup`]).
    pub fn root_certificate(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.certificates.push(tls::certificate(pem)?);
        Ok(self)
    }

    /// How long an answer may take, by default 30 seconds; of a stream, its head. A long poll may take its wait beside it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long a connection may take to be made, by default 10 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// The server's `limits.heartbeat`, by default 15 seconds. A stream that is silent for twice as long is dead.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.settings.heartbeat = heartbeat;
        self
    }

    /// How long a long poll waits, in whole seconds, by default 30; at most the server's `limits.block`.
    pub fn block(mut self, block: Duration) -> Self {
        self.settings.block = block;
        self
    }

    /// How often a server is polled that has neither streams nor long polls, by default every 5 seconds.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.settings.poll_interval = interval;
        self
    }

    /// When a stream is tried again where it did not work, by default after 5 minutes.
    pub fn stream_again(mut self, after: Duration) -> Self {
        self.settings.stream_again = after;
        self
    }

    /// How POSTs and reads are retried: so many tries in all, by default 5, none of them later than `patience` after the first,
    /// by default a minute, at most 8. Subscriptions connect again for as long as there is hope.
    pub fn retries(mut self, tries: u32, patience: Duration) -> Self {
        self.settings.tries = tries;
        self.settings.patience = patience.min(PATIENCE_MAX);
        self
    }

    /// How long to wait before trying again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// Most bytes of an answer, and of an event of a stream, by default 64 MiB (I-5).
    pub fn answer_max(mut self, bytes: usize) -> Self {
        self.settings.answer_max = bytes;
        self
    }

    /// Makes the client, of versions 1.0 to 1.3. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The base URL is none ([`Error::Base`]), credentials would cross the network in the clear ([`Error::InTheClear`]), or
    /// there is no TLS ([`Error::Setup`]).
    pub fn build(self) -> Result<Client, Error> {
        let (base, has_secrets) = (Base::new(&self.base_url)?, self.credentials.is_some());
        let (wire, credentials) = self.wire(base, has_secrets)?;
        Ok(Client { http: Arc::new(Http { wire: Arc::new(wire), access: Access::Basic(credentials) }) })
    }

    /// Makes privileged access of version 2.0, by the credentials of a client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::build`]; [`Error::NoCredentials`].
    pub fn privileged(self) -> Result<Privileged, Error> {
        let (wire, credentials) = self.wire_of_2_0()?;
        Ok(Privileged::new(wire, credentials.ok_or(Error::NoCredentials)?))
    }

    /// Makes regular access of version 2.0: has the server make a channel on a bus, and give a token for it. Filters hold neither `bus:` nor `channel:`;
    /// with [`Scope::all`] there are none. Credentials are not sent.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::build`]; [`Error::Name`], [`Error::Scope`], and what the server refuses. It is tried again as POSTs are.
    pub async fn regular(self, bus: &str, filters: &Scope) -> Result<Regular, Error> {
        let (bus, filters): (BusName, _) = (bus.parse()?, filters.filters()?);
        let (wire, _) = self.wire_of_2_0()?;
        let opened = wire.retrying(|| Keeper::open(&wire, &bus, &filters)).await?;
        Ok(Regular::new(wire, opened))
    }

    /// Makes regular access of version 2.0 that goes on with the channel and the filters that this token was given for.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::regular`]; 401 where the token is over, and [`Error::Revoked`] where it was taken back.
    pub async fn regular_again(self, refresh: &RefreshToken) -> Result<Regular, Error> {
        let (wire, _) = self.wire_of_2_0()?;
        let opened = wire.retrying(|| Keeper::again(&wire, refresh)).await?;
        Ok(Regular::new(wire, opened))
    }

    /// Tokens are secrets as passwords are.
    fn wire_of_2_0(self) -> Result<(Wire, Option<Credentials>), Error> {
        let base = Base::of_2_0(&self.base_url)?;
        self.wire(base, true)
    }

    fn wire(self, base: Base, has_secrets: bool) -> Result<(Wire, Option<Credentials>), Error> {
        if has_secrets && !self.in_the_clear && !base.is_private() {
            return Err(Error::InTheClear);
        }
        // Credentials go to the server that was named, and nowhere else.
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(base.speaks_tls(), self.certificates)?)
            .redirect(Policy::none())
            .connect_timeout(self.settings.connect_timeout);
        if base.is_loopback() {
            // A proxy that the environment names is on another machine, where loopback is somebody else.
            http = http.no_proxy();
        }
        let client = http.build()?;
        Ok((Wire { client, base, settings: self.settings }, self.credentials))
    }
}

impl fmt::Debug for ClientBuilder {
    /// Without credentials (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_auth_1_credentials_do_not_cross_the_network_in_the_clear() {
        let build = |base: &str| Client::builder(base).credentials("u", "secret").build();
        assert!(matches!(build("http://x.y/v1"), Err(Error::InTheClear)));
        assert!(build("http://127.0.0.1:1/v1").is_ok());
        assert!(build("https://x.y/v1").is_ok());
        assert!(Client::builder("http://x.y/v1").build().is_ok());
        let told =
            Client::builder("http://x.y/v1").credentials("u", "secret").allow_credentials_in_the_clear();
        assert!(told.build().is_ok());
    }

    #[test]
    fn v1_auth_1_tokens_do_not_cross_the_network_in_the_clear_either() {
        let builder = |base: &str| Client::builder(base).credentials("u", "secret");
        assert!(matches!(builder("http://x.y/v2").privileged(), Err(Error::InTheClear)));
        assert!(builder("https://x.y/v2").privileged().is_ok());
        assert!(builder("http://127.0.0.1:1/v2").privileged().is_ok());
        assert!(matches!(Client::builder("https://x.y/v2").privileged(), Err(Error::NoCredentials)));
        assert!(matches!(builder("https://x.y/v1").privileged(), Err(Error::Base(_))));
        assert!(!format!("{:?}", builder("https://x.y/v2").privileged().unwrap()).contains("secret"), "I-8");
    }

    #[test]
    fn i_8_nothing_shows_credentials() {
        let builder = Client::builder("https://x.y/v1").credentials("user", "secret");
        assert!(!format!("{builder:?}").contains("secret"));
        assert!(!format!("{:?}", builder.build().unwrap()).contains("secret"));
    }

    #[test]
    fn a_base_without_its_version_is_told_in_plain_words() {
        let error = Client::builder("https://x.y").build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the base URL of a server ends in the version of the protocol, such as https://x.y/v1; \
             this client speaks /v1, /v1.1, /v1.2 and /v1.3"
        );
    }
}
