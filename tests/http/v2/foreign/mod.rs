//! Access tokens of an identity provider: RFC 9068 from outside, and what RFC 8725 and RFC 9700 warn of.

mod attacks;
mod good;
mod keys;
mod lives;

use std::time::Duration;

use backplane::access::foreign::{Algorithm, Trust};
use backplane::config::{Config, Issuer};
use backplane_actors::{BusName, Clock as _};
use serde_json::{Value, json};
use testkit::identity::{IdentityProvider, Signer};
use testkit::{BUS, Server, Setup};

use super::*;

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://bp.example";
/// The client whose messages have a source, and that source.
const SHOP: &str = "shop";
const SHOP_SOURCE: &str = "https://shop.example/";
/// Shorter is the time between two questions to a provider never.
const AGAIN: Duration = Duration::from_secs(30);

/// A server that trusts a provider with [`BUS`], and a key of that.
struct World {
    server: Server,
    provider: IdentityProvider,
    key: Signer,
}

fn issuer(keys: &str) -> Issuer {
    let buses: [BusName; 1] = [BUS.parse().unwrap()];
    Issuer {
        trust: Trust {
            name: "id".parse().unwrap(),
            issuer: ISSUER.parse().unwrap(),
            audience: AUDIENCE.to_owned(),
            buses: buses.into(),
            algorithms: Algorithm::ALL.into_iter().collect(),
            sources: [(SHOP.into(), SHOP_SOURCE.parse().unwrap())].into(),
        },
        keys: keys.parse().unwrap(),
        refresh: Duration::from_mins(10),
    }
}

impl World {
    fn start() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let key = Signer::p256("one");
        let provider = IdentityProvider::start(&[&key]);
        let server = started(Setup::new().config(|config| {
            config.issuers = vec![issuer(&provider.keys_url())];
            change(config);
        }));
        Self { server, provider, key }
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    /// Seconds since 1970.
    fn now(&self) -> u64 {
        self.server.clock.wall().as_millis() / 1_000
    }

    /// Claims with which a token of this scope is good for an hour.
    fn claims(&self, scope: &str) -> Value {
        let now = self.now();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "someone", "client_id": SHOP, "jti": "1",
            "iat": now, "exp": now + 3_600, "scope": scope,
        })
    }

    fn token(&self, scope: &str) -> String {
        self.key.token(&self.claims(scope))
    }

    /// A token that reads and posts.
    fn full(&self) -> String {
        self.token(&format!("openid bus:{BUS} backplane:post"))
    }

    /// The status of a read with this token.
    fn status(&self, token: &str) -> u16 {
        get(&self.client(), token, "/v2/messages").status
    }

    /// Takes another configuration over, as SIGHUP does.
    fn take_over(&self, change: impl FnOnce(&mut Config)) {
        let mut config = self.server.config().clone();
        change(&mut config);
        let taking = self.server.backplane.take_over(&config);
        assert!(actix_rt::System::new().block_on(taking).is_ok());
    }
}
