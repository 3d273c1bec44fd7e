//! The program as it is attacked, and what the system says of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::{BUS, Certificate, Client, Home, OTHER_BUS, Program, backplane, password_of, strong_hash};

/// A tick of what `/proc` counts processor time in. Linux has no other towards programs.
const TICK: Duration = Duration::from_millis(10);

/// The address of loopback with this number: attackers come from many.
pub(crate) fn address(number: usize) -> Ipv4Addr {
    let [_, high, middle, low] = (number as u32 + 1).to_be_bytes();
    Ipv4Addr::new(127, high + 1, middle, low)
}

/// The program that is attacked.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("BACKPLANE_ATTACKS_PROGRAM").map_or_else(backplane, PathBuf::from)
}

/// What the program is started with.
pub(crate) struct Plan {
    settings: Vec<(&'static str, &'static str, String)>,
    tls: bool,
    wrapper: Vec<String>,
    /// Buses whose windows lose nothing.
    wide: Vec<&'static str>,
}

/// The settings that a program knows, as `section.key`, by the example that it prints.
fn known(program: &Path) -> BTreeSet<String> {
    let output = Command::new(program).args(["check-config", "--print-example"]).output().unwrap();
    let (mut section, mut known) = (String::new(), BTreeSet::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line = line.trim_start_matches('#');
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
            known.insert(format!("{section}.{key}"));
        }
    }
    known
}

impl Plan {
    /// Two workers, [`BUS`] and [`OTHER_BUS`] for `alice`, the bus `b` for `demo`, a door for operators.
    pub(crate) fn new() -> Self {
        let nothing = Self { settings: Vec::new(), tls: false, wrapper: Vec::new(), wide: vec!["b"] };
        // A machine that is busy with other things is late as well, and no attack.
        nothing.set("admin", "listen", r#""127.0.0.1:0""#).limit("lateness", r#""0s""#)
    }

    /// With a setting, as TOML has it.
    pub(crate) fn set(mut self, section: &'static str, key: &'static str, value: impl Into<String>) -> Self {
        self.settings.retain(|setting| (setting.0, setting.1) != (section, key));
        self.settings.push((section, key, value.into()));
        self
    }

    /// With a setting of `[limits]`.
    pub(crate) fn limit(self, key: &'static str, value: impl Into<String>) -> Self {
        self.set("limits", key, value)
    }

    /// With a listener that speaks TLS.
    pub(crate) fn tls(mut self) -> Self {
        self.tls = true;
        self.set("tls", "listen", r#"["127.0.0.1:0"]"#).set("tls", "cert", r#""server.crt""#).set(
            "tls",
            "key",
            r#""server.key""#,
        )
    }

    /// With windows of this bus that lose nothing.
    pub(crate) fn wide(mut self, bus: &'static str) -> Self {
        self.wide.push(bus);
        self
    }

    /// Started by another program, which becomes it: its name, and what comes before the program's own name.
    pub(crate) fn started_by(mut self, command: &[&str]) -> Self {
        self.wrapper = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Leaves out what an older program does not know, and says so. Nothing is left out for the built one.
    fn fit(&mut self, program: &Path) {
        if std::env::var_os("BACKPLANE_ATTACKS_PROGRAM").is_none() {
            return;
        }
        let known = known(program);
        let is_known = |(section, key, _): &(&str, &str, String)| known.contains(&format!("{section}.{key}"));
        let (kept, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.settings).into_iter().partition(is_known);
        self.settings = kept;
        for (section, key, value) in left {
            println!("  {} does not know {section}.{key}", program.display());
            // What operators see was at another place.
            if section == "admin" && known.contains("metrics.listen") {
                self.settings.push(("metrics", "listen", value));
            }
        }
    }

    fn config(&self) -> String {
        let mut config = "listen = [\"127.0.0.1:0\"]\nworkers = 2\n".to_owned();
        let sections: BTreeSet<_> = self.settings.iter().map(|(section, ..)| *section).collect();
        // What is of no section comes first.
        for section in sections {
            if !section.is_empty() {
                _ = writeln!(config, "[{section}]");
            }
            for (_, key, value) in self.settings.iter().filter(|setting| setting.0 == section) {
                _ = writeln!(config, "{key} = {value}");
            }
        }
        for (name, password) in [("alice", password_of("alice")), ("demo", "demo".to_owned())] {
            let hash = strong_hash(&password).to_phc();
            _ = writeln!(config, "[[user]]\nname = \"{name}\"\npassword_hash = \"{hash}\"");
        }
        for (bus, user) in [(BUS, "alice"), (OTHER_BUS, "alice"), ("b", "demo")] {
            _ = writeln!(config, "[[bus]]\nname = \"{bus}\"\npost = [\"{user}\"]\nread = [\"{user}\"]");
            // Those whose messages are counted lose none to a window.
            let window = if self.wide.contains(&bus) { 1_000_000 } else { 100 };
            _ = writeln!(config, "window = {{ channel = {window}, bus = {window} }}");
        }
        config
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn start(mut self) -> House {
        let path = program();
        self.fit(&path);
        let home = Home::new(Some(&self.config()));
        let certificate = Certificate::new();
        certificate.write(home.path());
        let mut program = match self.wrapper.split_first() {
            None => home.run(&path, &[]),
            Some((first, rest)) => {
                let mut words: Vec<&str> = rest.iter().map(String::as_str).collect();
                words.push(path.to_str().unwrap());
                home.run(Path::new(first), &words)
            }
        };
        let plain = program.address();
        let tls = self.tls.then(|| program.address_after("listening on https://"));
        let admin = program.address_after(if self.settings.iter().any(|(section, ..)| *section == "admin") {
            "for operators: http://"
        } else {
            "metrics on http://"
        });
        let house = House { program, plain, tls, admin, certificate };
        // Whoever is measured later should not pay for what only the first one pays for, such as the hash of a password.
        let client = house.client();
        for (user, password, bus) in [("alice", "ecila", BUS), ("demo", "demo", "b")] {
            let read = client.request("GET", &format!("/v1/bus/{bus}")).basic_auth(user, Some(password));
            assert_eq!(testkit::send(read).status, 200);
        }
        let sockets = house.sockets();
        drop(client);
        house.sockets_come_back_to(sockets - 1);
        house
    }
}

/// The running program.
pub(crate) struct House {
    program: Program,
    /// Where it listens without TLS.
    pub(crate) plain: SocketAddr,
    /// Where it listens with TLS, if it does.
    pub(crate) tls: Option<SocketAddr>,
    /// Where operators ask.
    pub(crate) admin: SocketAddr,
    /// What its listener with TLS shows.
    pub(crate) certificate: Certificate,
}

impl House {
    /// An ordinary client.
    pub(crate) fn client(&self) -> Client {
        Client::of(&format!("http://{}", self.plain))
    }

    /// A client of the operators' door.
    pub(crate) fn operator(&self) -> Client {
        Client::of(&format!("http://{}", self.admin))
    }

    /// The sum of all metrics whose names begin with this.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.operator().get("/metrics").text();
        let start = format!("backplane_{name}");
        let lines = text.lines().filter(|line| line.starts_with(&start));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.reduce(|sum, one| sum + one)
    }

    /// Bytes of memory that it has in use.
    pub(crate) fn memory(&self) -> usize {
        self.program.memory()
    }

    /// Sockets that it has open: its listeners, and every connection.
    pub(crate) fn sockets(&self) -> usize {
        let all = std::fs::read_dir(format!("/proc/{}/fd", self.program.id())).unwrap();
        // What was closed meanwhile is no link any more.
        let is_socket = |entry: &std::io::Result<std::fs::DirEntry>| {
            let link = entry.as_ref().ok().and_then(|entry| std::fs::read_link(entry.path()).ok());
            link.is_some_and(|link| link.to_string_lossy().starts_with("socket:"))
        };
        all.filter(is_socket).count()
    }

    /// Processor time that it has used.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(self.program.id())
    }

    /// Processors that it keeps busy from now on, looked at for so long.
    pub(crate) fn load(&self, span: Duration) -> f64 {
        let (before, began) = (self.cpu(), Instant::now());
        std::thread::sleep(span);
        self.cpu().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64()
    }

    /// Bytes that it has logged.
    pub(crate) fn logged(&self) -> usize {
        self.program.errors().len()
    }

    /// Waits until it has no more sockets open than then: every connection of the attack is closed.
    pub(crate) fn sockets_come_back_to(&self, before: usize) {
        testkit::eventually("all connections of the attack are closed", || self.sockets() <= before);
    }
}

/// Processor time that a process has used.
pub(crate) fn cpu_of(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name in parentheses may have blanks.
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    let ticks: u32 = fields[11..13].iter().map(|field| field.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

/// As [`address`], as a socket's own address.
pub(crate) fn from(number: usize) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(address(number)), 0)
}
