//! What works and should not be left as it is: told at the start and by `backplane check-config`.

use std::fmt;
use std::fs;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::config::{Config, Loaded};
use crate::door::room;
use crate::service::cost_alike;
use crate::tls::{ReloadingCertificate, left};

/// Something that an operator should look at. `Display` names the setting and says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Others may read or change the private key.
    KeyIsOpen {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Others may read the configuration, which has the hashes of passwords.
    ConfigurationIsOpen {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Passwords are accepted in the clear from other machines.
    PasswordsInTheClear(SocketAddr),
    /// Other machines can connect, and credentials are accepted from none of them.
    NobodySignsIn(SocketAddr),
    /// Every client is believed what only proxies should say.
    EverybodyIsAProxy,
    /// The process may not open as many files as there may be connections.
    FewFiles {
        /// Connections that the configuration lets in.
        wanted: usize,
        /// Connections that fit.
        room: usize,
    },
    /// Passwords do not all take the same time to be hashed.
    CostsDiffer,
    /// Other machines can read what is for operators.
    AdminIsOpen(SocketAddr),
    /// The certificate ends soon.
    CertificateEnds {
        /// The file.
        file: PathBuf,
        /// Its last moment.
        end: SystemTime,
        /// What is left.
        left: Duration,
    },
}

impl Warning {
    /// The setting that it is about.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::KeyIsOpen { .. } => "tls.key",
            Self::ConfigurationIsOpen { .. } | Self::CostsDiffer => "user",
            Self::PasswordsInTheClear(_) => "insecure_auth",
            Self::NobodySignsIn(_) => "listen",
            Self::EverybodyIsAProxy => "trusted_proxies",
            Self::FewFiles { .. } => "limits.connections",
            Self::AdminIsOpen(_) => "admin.listen",
            Self::CertificateEnds { .. } => "tls.cert",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.key())?;
        match self {
            Self::KeyIsOpen { file, mode } => {
                let file = file.display();
                write!(f, "{file} is open to others (mode {mode:04o}), and holds a private key; chmod 600 {file}")
            }
            Self::ConfigurationIsOpen { file, mode } => {
                let file = file.display();
                write!(f, "{file} can be read by others (mode {mode:04o}), and holds password hashes; chmod o-rwx {file}")
            }
            Self::PasswordsInTheClear(at) => write!(
                f,
                "passwords are accepted on http://{at} from other machines, and anybody on the way can read them; \
                 use [tls], or a proxy with TLS that trusted_proxies names"
            ),
            Self::NobodySignsIn(at) => write!(
                f,
                "http://{at} can be reached from other machines, whose credentials are refused without TLS; \
                 use [tls], or a proxy with TLS that trusted_proxies names"
            ),
            Self::EverybodyIsAProxy => f.write_str(
                "every client is believed what its X-Forwarded-For and X-Forwarded-Proto say, so nobody is slowed down \
                 and passwords may travel in the clear; name the addresses of your proxies",
            ),
            Self::CostsDiffer => f.write_str(
                "the password hashes differ in their cost, so the time that an answer takes tells something of who it is about; \
                 hash the passwords with the same parameters",
            ),
            Self::FewFiles { wanted, room } => write!(
                f,
                "the system gives this process files for {room} connections, and {wanted} are to be let in: no more than \
                 {room} will be; raise the bound of open files (LimitNOFILE, ulimit -n), or lower this one"
            ),
            Self::AdminIsOpen(at) => write!(
                f,
                "http://{at} can be reached from other machines, and shows names of buses and counts to whoever asks; \
                 use a loopback address, or make sure that only your own network reaches it"
            ),
            Self::CertificateEnds { file, end, left } => {
                let (file, end) = (file.display(), humantime::format_rfc3339_seconds(*end));
                let days = left.as_secs() / 86_400;
                write!(f, "{file} ends in {days} days, at {end}; renew it, the files are read again by themselves")
            }
        }
    }
}

/// Who owns a file, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Access {
    owner: u32,
    mode: u32,
}

/// What is known besides the settings. A file that cannot be looked at is refused elsewhere.
#[derive(Debug, Default)]
struct Facts {
    configuration: Option<(PathBuf, Access)>,
    key: Option<Access>,
    certificate_end: Option<SystemTime>,
    /// Connections that fit into the process.
    room: Option<usize>,
}

/// All warnings about a configuration that is good.
#[must_use]
pub fn warnings(loaded: &Loaded, now: SystemTime) -> Vec<Warning> {
    let config = &loaded.config;
    let tls = config.tls.as_ref();
    let certificate = tls.and_then(|tls| ReloadingCertificate::load(&tls.cert, &tls.key).ok());
    let facts = Facts {
        configuration: loaded.file().and_then(|file| Some((file.to_owned(), access(file)?))),
        key: tls.and_then(|tls| access(&tls.key)),
        certificate_end: certificate.and_then(|certificate| certificate.end().ok()),
        room: Some(room()),
    };
    judge(config, &facts, now)
}

/// Whether others than owner and group may write a file: then they say who comes in.
pub(super) fn others_may_write(file: &Path) -> Option<u32> {
    access(file).map(|access| access.mode).filter(|mode| mode & 0o002 != 0)
}

fn access(file: &Path) -> Option<Access> {
    let found = fs::metadata(file).ok()?;
    Some(Access { owner: found.uid(), mode: found.mode() & 0o7777 })
}

fn judge(config: &Config, facts: &Facts, now: SystemTime) -> Vec<Warning> {
    let mut found = Vec::new();
    let open = |addresses: &[SocketAddr]| {
        addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()).copied()
    };
    if let Some((file, Access { mode, .. })) = &facts.configuration
        && !config.demo
        && mode & 0o004 != 0
    {
        found.push(Warning::ConfigurationIsOpen { file: file.clone(), mode: *mode });
    }
    if let Some(at) = open(&config.listen) {
        if config.insecure_auth {
            found.push(Warning::PasswordsInTheClear(at));
        } else if config.tls.is_none() && config.trusted_proxies.is_empty() {
            found.push(Warning::NobodySignsIn(at));
        }
    }
    if hold_everybody(&config.trusted_proxies) {
        found.push(Warning::EverybodyIsAProxy);
    }
    if !cost_alike(config) {
        found.push(Warning::CostsDiffer);
    }
    if let Some(at) = config.admin.as_ref().and_then(|admin| open(&admin.listen)) {
        found.push(Warning::AdminIsOpen(at));
    }
    // The demonstration takes what it gets.
    if let Some(room) = facts.room.filter(|room| !config.demo && *room < config.limits.connections) {
        found.push(Warning::FewFiles { wanted: config.limits.connections, room });
    }
    if let (Some(tls), Some(Access { owner, mode })) = (&config.tls, facts.key)
        // A key of root that a group may read is how systems hand keys to their services.
        && mode & if owner == 0 { 0o037 } else { 0o077 } != 0
    {
        found.push(Warning::KeyIsOpen { file: tls.key.clone(), mode });
    }
    if let (Some(tls), Some(end)) = (&config.tls, facts.certificate_end)
        && let Some(left) = left(end, now)
    {
        found.push(Warning::CertificateEnds { file: tls.cert.clone(), end, left });
    }
    found
}

/// Whether these networks together hold every address of one kind, of IPv6 at least all that are routed.
fn hold_everybody(networks: &[IpNet]) -> bool {
    const MAPPED: u8 = 96;
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for network in networks {
        match network {
            IpNet::V4(network) => v4.push(*network),
            // An address of IPv4 may be named as one of IPv6.
            IpNet::V6(network) => match network.addr().to_ipv4_mapped() {
                Some(address) if network.prefix_len() >= MAPPED => {
                    v4.extend(Ipv4Net::new(address, network.prefix_len() - MAPPED));
                }
                _ => v6.push(*network),
            },
        }
    }
    let routed = Ipv6Net::new(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    let mapped = Ipv6Net::new(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), MAPPED);
    let all_v6 = [routed, mapped];
    let v6 = Ipv6Net::aggregate(&v6);
    Ipv4Net::aggregate(&v4).iter().any(|network| network.prefix_len() == 0)
        || all_v6.into_iter().flatten().any(|all| v6.iter().any(|network| network.contains(&all)))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::config::{Admin, Tls};

    const NOW: SystemTime = UNIX_EPOCH;

    fn config(listen: &str) -> Config {
        let config = Config::demo().unwrap();
        let listen = vec![listen.parse().unwrap()];
        Config { demo: false, admin: None, listen, ..config }
    }

    fn with_tls(mut config: Config) -> Config {
        let listen = vec!["0.0.0.0:443".parse().unwrap()];
        config.tls =
            Some(Tls { listen, cert: "a.crt".into(), key: "a.key".into(), hsts: std::time::Duration::ZERO });
        config
    }

    fn keys(config: &Config) -> Vec<&'static str> {
        judge(config, &Facts::default(), NOW).iter().map(Warning::key).collect()
    }

    #[test]
    fn what_is_as_it_should_be_is_not_spoken_of() {
        assert_eq!(keys(&Config::demo().unwrap()), [""; 0]);
        assert_eq!(keys(&config("127.0.0.1:80")), [""; 0]);
        assert_eq!(keys(&with_tls(config("0.0.0.0:80"))), [""; 0]);
        let proxied = Config { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..config("0.0.0.0:80") };
        assert_eq!(keys(&proxied), [""; 0]);
        let loopback = Config { insecure_auth: true, ..config("[::1]:80") };
        assert_eq!(keys(&loopback), [""; 0]);
    }

    #[test]
    fn listeners_that_other_machines_reach_are_spoken_of() {
        assert_eq!(keys(&config("0.0.0.0:80")), ["listen"]);
        assert_eq!(keys(&Config { insecure_auth: true, ..config("192.0.2.1:80") }), ["insecure_auth"]);
        assert_eq!(keys(&with_tls(Config { insecure_auth: true, ..config("[::]:80") })), ["insecure_auth"]);
        let admin = |listen: &str| Some(Admin { listen: vec![listen.parse().unwrap()], hosts: Vec::new() });
        assert_eq!(
            keys(&Config { admin: admin("0.0.0.0:9090"), ..config("127.0.0.1:80") }),
            ["admin.listen"]
        );
        assert_eq!(keys(&Config { admin: admin("127.0.0.1:9090"), ..config("127.0.0.1:80") }), [""; 0]);
    }

    #[test]
    fn proxies_are_some_and_not_everybody() {
        for (networks, everybody) in [
            (&["0.0.0.0/0"][..], true),
            (&["::/0"], true),
            (&["0.0.0.0/1", "128.0.0.0/1"], true),
            (&["::ffff:0:0/96"], true),
            (&["::ffff:0:0/97", "::ffff:128.0.0.0/97"], true),
            (&["2000::/3"], true),
            (&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "::1/128"], false),
            (&["0.0.0.0/1"], false),
            (&["::ffff:10.0.0.1/128", "2001:db8::/32"], false),
            (&[], false),
        ] {
            let trusted_proxies = networks.iter().map(|network| network.parse().unwrap()).collect();
            let config = Config { trusted_proxies, ..config("127.0.0.1:80") };
            let expected: &[&str] = if everybody { &["trusted_proxies"] } else { &[] };
            assert_eq!(keys(&config), expected, "{networks:?}");
        }
    }

    #[test]
    fn files_that_others_may_read_are_spoken_of() {
        let config = with_tls(config("127.0.0.1:80"));
        let told = |configuration: u32, owner: u32, key: u32| {
            let access = |owner, mode| Access { owner, mode };
            let facts = Facts {
                configuration: Some(("backplane.toml".into(), access(1000, configuration))),
                key: Some(access(owner, key)),
                certificate_end: None,
                room: None,
            };
            judge(&config, &facts, NOW).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let nothing: [&str; 0] = [];
        assert_eq!(told(0o600, 1000, 0o600), nothing);
        assert_eq!(told(0o640, 0, 0o640), nothing);
        let open_file = "user: backplane.toml can be read by others (mode 0644), and holds password hashes; chmod o-rwx backplane.toml";
        assert_eq!(told(0o644, 1000, 0o400), [open_file]);
        for (owner, mode) in [(1000, 0o640), (1000, 0o644), (0, 0o644), (0, 0o660)] {
            let open_key = format!(
                "tls.key: a.key is open to others (mode {mode:04o}), and holds a private key; chmod 600 a.key"
            );
            assert_eq!(told(0o600, owner, mode), [open_key]);
        }
    }

    #[test]
    fn a_certificate_that_ends_soon_is_spoken_of() {
        let day = Duration::from_hours(24);
        let told = |days| {
            let facts = Facts { certificate_end: Some(NOW + day * days), ..Facts::default() };
            judge(&with_tls(config("127.0.0.1:80")), &facts, NOW)
        };
        assert_eq!(told(31), []);
        let text = told(12).iter().map(ToString::to_string).collect::<String>();
        assert!(
            text.starts_with("tls.cert: a.crt ends in 12 days, at 1970-01-13T00:00:00Z; renew it"),
            "{text}"
        );
    }
}
