//! The configuration as operators meet it: sources and their order, and what they read when something is refused.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::*;
use crate::auth::AuthSettings;
use crate::auth::signatures::KEYS_MAX;

const USER: &str = "
[[user]]
name = \"alice\"
password_hash = \"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng\"
";
const BUS: &str = "
[[bus]]
name = \"customer.com\"
post = [\"alice\"]
";

/// Loads a `backplane.toml`, environment variables and flags.
fn loaded(file: &str, environment: &[(&str, &str)], flags: &[FlagValue]) -> Result<Config, ConfigErrors> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("backplane.toml"), file).unwrap();
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let sources = Sources {
        file: None,
        folder: Some(folder.path().to_owned()),
        environment,
        flags: flags.to_vec(),
        ..Sources::default()
    };
    load(&sources).map(|loaded| loaded.config)
}

/// The refusal, without the folder of the file.
fn refusal(file: &str, environment: &[(&str, &str)], flags: &[FlagValue]) -> String {
    let mut text = loaded(file, environment, flags).unwrap_err().to_string();
    while let Some(end) = text.find("/backplane.toml") {
        let start = text[..end].rfind(['(', ' ']).map_or(0, |at| at + 1);
        text.replace_range(start..=end, "");
    }
    text
}

fn flag(flag: &'static str, key: &'static str, value: &str) -> FlagValue {
    FlagValue { flag, key, value: value.to_owned() }
}

#[test]
fn nothing_configured_is_the_demonstration() {
    let config = Config::demo().unwrap();
    // It is on loopback, where credentials are accepted anyway.
    assert!(config.demo && !config.insecure_auth);
    assert_eq!(config.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(config.buses[0].name.as_str(), "demo");
    assert_eq!(config.buses[0].post, config.buses[0].read);
    assert_eq!(config.users[0].name, config.buses[0].post[0]);
    assert_eq!(config.auth.hashing_threads, config.workers);
}

#[test]
fn the_demonstration_has_a_listener_for_operators_beside_its_own() {
    let admin = |listen| loaded("", &[("BACKPLANE_LISTEN", listen)], &[]).unwrap().admin.unwrap().listen;
    for (listen, expected) in [
        ("127.0.0.1:8080", "127.0.0.1:8090"),
        ("[::1]:9000", "[::1]:9010"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:65530", "127.0.0.1:0"),
        ("127.0.0.1:1,127.0.0.1:11", "127.0.0.1:0"),
    ] {
        assert_eq!(admin(listen), [expected.parse().unwrap()], "{listen}");
    }
    let own = loaded("", &[("BACKPLANE_ADMIN__LISTEN", "127.0.0.1:1")], &[]).unwrap();
    assert_eq!(own.admin.unwrap().listen, ["127.0.0.1:1".parse().unwrap()]);
    assert_eq!(
        loaded(&[USER, BUS].concat(), &[], &[]).unwrap().admin,
        None,
        "a configuration says so itself"
    );
}

#[test]
fn programs_and_files_start_from_the_same_settings_for_passwords() {
    assert_eq!(AuthSettings::default(), Config::demo().unwrap().auth);
}

#[test]
fn the_password_of_the_demonstration_is_demo() {
    assert!(Config::demo().unwrap().users[0].password_hash.verify(DEMO_NAME.as_bytes()));
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let file = "listen = [\"127.0.0.1:1\", \"127.0.0.1:9\"]";
    let environment = [("BACKPLANE_LISTEN", "127.0.0.1:2, 127.0.0.1:3")];
    let listen = |file, environment, flags| loaded(file, environment, flags).unwrap().listen;
    let addresses = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
    assert_eq!(listen("", &[], &[]), addresses(&["127.0.0.1:8080"]));
    assert_eq!(listen(file, &[], &[]), addresses(&["127.0.0.1:1", "127.0.0.1:9"]));
    assert_eq!(listen(file, &environment, &[]), addresses(&["127.0.0.1:2", "127.0.0.1:3"]));
    assert_eq!(listen(file, &environment, &[flag("--listen", "listen", "[::1]:4")]), addresses(&["[::1]:4"]));
}

#[test]
fn the_environment_reaches_nested_keys_of_every_kind() {
    let environment = [
        ("BACKPLANE_LIMITS__BODY", "2MiB"),
        ("BACKPLANE_DEFAULTS__WINDOW__CHANNEL", "7"),
        ("BACKPLANE_INSECURE_AUTH", "true"),
        ("BACKPLANE_SHUTDOWN_GRACE", "250ms"),
        ("BACKPLANE_TRUSTED_PROXIES", ""),
        ("BACKPLANE_TLS__LISTEN", "127.0.0.1:8443"),
        ("BACKPLANE_TLS__CERT", "a.crt"),
        ("BACKPLANE_TLS__KEY", "a.key"),
        ("HOME", "/"),
    ];
    let config = loaded("trusted_proxies = \"127.0.0.1\"", &environment, &[]).unwrap();
    assert_eq!(config.limits.body, 2 << 20);
    assert_eq!(config.buses[0].window_channel, NonZeroUsize::new(7).unwrap());
    assert!(config.insecure_auth);
    assert_eq!(config.shutdown_grace, Duration::from_millis(250));
    assert!(config.trusted_proxies.is_empty());
    assert_eq!(config.tls.unwrap().cert.to_str(), Some("a.crt"));
}

#[test]
fn variables_that_kubernetes_injects_are_no_settings() {
    let injected = [
        ("BACKPLANE_SERVICE_HOST", "10.0.0.1"),
        ("BACKPLANE_SERVICE_PORT_HTTP", "80"),
        ("BACKPLANE_PORT", "tcp://10.0.0.1:80"),
        ("BACKPLANE_PORT_80_TCP_ADDR", "10.0.0.1"),
    ];
    assert_eq!(loaded("", &injected, &[]), Config::demo());
}

#[test]
fn a_bus_overrides_single_keys_of_the_defaults() {
    let defaults = "
        [defaults]
        retention = \"5m\"
        window = { channel = 5, bus = 50 }
        allowed_origins = [\"https://a.example\"]
    ";
    let own = "window.bus = 60\nallowed_origins = \"https://B.example:443\"\nread = \"alice\"";
    let config = loaded(&[defaults, USER, BUS, own].concat(), &[], &[]).unwrap();
    let bus = &config.buses[0];
    assert!(!config.demo && !config.insecure_auth);
    assert_eq!(bus.retention, Duration::from_mins(5));
    assert!(bus.allowed_origins.allows(b"https://b.example"));
    assert_eq!((bus.window_channel.get(), bus.window_bus.get()), (5, 60));
    assert_eq!(bus.read, bus.post);
    assert_eq!(bus.channel_idle, Duration::from_mins(30));
}

#[test]
fn a_bus_has_the_quotas_of_the_defaults_or_its_own() {
    let quota = |defaults: &str, own: &str| {
        let config = loaded(&["[defaults]\n", defaults, USER, BUS, own].concat(), &[], &[]).unwrap();
        config.buses[0].quota
    };
    let rate = |text: &str| Some(text.parse::<Rate>().unwrap());
    assert_eq!(quota("", ""), Quota::default());
    let defaults = "quota = { posts = \"100/s\", reads = \"5/min\", channels = 5, memory = \"1MiB\" }";
    let all = Quota {
        posts: rate("100/s"),
        reads: rate("5/min"),
        channels: Some(5),
        memory: Some(1 << 20),
        ..Quota::default()
    };
    assert_eq!(quota(defaults, ""), all);
    let own = "quota = { posts = \"none\", new_streams = \"1/10s\", channels = 6, streams = 7 }";
    let own = quota(defaults, own);
    assert_eq!(
        own,
        Quota { posts: None, new_streams: rate("1/10s"), channels: Some(6), streams: Some(7), ..all }
    );
}

#[test]
fn ret_9_the_longest_retention_is_8_hours_or_the_usual_one_unless_it_is_said() {
    let hours = |defaults: &str, own: &str| {
        let config = loaded(&["[defaults]\n", defaults, USER, BUS, own].concat(), &[], &[])?;
        Ok::<_, ConfigErrors>(config.buses[0].retention_max.as_secs() / 3600)
    };
    assert_eq!(hours("", "").unwrap(), 8);
    assert_eq!(hours("retention = \"10h\"", "").unwrap(), 10);
    assert_eq!(hours("retention_max = \"9h\"", "").unwrap(), 9);
    assert_eq!(hours("retention_max = \"9h\"", "retention_max = \"1h\"").unwrap(), 1);
    let refused = hours("retention_max = \"1h\"", "retention = \"2h\"").unwrap_err().to_string();
    assert!(
        refused.contains("defaults.retention_max") && refused.contains("is below retention"),
        "{refused}"
    );
}

#[test]
fn scripts_go_with_origins_unless_it_is_said_otherwise() {
    let jsonp = |defaults: &str, own: &str| {
        loaded(&["[defaults]\n", defaults, USER, BUS, own].concat(), &[], &[]).unwrap().buses[0].jsonp
    };
    let some = "allowed_origins = \"https://a.example\"";
    assert!(jsonp("", "") && !jsonp("", some) && !jsonp(some, ""));
    assert!(jsonp(some, "jsonp = true") && jsonp("jsonp = true", some));
    assert!(!jsonp("jsonp = false", "") && !jsonp("jsonp = true", "jsonp = false"));
}

#[test]
fn origins_are_allowed_byte_by_byte() {
    let listed = AllowedOrigins::List(vec!["https://a.example".to_owned()]);
    assert!(listed.allows(b"https://a.example"));
    for other in ["", "null", "*", "https://a.example/", "https://a.example:443", "https://A.example"] {
        assert!(!listed.allows(other.as_bytes()), "{other}");
        assert!(AllowedOrigins::Any.allows(other.as_bytes()), "{other}");
    }
    assert!(!AllowedOrigins::List(Vec::new()).allows(b"https://a.example"));
}

#[test]
fn different_addresses_and_fresh_ports_do_not_overlap() {
    for listen in [
        "127.0.0.1:1,127.0.0.2:1",
        "0.0.0.0:1,0.0.0.0:2",
        "0.0.0.0:1,[::1]:1",
        "127.0.0.1:0,127.0.0.1:0,0.0.0.0:0",
    ] {
        let loaded = loaded(&[USER, BUS].concat(), &[("BACKPLANE_LISTEN", listen)], &[]);
        assert!(loaded.is_ok(), "{listen}: {loaded:?}");
    }
}

#[test]
fn a_public_url_has_no_slash_at_its_end() {
    for (written, base) in [
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("http://a.example:81/bp/", "http://a.example:81/bp"),
    ] {
        let config = loaded("", &[("BACKPLANE_PUBLIC_URL", written)], &[]).unwrap();
        assert_eq!(config.public_base(), Some(base));
    }
}

#[test]
fn a_named_file_has_to_be_there() {
    let named = |file: Option<&str>, environment: &[(&str, &str)]| {
        let environment =
            environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
        load(&Sources { file: file.map(Into::into), environment, ..Sources::default() })
            .unwrap_err()
            .to_string()
    };
    let reason = "No such file or directory (os error 2)";
    assert_eq!(named(Some("/none.toml"), &[]), format!("--config: cannot read /none.toml: {reason}"));
    let by_variable = named(None, &[("BACKPLANE_CONFIG", "/none.toml")]);
    assert_eq!(by_variable, format!("BACKPLANE_CONFIG: cannot read /none.toml: {reason}"));
}

#[test]
fn a_start_that_is_not_to_be_the_demonstration_wants_users_and_buses() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("backplane.toml"), text).unwrap();
    let load = |demo| {
        let sources = Sources { folder: Some(folder.path().to_owned()), demo, ..Sources::default() };
        load(&sources).map(|loaded| (loaded.config.demo, loaded.config.limits.body))
    };
    let refused = |more: &str| {
        let told = load(Demonstration::Refused).unwrap_err().to_string();
        assert!(told.starts_with(
            "user: there is no [[user]] and no [[bus]], hence nothing to serve; allowed: a file"
        ));
        assert!(told.ends_with(more), "{told}");
    };
    refused("or --demo for the demonstration");
    write("limits.body = \"2MiB\"");
    refused("or --demo for the demonstration");
    assert_eq!(load(Demonstration::WithoutConfiguration), Ok((true, 2 << 20)));
    assert_eq!(load(Demonstration::AskedFor), Ok((true, 1 << 20)), "no file is read");
    // All at once, as ever.
    write("limits.boddy = 1");
    let told = load(Demonstration::Refused).unwrap_err();
    assert_eq!(told.iter().count(), 2, "{told}");
    write(&[USER, BUS].concat());
    assert_eq!(load(Demonstration::Refused), Ok((false, 1 << 20)));
    assert_eq!(load(Demonstration::AskedFor), Ok((true, 1 << 20)));
}

/// And only a user's: a bus of nobody else's is refused.
#[test]
fn v2_authz_1_a_configured_bus_may_be_somebodys() {
    let owner = |more: &str| loaded(&[USER, BUS, more].concat(), &[], &[]).unwrap().buses.remove(0).owner;
    assert_eq!(owner(""), None);
    assert_eq!(owner("owner = \"alice\"").unwrap().as_str(), "alice");
}

#[test]
fn who_makes_buses_at_run_time_need_configure_none() {
    for config in [
        loaded("[provision]", &[], &[]).unwrap(),
        loaded("", &[("BACKPLANE_PROVISION__PUBLIC", "false")], &[]).unwrap(),
        loaded(&format!("{USER}[provision]\nbuses = 7"), &[], &[]).unwrap(),
    ] {
        assert!(!config.demo && config.buses.is_empty() && config.storage != Storage::Memory);
    }
    let provision = loaded("[provision]\nbuses = 7", &[], &[]).unwrap().provision;
    let usual = Provision { public: false, users: 10_000, clients: 1_000, buses: 1_000, grants: 10_000 };
    assert_eq!(provision, Provision { buses: 7, ..usual });
    assert_eq!(Config::demo().unwrap().provision, usual);
}

#[test]
fn refusals_of_the_file() {
    let cases = include_str!("refusals.txt");
    for case in cases.split("\n---\n") {
        let (file, expected) = case.split_once("\n=> ").unwrap();
        let file = file.replace("@USER", USER.trim()).replace("@BUS", BUS.trim());
        assert_eq!(refusal(&file, &[], &[]), expected.trim_end(), "for:\n{file}");
    }
}

/// What is refused, in the order of the refusals.
fn refused_keys(file: &str, environment: &[(&str, &str)], flags: &[FlagValue]) -> Vec<String> {
    let refusal = loaded(file, environment, flags).unwrap_err();
    refusal.iter().map(|error| error.to_string().split([' ', ':']).next().unwrap().to_owned()).collect()
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let file = r#"
        listen = ["nowhere", "127.0.0.1:1", "elsewhere"]
        shutdown_grace = "long"
        [limits]
        boddy = 1
        [tls]
        cert = "a"
        [[user]]
        name = "alice"
        [[bus]]
        name = "not a name"
        post = "alice"
        allowed_origins = "www.example.com"
    "#;
    let found = refused_keys(file, &[("BACKPLANE_LISTN", "")], &[flag("--log-level", "log.level", "inof")]);
    let expected = [
        // Kinds, bounds and unknown keys, source by source.
        "limits.boddy",
        "shutdown_grace",
        "listn",
        // What is missing.
        "tls.listen",
        "tls.key",
        "user[0].password_hash",
        // What values mean.
        "bus[0].name",
        "bus[0].allowed_origins[0]",
        "listen[0]",
        "listen[2]",
        "log.level",
    ];
    let sorted = |mut keys: Vec<String>| {
        keys.sort_unstable();
        keys
    };
    assert_eq!(sorted(found), sorted(expected.map(str::to_owned).to_vec()));
}

#[test]
fn everything_that_takes_several_keys_is_told_at_once() {
    let bus = |name: &str, more: &str| format!("[[bus]]\nname = \"{name}\"\npost = [\"bob\"]\n{more}\n");
    let head = "listen = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\nlimits.body = \"1KiB\"\n";
    let origins = "require_envelope = true\nallowed_origins = [\"*\", \"https://a.example\"]";
    let file = [head, USER, &bus("a", ""), &bus("a", origins)].concat();
    let expected = [
        "listen",
        "bus[1].name",
        "bus[0].post",
        "bus[1].post",
        "bus[1].require_envelope",
        "bus[1].allowed_origins",
        "limits.body",
    ];
    assert_eq!(refused_keys(&file, &[], &[]), expected);
}

#[test]
fn i_5_a_bus_has_a_bounded_number_of_envelope_keys() {
    let key = format!("\"RSA.{}w.AQAB\",", "q".repeat(341));
    let keys = |count| format!("envelope_keys = [{}]", key.repeat(count));
    let config =
        loaded(&[USER, BUS, &keys(KEYS_MAX), "\nrequire_envelope = true"].concat(), &[], &[]).unwrap();
    assert!(config.buses[0].envelopes.verifies());
    assert!(!loaded(&[USER, BUS].concat(), &[], &[]).unwrap().buses[0].envelopes.verifies());
    assert_eq!(
        refusal(&[USER, BUS, &keys(KEYS_MAX + 1)].concat(), &[], &[]),
        "bus[0].envelope_keys (backplane.toml, line 9): holds 9 keys; allowed: at most 8 keys"
    );
    assert_eq!(
        refusal(&["[defaults]\n", &keys(KEYS_MAX + 1), USER, BUS].concat(), &[], &[]),
        "defaults.envelope_keys (backplane.toml, line 2): holds 9 keys; allowed: at most 8 keys"
    );
}

#[test]
fn refusals_of_the_environment() {
    for (name, value, expected) in [
        (
            "BACKPLANE_LISTN",
            "",
            "listn (BACKPLANE_LISTN): unknown key, did you mean listen?; allowed: listen, public_url, insecure_auth, trusted_proxies, shutdown_grace, workers, core_dumps, tls, admin, log, storage, auth, limits, provision, tokens, issuer, defaults, user, bus",
        ),
        (
            "BACKPLANE_TLS__CERTIFICATE",
            "",
            "tls.certificate (BACKPLANE_TLS__CERTIFICATE): unknown key, did you mean cert?; allowed: listen, cert, key, hsts",
        ),
        ("BACKPLANE_TLS", "on", "tls (BACKPLANE_TLS): is a section; allowed: a key of tls"),
        (
            "BACKPLANE_BUS__0__NAME",
            "a",
            "bus.0.name (BACKPLANE_BUS__0__NAME): this section can be in the file only; allowed: [[bus]] in the file",
        ),
        (
            "BACKPLANE_LIMITS__BODY",
            "2GiB",
            "limits.body (BACKPLANE_LIMITS__BODY): \"2GiB\" is too much; allowed: a size from \"1KiB\" to \"1GiB\"",
        ),
        (
            "BACKPLANE_WORKERS",
            "many",
            "workers (BACKPLANE_WORKERS): is a text; allowed: a whole number from 1 to 1024",
        ),
        (
            "BACKPLANE_INSECURE_AUTH",
            "yes",
            "insecure_auth (BACKPLANE_INSECURE_AUTH): is a text; allowed: true or false",
        ),
        (
            "BACKPLANE_LISTEN",
            "127.0.0.1:1,localhost:2",
            "listen[1] (BACKPLANE_LISTEN): invalid socket address syntax; allowed: a list of addresses with a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
        ),
        (
            "BACKPLANE_LISTEN",
            "",
            "listen (BACKPLANE_LISTEN): the list is empty, and there is no [tls]: nobody could connect; allowed: at least one address with a port; none beside [tls], for a server with TLS alone",
        ),
    ] {
        let file = "listen = [\"127.0.0.1:7\", \"127.0.0.1:8\"]";
        assert_eq!(refusal(file, &[(name, value)], &[]), expected);
    }
}

#[test]
fn refusals_of_flags() {
    assert_eq!(
        refusal("", &[], &[flag("--log-level", "log.level", "inof")]),
        "log.level (--log-level): \"inof\" is not a level; allowed: error, warn, info, debug, trace, off, or a list of \
         target=level separated by commas"
    );
    assert_eq!(
        refusal("", &[], &[flag("--listen", "listen", "0.0.0.0:80")]),
        "listen (--listen): without [[user]] and [[bus]] this is the demonstration, whose password everybody knows, \
         and 0.0.0.0:80 can be reached from elsewhere; allowed: loopback addresses, or any address once [[user]] and \
         [[bus]] are configured"
    );
}

#[test]
fn weak_hashes_are_refused_with_what_is_allowed() {
    for (strong, weak) in
        [("m=19456,t=2", "m=19455,t=2"), ("m=47104,t=1", "m=19456,t=1"), ("m=7168,t=5", "m=8,t=1")]
    {
        let with = |cost: &str| [USER.replace("m=19456,t=2", cost), BUS.to_owned()].concat();
        assert!(loaded(&with(strong), &[], &[]).is_ok(), "{strong}");
        let told = refusal(&with(weak), &[], &[]);
        assert!(
            told.starts_with("user[0].password_hash (") && told.contains("weaker than OWASP's minimum"),
            "{told}"
        );
        assert!(told.contains("m=47104 with t=1") && !told.contains("MTIz"), "{told}");
    }
}

#[test]
fn i_8_no_refusal_and_no_debug_text_shows_a_password_or_a_hash() {
    for wrong in [
        "password_hash = \"hunter2\"",
        "password_hash = 4711",
        "password = \"hunter2\"",
        "password_hash = \"hunter2",
        "password_hash = [\"hunter2\"]",
        "password_hash = \"$argon2i$v=19$m=8,t=1,p=1$hunter2saltsalt$MTIzNDU2Nzg5MDEyMzQ1Ng\"",
    ] {
        let error = loaded(&format!("[[user]]\nname = \"alice\"\n{wrong}"), &[], &[]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("4711"), "{shown}");
    }
    let config = format!("{:?}", loaded(&[USER, BUS].concat(), &[], &[]).unwrap());
    assert!(!config.contains("argon2id"), "{config}");
}
