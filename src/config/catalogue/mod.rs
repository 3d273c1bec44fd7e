//! Every key of the configuration, once: name, kind with bounds, default, documentation.
//!
//! The checks, the defaults, the names of environment variables and `backplane.example.toml` all come from here;
//! [`super::resolve`] reads each of them once.

mod access;
mod buses;
mod limits;
mod server;

use self::access::{AUTH, ISSUER, PROVISION, TOKENS, USER};
use self::buses::{BUS, POLICY};
use self::limits::LIMITS;
use self::server::{ADMIN, LOG, STORAGE, TLS, TOP};
use super::keys::{Key, Kind, Section, Shape, Unset};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// As long as durations in words have it.
const YEAR: u64 = 31_557_600 * SECOND;

const ADDRESSES: &str = "addresses with a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
const RATE: &str = "a number and a time of whole seconds, such as \"100/s\", \"6000/min\" or \"10/30s\", up to a day, or \"none\"";
const NO_RATE: Unset = Unset::Default(r#""none""#);
const USERS: &str = "names of users, each with a [[user]] of its own";

const fn key(name: &'static str, kind: Kind, unset: Unset, doc: &'static str) -> Key {
    Key { name, kind, unset, doc }
}

/// All sections, in the order of the documentation.
pub(super) const CATALOGUE: &[Section] = &[
    Section { name: "", shape: Shape::One, doc: "", keys: &[TOP] },
    Section {
        name: "tls",
        shape: Shape::Optional,
        doc: "A listener with TLS, beside the plain one or, with listen = [] above, alone. The files are read again when they change. A path that is not \
              absolute starts at the folder that the server was started in.",
        keys: &[TLS],
    },
    Section {
        name: "admin",
        shape: Shape::Optional,
        doc: "A listener for operators: /metrics (Prometheus), /healthz and /readyz. Whoever reaches it may read \
              them. Without it there are no metrics; the demonstration has one on loopback, at 127.0.0.1:8090.",
        keys: &[ADMIN],
    },
    Section {
        name: "log",
        shape: Shape::One,
        doc: "What the server writes to standard error.",
        keys: &[LOG],
    },
    Section { name: "storage", shape: Shape::One, doc: "Where messages are kept.", keys: &[STORAGE] },
    Section {
        name: "auth",
        shape: Shape::One,
        doc: "How passwords are checked, and how guessing them is slowed down.",
        keys: &[AUTH],
    },
    Section {
        name: "limits",
        shape: Shape::One,
        doc: "Bounds, so that no client can exhaust the server.",
        keys: &[LIMITS],
    },
    Section {
        name: "provision",
        shape: Shape::Optional,
        doc: "Users, buses, clients and grants that are made while the server runs, with `backplane user`, `bus`, `client` and `grant` or over HTTP \
              (/admin/v1 at the listener for operators). That is possible in any case; a server with this section needs no [[user]] and \
              no [[bus]] besides. Those below stay as they are written here.",
        keys: &[PROVISION],
    },
    Section {
        name: "tokens",
        shape: Shape::One,
        doc: "Tokens of version 2.0. Those of pages prove themselves, by keys in a file; those of clients are kept with what is made at run time.",
        keys: &[TOKENS],
    },
    Section {
        name: "issuer",
        shape: Shape::Many,
        doc: "An identity provider whose access tokens (JWTs by RFC 9068) are taken with version 2.0, beside those that this server issues. Once for \
              each. Without any nobody else's token is good.",
        keys: &[ISSUER],
    },
    Section {
        name: "defaults",
        shape: Shape::One,
        doc: "What holds for every bus that does not say otherwise.",
        keys: &[POLICY],
    },
    Section {
        name: "user",
        shape: Shape::Many,
        doc: "Who may come in. Once for each user. Without any user and any bus the server runs as a \
              demonstration: bus \"demo\", user \"demo\", password \"demo\", on loopback addresses only.",
        keys: &[USER],
    },
    Section {
        name: "bus",
        shape: Shape::Many,
        doc: "A bus. Once for each bus; it takes the keys of [defaults], too, for this bus alone.",
        keys: &[BUS, POLICY],
    },
];
