//! Bounds.

use super::{DAY, HOUR, MINUTE, NO_RATE, RATE, SECOND, key};
use crate::config::keys::Unset::Default;
use crate::config::keys::{Key, Kind};
use crate::config::units::{GIB, KIB, MIB, TIB};

pub(super) const LIMITS: &[Key] = &[
    key("body", Kind::Size(KIB, GIB), Default(r#""1MiB""#), "Bytes of a request's body."),
    key("messages_per_post", Kind::Count(1, 100_000), Default("1000"), "Messages in one POST."),
    key(
        "message",
        Kind::Size(128, 64 * MIB),
        Default(r#""256KiB""#),
        "Bytes of one message. At most limits.body.",
    ),
    key(
        "json_depth",
        Kind::Count(4, 127),
        Default("32"),
        "How deep arrays and objects lie within each other.",
    ),
    key(
        "channels_per_bus",
        Kind::Count(1, 100_000_000),
        Default("1000000"),
        "Channels that one bus has at the same time; half of them are shared among its posters.",
    ),
    key(
        "window_memory",
        Kind::Size(MIB, TIB),
        Default(r#""1GiB""#),
        "Bytes of all messages that are held, over all buses and channels; half of them are shared among the buses.",
    ),
    key(
        "traffic_memory",
        Kind::Size(MIB, TIB),
        Default(r#""256MiB""#),
        "Bytes under way: bodies that arrive, envelopes that are checked, and answers to retrievals until they are \
         read (8 for each message, and at most 64 KiB for each answer). Who holds some of it gets more as long as as \
         much is left for all others: one user has at most half. Readers without credentials count as one. What finds \
         no room is refused for the moment. At least 12 times limits.body.",
    ),
    key(
        "idempotency_keys",
        Kind::Count(1, 100_000_000),
        Default("100000"),
        "Idempotency-Key values that one bus remembers; half of them are shared among its posters.",
    ),
    key(
        "idempotency_window",
        Kind::Span(SECOND, DAY),
        Default(r#""10m""#),
        "How long an Idempotency-Key is remembered.",
    ),
    key(
        "pending_posts",
        Kind::Count(1, 10_000_000),
        Default("10000"),
        "POSTs to one bus that wait for their answers at the same time.",
    ),
    key(
        "log_patience",
        Kind::Span(100, HOUR),
        Default(r#""5s""#),
        "How long a POST waits for a disk that does not answer. Then it is answered that nobody knows whether it is \
         stored, and more POSTs are refused until the disk answers again.",
    ),
    key(
        "connections",
        Kind::Count(1, 10_000_000),
        Default("20000"),
        "Connections at the same time, over all workers and listeners. No more than the process may open files, less some \
         500; when all are taken, probes are still answered.",
    ),
    key(
        "connections_per_address",
        Kind::Count(1, 10_000_000),
        Default("1000"),
        "Connections at the same time of one address; of one /64 with IPv6. Trusted proxies may have any number.",
    ),
    key(
        "handshakes",
        Kind::Count(1, 10_000_000),
        Default("2000"),
        "TLS handshakes at the same time; a tenth of them of one address.",
    ),
    key(
        "handshake_timeout",
        Kind::Span(100, MINUTE),
        Default(r#""3s""#),
        "How long a TLS handshake may take.",
    ),
    key(
        "head",
        Kind::Size(4 * KIB, 96 * KIB),
        Default(r#""64KiB""#),
        "Bytes of a request's head: its first line and its headers.",
    ),
    key(
        "lateness",
        Kind::Span(0, MINUTE),
        Default(r#""50ms""#),
        "How late the threads may be with everything, for a tenth of a second, before they refuse requests: first POSTs, then others, \
         each with Retry-After; and how long a POST may wait for its turn before further ones are refused. \"0s\": they refuse nothing.",
    ),
    key(
        "header_timeout",
        Kind::Span(100, HOUR),
        Default(r#""5s""#),
        "How long a client may take to send a request's head, each time.",
    ),
    key(
        "body_timeout",
        Kind::Span(100, HOUR),
        Default(r#""30s""#),
        "How long a client may take to send a request's body.",
    ),
    key(
        "answer_timeout",
        Kind::Span(100, HOUR),
        Default(r#""30s""#),
        "How long a client may take nothing of an answer before its connection is closed. In the long run it must take 500 \
         bytes a second.",
    ),
    key(
        "keep_alive",
        Kind::Span(100, HOUR),
        Default(r#""75s""#),
        "How long a connection without a request stays open.",
    ),
    key(
        "streams",
        Kind::Count(1, 100_000_000),
        Default("1000000"),
        "Readers that wait for messages at the same time: event streams and long polls. Each takes a connection, too.",
    ),
    key("streams_per_bus", Kind::Count(1, 100_000_000), Default("1000000"), "The same of one bus."),
    key("streams_per_channel", Kind::Count(1, 100_000_000), Default("100000"), "The same of one channel."),
    key(
        "streams_per_address",
        Kind::Count(1, 10_000_000),
        Default("1000"),
        "The same of one client's address; of one /64 with IPv6. Trusted proxies that do not name their client may have any \
         number.",
    ),
    key(
        "posts_per_user",
        Kind::Text(RATE),
        NO_RATE,
        "POSTs of one user in a time, over all buses; what is published over a WebSocket counts as well. Who has kept still may \
         use the number up at once, and gets it back bit by bit. \"none\": any number.",
    ),
    key(
        "posts_per_address",
        Kind::Text(RATE),
        NO_RATE,
        "The same of one client's address; of one /64 with IPv6. Trusted proxies that do not name their client may do any \
         number. Many people may share an address.",
    ),
    key(
        "reads_per_user",
        Kind::Text(RATE),
        NO_RATE,
        "Retrievals of whole buses by one user in a time; long polls count as well.",
    ),
    key(
        "reads_per_address",
        Kind::Text(RATE),
        NO_RATE,
        "Retrievals by one client's address in a time, counted like posts_per_address; also those that find nothing.",
    ),
    key(
        "new_streams_per_user",
        Kind::Text(RATE),
        NO_RATE,
        "Event streams and WebSockets that one user opens in a time.",
    ),
    key(
        "new_streams_per_address",
        Kind::Text(RATE),
        NO_RATE,
        "The same of one client's address, counted like posts_per_address.",
    ),
    key(
        "channels_per_stream",
        Kind::Count(1, 1_000),
        Default("255"),
        "Channels that one request may ask for.",
    ),
    key(
        "block",
        Kind::Span(0, HOUR),
        Default(r#""1m""#),
        "The longest that a reader may have its answer wait for a message, with the parameter block. \"0s\": not at all.",
    ),
    key(
        "heartbeat",
        Kind::Span(100, HOUR),
        Default(r#""15s""#),
        "How long an event stream is silent before it says that it is there. Proxies cut what is silent for longer than they \
         are patient.",
    ),
];
