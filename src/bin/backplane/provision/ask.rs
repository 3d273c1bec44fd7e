//! The request that a command is.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustix::rand::{GetRandomFlags, getrandom};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::hash_password::{PasswordError, hash, hash_from_standard_input};

/// Bytes of a password that is made.
const MADE: usize = 18;

/// What is asked of the server, or of its store.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    /// What follows `/admin/v1/`.
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) body: Option<Value>,
    /// Only if nothing of the name is there.
    pub(super) absent: bool,
    /// What is said to programs of what is gone.
    pub(super) gone: &'static str,
}

/// A request, and what people are told once it is done.
pub(super) struct Ask {
    pub(super) request: Request,
    /// One that was made, and is shown this once.
    pub(super) secret: Option<Secret>,
    /// `made`, for example; nothing where the answer itself is told.
    pub(super) tells: Option<&'static str>,
}

/// A secret that was made here. Not to be shown by accident (I-8).
pub(super) struct Secret {
    /// `password` or `secret`.
    pub(super) word: &'static str,
    pub(super) text: Zeroizing<String>,
}

impl Request {
    pub(super) fn is_list(&self) -> bool {
        self.method == "GET" && self.name.is_empty()
    }
}

impl Ask {
    fn new(method: &'static str, kind: &'static str, name: &str, tells: Option<&'static str>) -> Self {
        let path = if name.is_empty() { kind.to_owned() } else { format!("{kind}/{}", encoded(name)) };
        let request =
            Request { method, path, kind, name: name.to_owned(), body: None, absent: false, gone: "removed" };
        Self { request, secret: None, tells }
    }

    pub(super) fn list(kind: &'static str) -> Self {
        Self::new("GET", kind, "", None)
    }

    pub(super) fn show(kind: &'static str, name: &str) -> Self {
        Self::new("GET", kind, name, None)
    }

    pub(super) fn add(kind: &'static str, name: &str, body: &Value) -> Self {
        let mut ask = Self::new("PUT", kind, name, Some("made"));
        (ask.request.body, ask.request.absent) = (Some(body.clone()), true);
        ask
    }

    /// Something new that has no name before it is there.
    pub(super) fn make(kind: &'static str, body: &Value, tells: &'static str) -> Self {
        let mut ask = Self::new("POST", kind, "", Some(tells));
        ask.request.body = Some(body.clone());
        ask
    }

    pub(super) fn set(kind: &'static str, name: &str, body: &Value) -> Self {
        let mut ask = Self::new("PATCH", kind, name, Some("changed"));
        ask.request.body = Some(body.clone());
        ask
    }

    pub(super) fn remove(kind: &'static str, name: &str) -> Self {
        Self::new("DELETE", kind, name, Some("removed"))
    }

    /// Ends the tokens of a bus's pages.
    pub(super) fn revoke_pages(name: &str) -> Self {
        let mut ask = Self::new("DELETE", "buses", name, Some("page tokens revoked"));
        ask.request.path.push_str("/pages");
        ask.request.gone = "page_tokens_revoked";
        ask
    }

    /// The same, told as what it is for a grant.
    pub(super) fn revoke(kind: &'static str, id: &str) -> Self {
        Self::new("DELETE", kind, id, Some("revoked"))
    }
}

/// A request with a password: one that is made, or one from the terminal or standard input. It goes no further than this
/// process, its hash does.
pub(super) fn with_password(generate: bool, ask: impl FnOnce(&Value) -> Ask) -> Result<Ask, Failure> {
    with_secret("password", generate, Map::new(), ask)
}

/// The same of any secret, which comes beside other members: `<word>_hash` is what the server gets.
pub(super) fn with_secret(
    word: &'static str,
    generate: bool,
    mut members: Map<String, Value>,
    ask: impl FnOnce(&Value) -> Ask,
) -> Result<Ask, Failure> {
    let (hash, secret) = if generate {
        let mut bytes = Zeroizing::new([0; MADE]);
        getrandom(&mut *bytes, GetRandomFlags::empty())
            .map_err(|error| Failure::Password(PasswordError::Read(error.into())))?;
        let text = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes));
        (hash(&text)?, Some(Secret { word, text }))
    } else {
        (hash_from_standard_input()?, None)
    };
    members.insert(format!("{word}_hash"), Value::from(hash.to_phc()));
    Ok(Ask { secret, ..ask(&Value::Object(members)) })
}

/// A name as a path has it.
fn encoded(name: &str) -> String {
    let mut path = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            _ = write!(path, "%{byte:02X}");
        }
    }
    path
}
