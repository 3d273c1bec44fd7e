//! Buses, and what holds for all of them where they say nothing else.

use super::{DAY, MINUTE, NO_RATE, RATE, SECOND, USERS, key};
use crate::config::keys::Unset::{Default, Otherwise, Required};
use crate::config::keys::{Key, Kind};
use crate::config::units::{KIB, TIB};

pub(super) const BUS: &[Key] = &[
    key(
        "name",
        Kind::Text("1 to 255 of A-Z a-z 0-9 . - _; each name once"),
        Required { example: r#""customer.com""# },
        "The name of the bus.",
    ),
    key("post", Kind::Texts(USERS), Required { example: r#"["alice"]"# }, "Who may post. At least one user."),
    key("read", Kind::Texts(USERS), Default("[]"), "Who may read the whole bus."),
    key(
        "owner",
        Kind::Text("the name of a user, with a [[user]] of its own"),
        Otherwise { meaning: "nobody: only admins grant it", example: r#""alice""# },
        "Whose bus it is: the user who may grant clients of version 2.0 access to it.",
    ),
];

/// Keys of `[defaults]` and of every bus.
pub(super) const POLICY: &[Key] = &[
    key(
        "channel_idle",
        Kind::Span(SECOND, 30 * DAY),
        Default(r#""30m""#),
        "How long a channel is kept that nobody posts to.",
    ),
    key(
        "retention",
        Kind::Span(MINUTE + SECOND, 30 * DAY),
        Default(r#""30m""#),
        "How long a message is kept that does not ask for another time.",
    ),
    key(
        "retention_max",
        Kind::Span(5 * MINUTE + SECOND, 30 * DAY),
        Otherwise { meaning: "8h, or retention where that is longer", example: r#""8h""# },
        "How long a sticky message is kept, and the longest time that a message may ask for.",
    ),
    key(
        "window.channel",
        Kind::Count(1, 1_000_000),
        Default("100"),
        "Messages that are held for one channel; the oldest make room for new ones.",
    ),
    key("window.bus", Kind::Count(1, 100_000_000), Default("10000"), "Messages that are held for the bus."),
    key(
        "allowed_origins",
        Kind::Texts("origins, such as \"https://www.example.com\", or \"*\" alone"),
        Default(r#"["*"]"#),
        "Web pages that may read channels of the bus: their origins, or \"*\" for every page.",
    ),
    key(
        "jsonp",
        Kind::Switch,
        Otherwise { meaning: "true where allowed_origins is \"*\", else false", example: "false" },
        "Answer with a script where `callback` asks for it. Pages of every origin can load a script, whatever \
         allowed_origins says.",
    ),
    key(
        "payload",
        Kind::Choice(&["i-json", "any"]),
        Default(r#""i-json""#),
        "Which JSON messages consist of. \"i-json\": what every reader's parser takes (RFC 7493): no half of a surrogate \
         pair in names and strings, no number beyond the range of a double, none of more than 1000 digits. \"any\": \
         all JSON; one such message stops readers with strict parsers until it expires.",
    ),
    key(
        "envelope_keys",
        Kind::Texts(
            "at most 8 magic signature keys \"RSA.<modulus>.<exponent>\" in base64url, with an odd modulus of 2048 to \
             8192 bits and an odd exponent from 3 to 4294967295",
        ),
        Default("[]"),
        "Keys that signed messages (magic envelopes) are checked with.",
    ),
    key(
        "require_envelope",
        Kind::Switch,
        Default("false"),
        "Refuse messages that are not signed with one of envelope_keys.",
    ),
    key(
        "quota.posts",
        Kind::Text(RATE),
        NO_RATE,
        "POSTs to the bus in a time, whoever sends them; as limits.posts_per_user has it.",
    ),
    key("quota.reads", Kind::Text(RATE), NO_RATE, "Retrievals of the bus and of its channels in a time."),
    key(
        "quota.new_streams",
        Kind::Text(RATE),
        NO_RATE,
        "Event streams and WebSockets of the bus that are opened in a time.",
    ),
    key(
        "quota.channels",
        Kind::Count(1, 100_000_000),
        Otherwise { meaning: "as many as limits.channels_per_bus", example: "1000" },
        "Channels that the bus has at the same time; half of them are shared among its posters.",
    ),
    key(
        "quota.memory",
        Kind::Size(64 * KIB, TIB),
        Otherwise { meaning: "what limits.window_memory leaves to it", example: r#""64MiB""# },
        "Bytes of all messages that the bus holds. What of its part of limits.window_memory is more than this is free for other buses.",
    ),
    key(
        "quota.streams",
        Kind::Count(1, 100_000_000),
        Otherwise { meaning: "as many as limits.streams_per_bus", example: "1000" },
        "Readers that wait for messages of the bus at the same time: event streams, WebSockets and long polls.",
    ),
];
