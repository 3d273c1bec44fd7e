//! Where the server listens, what it writes, and where it keeps messages.

use super::{ADDRESSES, HOUR, MINUTE, YEAR, key};
use crate::config::keys::Unset::{Default, Otherwise, Required};
use crate::config::keys::{Key, Kind};
use crate::config::units::{GIB, MIB, TIB};

pub(super) const TOP: &[Key] = &[
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

pub(super) const TLS: &[Key] = &[
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

pub(super) const ADMIN: &[Key] = &[
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

pub(super) const LOG: &[Key] = &[
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

pub(super) const STORAGE: &[Key] = &[
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
