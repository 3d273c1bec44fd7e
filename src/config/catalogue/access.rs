//! Who comes in: passwords, tokens, users, what may be made at run time.

use super::{DAY, HOUR, MINUTE, YEAR, key};
use crate::config::keys::Unset::{Default, Otherwise, Required};
use crate::config::keys::{Key, Kind};

pub(super) const AUTH: &[Key] = &[
    key(
        "verified_ttl",
        Kind::Span(0, DAY),
        Default(r#""5m""#),
        "How long a password that was right is known to be right, without the cost of hashing it again. \"0s\": not \
         at all.",
    ),
    key(
        "hashing_threads",
        Kind::Count(1, 1024),
        Otherwise { meaning: "as many as there are workers", example: "2" },
        "Passwords that are hashed at the same time. Each takes about 19 MiB meanwhile.",
    ),
    key(
        "hashing_queue",
        Kind::Count(1, 1_000_000),
        Default("64"),
        "Passwords that may wait for being hashed. Further sign-ins are refused for the moment.",
    ),
    key(
        "failures_per_address.burst",
        Kind::Count(1, 1_000_000),
        Default("20"),
        "Wrong passwords from one address, in a row, before further attempts are refused.",
    ),
    key(
        "failures_per_address.refill",
        Kind::Span(1, DAY),
        Default(r#""3s""#),
        "How soon one more wrong password from that address is forgiven.",
    ),
    key(
        "failures_per_account.burst",
        Kind::Count(1, 1_000_000),
        Default("100"),
        "Wrong passwords for one user, in a row and from any address, before further attempts are refused.",
    ),
    key(
        "failures_per_account.refill",
        Kind::Span(1, DAY),
        Default(r#""1s""#),
        "How soon one more wrong password for that user is forgiven.",
    ),
];

pub(super) const PROVISION: &[Key] = &[
    key(
        "public",
        Kind::Switch,
        Default("false"),
        "Take the historical provisioning calls (/v1.2/provision/…, /v2/provision/…), which bring the password of an admin, at the listeners for \
         clients, too, and not only at the one for operators. Whoever reaches those may then guess at it.",
    ),
    key("users", Kind::Count(0, 1_000_000), Default("10000"), "Users that may be made."),
    key("clients", Kind::Count(0, 100_000), Default("1000"), "Clients of version 2.0 that may be made."),
    key("buses", Kind::Count(0, 100_000), Default("1000"), "Buses that may be made."),
    key("grants", Kind::Count(0, 1_000_000), Default("10000"), "Grants to clients that there may be."),
];

pub(super) const TOKENS: &[Key] = &[
    key(
        "key_file",
        Kind::Text("the path of a file with one or two lines, each with 32 bytes as base64url"),
        Otherwise {
            meaning: "token-keys in the folder of storage.path, made at the first start; with storage in memory a key that ends with the process",
            example: r#""token-keys""#,
        },
        "The keys by which tokens of pages prove themselves. The first signs, the second is good as well. `backplane rotate-token-key` makes the file \
         or a new first key; SIGHUP has a server read it. Pages lose their channels with the second rotation after: let more time pass between two \
         than page_refresh_lifetime. For the server's user or root alone, mode 0600 or 0640.",
    ),
    key(
        "page_lifetime",
        Kind::Span(MINUTE, DAY),
        Default(r#""1h""#),
        "How long a page's token is good. Its library gets the next one by itself.",
    ),
    key(
        "page_refresh_lifetime",
        Kind::Span(HOUR, YEAR),
        Default(r#""30days""#),
        "How long a page may stay away and still come back to its channel.",
    ),
    key(
        "client_lifetime",
        Kind::Span(MINUTE, DAY),
        Default(r#""1h""#),
        "How long a client's access token is good.",
    ),
    key(
        "client_refresh_lifetime",
        Kind::Span(HOUR, YEAR),
        Default(r#""30days""#),
        "How long a client may wait before it uses its refresh token. Each is of use once, and gives the next.",
    ),
    key(
        "per_client",
        Kind::Count(1, 100_000),
        Default("1000"),
        "Tokens that one client has at the same time: what came of one authorization, refreshed since or not, or of one call with its \
         credentials. Beyond it none is issued until one of them ends.",
    ),
    key(
        "max",
        Kind::Count(1, 1_000_000),
        Default("100000"),
        "The same of all clients together. A thousand take about a megabyte.",
    ),
];

pub(super) const ISSUER: &[Key] = &[
    key(
        "name",
        Kind::Text("1 to 64 of A-Z a-z 0-9 . - _; each name once"),
        Required { example: r#""id""# },
        "What logs and metrics call it.",
    ),
    key(
        "issuer",
        Kind::Text("an https URL without user, query and fragment; each once"),
        Required { example: r#""https://id.example.com""# },
        "What its tokens have as iss, to the letter.",
    ),
    key(
        "audience",
        Kind::Text("1 to 255 characters"),
        Required { example: r#""https://bp.example.com""# },
        "What its tokens must have in aud, to the letter: the name that it knows this server by, which is best its URL, and nobody else's.",
    ),
    key(
        "keys",
        Kind::Text("an https URL, an http URL of a loopback address or localhost, or the path of a file"),
        Required { example: r#""https://id.example.com/jwks.json""# },
        "Where its keys are, as a JWK set: what it publishes as jwks_uri. They are kept while it is away, for a day at most.",
    ),
    key(
        "buses",
        Kind::Texts("names of buses, at least one"),
        Required { example: r#"["customer.com"]"# },
        "The buses that it may speak for, those made at run time too. Whatever a token says, it reaches no others.",
    ),
    key(
        "algorithms",
        Kind::Texts("RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA, at least one"),
        Otherwise { meaning: "all of them", example: r#"["RS256", "ES256"]"# },
        "How its tokens may be signed.",
    ),
    key(
        "sources",
        Kind::Texts(
            "a client_id (or *), a space and an http or https URL, such as \"shop https://shop.example.com/\"",
        ),
        Otherwise { meaning: "none: its tokens only read", example: r#"["shop https://shop.example.com/"]"# },
        "Which of its clients may post, each with the source that its messages have; * stands for all others.",
    ),
    key(
        "refresh",
        Kind::Span(MINUTE, DAY),
        Default(r#""10m""#),
        "How old its keys may be before they are looked at again. A key that is missing is looked for at once, every 30 s at most.",
    ),
];

pub(super) const USER: &[Key] = &[
    key(
        "name",
        Kind::Text("1 to 128 characters, none of them a colon or a control character; each name once"),
        Required { example: r#""alice""# },
        "The name to sign in with.",
    ),
    key(
        "password_hash",
        Kind::Secret(
            "what `backplane hash-password` prints: $argon2id$… with m ≤ 1048576, t ≤ 16 and p ≤ 16, and at least m=19456 with \
             t=2, or m=47104 with t=1, m=12288 with t=3, m=9216 with t=4, m=7168 with t=5",
        ),
        Required {
            example: r#""$argon2id$v=19$m=19456,t=2,p=1$WQ9+eSG7e10nVUN+2+hLLQ$0V5EM+rH1vSlHAdr/Kw93vNKGXde+d3dD922PtDA8ZQ""#,
        },
        "The password's argon2id hash, from `backplane hash-password`.",
    ),
];
