//! Every key of the configuration, once: name, kind with bounds, default, documentation.
//!
//! The checks, the defaults, the names of environment variables and `backplane.example.toml` all come from here;
//! [`super::resolve`] reads each of them once.

use super::keys::Unset::{Default, Otherwise, Required};
use super::keys::{Key, Kind, Section, Shape};
use super::units::{GIB, KIB, MIB, TIB};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// As long as durations in words have it.
const YEAR: u64 = 31_557_600 * SECOND;

const ADDRESSES: &str = "addresses with a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
const RATE: &str = "a number and a time of whole seconds, such as \"100/s\", \"6000/min\" or \"10/30s\", up to a day, or \"none\"";
const NO_RATE: super::keys::Unset = Default(r#""none""#);
const USERS: &str = "names of users, each with a [[user]] of its own";

const fn key(name: &'static str, kind: Kind, unset: super::keys::Unset, doc: &'static str) -> Key {
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

const TOP: &[Key] = &[
    key(
        "listen",
        Kind::Texts(ADDRESSES),
        Default(r#"["127.0.0.1:8080"]"#),
        "Where the server listens for plain HTTP. [] beside [tls]: not at all.",
    ),
    key(
        "public_url",
        Kind::Text("an http or https URL without user, query and fragment"),
        Otherwise { meaning: "taken from each request", example: r#""https://bp.example.com""# },
        "What the URLs that the server hands out start with. A slash at the end makes no difference.",
    ),
    key(
        "insecure_auth",
        Kind::Switch,
        Default("false"),
        "Accept credentials over plain HTTP. Listeners on loopback addresses do in any case, except from trusted proxies, \
         which have to say that the client used HTTPS.",
    ),
    key(
        "trusted_proxies",
        Kind::Texts("addresses or networks, such as \"127.0.0.1\" or \"10.0.0.0/8\""),
        Default("[]"),
        "Whose X-Forwarded-Proto (or Forwarded: proto=) and X-Forwarded-For are believed. They must write both themselves. \
         Whatever connects from such an address counts as the proxy, a program on the same machine too.",
    ),
    key(
        "shutdown_grace",
        Kind::Span(0, HOUR),
        Default(r#""10s""#),
        "How long requests that are being answered may take after SIGTERM.",
    ),
    key(
        "workers",
        Kind::Count(1, 1024),
        Otherwise { meaning: "as many as there are processors", example: "2" },
        "Threads that serve requests.",
    ),
    key(
        "core_dumps",
        Kind::Switch,
        Default("false"),
        "Let the system write the process's memory down when it crashes, and debuggers of the same user look into it. \
         Passwords may be in it.",
    ),
];

const TLS: &[Key] = &[
    key(
        "listen",
        Kind::Texts(ADDRESSES),
        Required { example: r#"["0.0.0.0:8443"]"# },
        "Where the server listens for HTTPS.",
    ),
    key(
        "cert",
        Kind::Text("the path of a PEM file"),
        Required { example: r#""server.crt""# },
        "The certificate, followed by the certificates between it and the root.",
    ),
    key(
        "key",
        Kind::Text("the path of a PEM file"),
        Required { example: r#""server.key""# },
        "The certificate's private key.",
    ),
    key(
        "hsts",
        Kind::Span(0, 2 * YEAR),
        Default(r#""1year""#),
        "How long browsers are told to use nothing but HTTPS with this host, on all of its ports \
         (Strict-Transport-Security, on answers over TLS, without subdomains). \"0s\": they are not told.",
    ),
];

const ADMIN: &[Key] = &[
    key(
        "listen",
        Kind::Texts(ADDRESSES),
        Required { example: r#"["127.0.0.1:9090"]"# },
        "Where operators look, over plain HTTP.",
    ),
    key(
        "hosts",
        Kind::Texts("names of hosts without a port, such as \"metrics.internal\""),
        Otherwise { meaning: "none", example: r#"["metrics.internal"]"# },
        "Names under which that listener may be asked, besides its addresses and localhost. Other names are refused: \
         a page may have made its own name point here.",
    ),
];

const LOG: &[Key] = &[
    key(
        "format",
        Kind::Choice(&["human", "json"]),
        Default(r#""human""#),
        "Lines for people or a JSON object per line.",
    ),
    key(
        "level",
        Kind::Text("error, warn, info, debug, trace, off, or a list of target=level separated by commas"),
        Default(r#""info""#),
        "What is worth a line. Requests that cannot be read as HTTP are not, unless actix_http is named: anybody could send \
         any number of them.",
    ),
];

const STORAGE: &[Key] = &[
    key(
        "kind",
        Kind::Choice(&["disk", "memory"]),
        Otherwise { meaning: "\"disk\"; \"memory\" for the demonstration", example: r#""disk""# },
        "On disk an accepted message survives a kill, a power loss and a restart; in memory it does not.",
    ),
    key(
        "path",
        Kind::Text("the path of a folder"),
        Default(r#""backplane-data""#),
        "The folder with the log, for this server alone; it is created if need be. A path that is not absolute \
         starts at the folder that the server was started in.",
    ),
    key(
        "durability",
        Kind::Choice(&["sync", "interval"]),
        Default(r#""sync""#),
        "\"sync\": a POST is answered once it is on the disk; nothing that was answered can be lost. \"interval\": \
         it is answered once the operating system has it, and goes to the disk after at most storage.interval; \
         a kill of the server loses nothing, a power loss or a crash of the system what was posted since.",
    ),
    key(
        "interval",
        Kind::Span(1, MINUTE),
        Default(r#""100ms""#),
        "With durability \"interval\": how long a message may wait to be written to the disk.",
    ),
    key(
        "segment",
        Kind::Size(MIB, GIB),
        Default(r#""64MiB""#),
        "Bytes of a file of the log. Files go once all messages in them have expired, or were carried forward.",
    ),
    key(
        "max",
        Kind::Size(4 * MIB, 1024 * TIB),
        Otherwise { meaning: "no bound but that of the disk", example: r#""20GiB""# },
        "Bytes of all files of the log together. Beyond it POSTs are refused until old files have gone; where four \
         files of storage.segment do not fit, files are shorter.",
    ),
];

const AUTH: &[Key] = &[
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

const LIMITS: &[Key] = &[
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

const PROVISION: &[Key] = &[
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

const TOKENS: &[Key] = &[
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

const ISSUER: &[Key] = &[
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

const USER: &[Key] = &[
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

const BUS: &[Key] = &[
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
const POLICY: &[Key] = &[
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
