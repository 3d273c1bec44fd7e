//! The form in which families of tokens are kept: JSON, within a file that tells its version. Digests are base64url.

use std::sync::Arc;

use backplane_actors::Timestamp;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::access::ledger::{Access, Challenge, Family, Privileged, Reach, Refresh, State, WaitingCode};
use crate::access::{ClientName, Digest, Scope};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredFamily {
    client: String,
    state: StoredState,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum StoredState {
    Code(StoredCode),
    Tokens {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access: Option<StoredToken>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refresh: Option<StoredToken>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCode {
    digest: String,
    redirect: String,
    challenge: String,
    reach: StoredReach,
    /// Milliseconds since 1970, as all times here.
    expires: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredToken {
    digest: String,
    /// An access token that reaches what its refresh token does has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reach: Option<StoredReach>,
    issued: u64,
    expires: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredReach {
    /// Buses with their grants.
    buses: Vec<(String, String)>,
    /// The scope without them.
    scope: String,
}

pub(super) fn family_to(family: &Family) -> Result<Vec<u8>, String> {
    let state = match &family.state {
        State::Code(code) => StoredState::Code(StoredCode {
            digest: text(&code.digest),
            redirect: code.redirect.to_string(),
            challenge: text(code.challenge.digest()),
            reach: reach_to(&code.reach),
            expires: code.expires.as_millis(),
        }),
        State::Tokens { access, refresh } => {
            let shared = refresh.as_ref().map(|refresh| &refresh.reach);
            let access = access.as_ref().map(|Access { digest, token }| StoredToken {
                digest: text(digest),
                reach: (shared != Some(&token.reach)).then(|| reach_to(&token.reach)),
                issued: token.issued.as_millis(),
                expires: token.expires.as_millis(),
            });
            let refresh = refresh.as_ref().map(|refresh| StoredToken {
                digest: text(&refresh.digest),
                reach: Some(reach_to(&refresh.reach)),
                issued: refresh.issued.as_millis(),
                expires: refresh.expires.as_millis(),
            });
            StoredState::Tokens { access, refresh }
        }
    };
    let stored = StoredFamily { client: family.client.to_string(), state };
    serde_json::to_vec(&stored).map_err(|error| error.to_string())
}

/// The error tells where something is wrong, and not what is there.
pub(super) fn family_of(bytes: &[u8]) -> Result<Family, String> {
    let stored: StoredFamily = serde_json::from_slice(bytes)
        .map_err(|error| format!("a family of tokens cannot be read, at byte {}", error.column()))?;
    let client: ClientName = parsed(&stored.client, "a client of tokens")?;
    let state = match stored.state {
        StoredState::Code(code) => State::Code(WaitingCode {
            digest: digest(&code.digest)?,
            redirect: parsed(&code.redirect, "a URL of a code")?,
            challenge: Challenge::recovered(digest(&code.challenge)?),
            reach: reach_of(&code.reach)?,
            expires: Timestamp::from_millis(code.expires),
        }),
        StoredState::Tokens { access, refresh } => {
            let refresh = refresh.map(refresh_of).transpose()?;
            let shared = refresh.as_ref().map(|refresh| &refresh.reach);
            let access = access.map(|access| access_of(access, &client, shared)).transpose()?;
            if access.is_none() && refresh.is_none() {
                return Err("a family of tokens has none".to_owned());
            }
            State::Tokens { access, refresh }
        }
    };
    Ok(Family { client, state })
}

fn refresh_of(token: StoredToken) -> Result<Refresh, String> {
    let reach = token.reach.ok_or("a refresh token reaches nothing")?;
    Ok(Refresh {
        digest: digest(&token.digest)?,
        reach: reach_of(&reach)?,
        issued: Timestamp::from_millis(token.issued),
        expires: Timestamp::from_millis(token.expires),
    })
}

fn access_of(token: StoredToken, client: &ClientName, shared: Option<&Arc<Reach>>) -> Result<Access, String> {
    let reach = match token.reach {
        Some(reach) => reach_of(&reach)?,
        None => Arc::clone(shared.ok_or("an access token reaches nothing")?),
    };
    let (issued, expires) = (Timestamp::from_millis(token.issued), Timestamp::from_millis(token.expires));
    let privileged = Privileged { client: client.clone(), reach, issued, expires };
    Ok(Access { digest: digest(&token.digest)?, token: Arc::new(privileged) })
}

fn reach_to(reach: &Reach) -> StoredReach {
    let buses = reach.buses().iter().map(|(bus, grant)| (bus.to_string(), grant.to_string())).collect();
    StoredReach { buses, scope: reach.scope().without_buses().to_string() }
}

fn reach_of(stored: &StoredReach) -> Result<Arc<Reach>, String> {
    let buses = stored
        .buses
        .iter()
        .map(|(bus, grant)| Ok((parsed(bus, "a bus of a token")?, parsed(grant, "a grant of a token")?)));
    let buses = buses.collect::<Result<Vec<_>, String>>()?;
    if buses.is_empty() {
        return Err("a token reaches no bus".to_owned());
    }
    let scope = Scope::parse(&stored.scope).ok().filter(|scope| !scope.has_bus());
    let reach = scope.and_then(|scope| Reach::recovered(buses, scope).ok());
    reach.map(Arc::new).ok_or_else(|| "a scope of a token is none".to_owned())
}

fn text(digest: &Digest) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest.as_bytes())
}

fn digest(text: &str) -> Result<Digest, String> {
    let mut bytes = [0; 32];
    let length = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes);
    if length == Ok(bytes.len()) { Ok(Digest::from_bytes(bytes)) } else { Err("a digest is none".to_owned()) }
}

/// What a text stands for; the error does not repeat it.
fn parsed<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{what} is none"))
}
