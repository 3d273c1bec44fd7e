//! The built program, started the way an operator does.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;

use crate::log::errors_in;
use crate::{BUS, Client, Raw, eventually, password_of, strong_hash};

/// The built program. cargo builds it for the tests of its package, and says where.
pub fn backplane() -> PathBuf {
    std::env::var_os("CARGO_BIN_EXE_backplane")
        .expect("cargo runs the tests of the package that has it")
        .into()
}

/// Runs commands in one shell in this folder, as in a terminal, and gives back what they print, and their errors, as a terminal shows
/// them: without carriage returns.
///
/// The terminal has no setting of the server's in its environment, whatever the tests were started with.
pub fn paste(folder: &Path, commands: &str) -> (String, String) {
    let mut shell = Command::new("sh");
    shell.args(["-c", commands]).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"BACKPLANE_") {
            shell.env_remove(name);
        }
    }
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{commands}\n{output:?}");
    let text = |bytes| String::from_utf8(bytes).unwrap().replace('\r', "");
    (text(output.stdout), text(output.stderr))
}

/// Free ports, for clients and for operators.
const LISTEN: &str = "listen = \"127.0.0.1:0\"\nadmin.listen = \"127.0.0.1:0\"";

/// A folder as an operator has it, with `backplane.toml` in it. Programs are started in it, one after the other.
#[derive(Clone)]
pub struct Home(Arc<TempDir>);

impl Home {
    /// An empty folder, but for `backplane.toml` of this content, if there is any.
    pub fn new(config: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some(config) = config {
            let file = folder.path().join("backplane.toml");
            std::fs::write(&file, config).unwrap();
            // Whatever the umask of the tests is. Some start programs as somebody else.
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        Self(Arc::new(folder))
    }

    /// With [`BUS`] and `alice`, who may do all, on free ports of loopback. `more` goes to the top of the file.
    pub fn configured(more: &str) -> Self {
        let hash = strong_hash(&password_of("alice")).to_phc();
        let config = format!(
            r#"{listen}
{more}
[[user]]
name = "alice"
password_hash = "{hash}"
[[bus]]
name = "{BUS}"
post = ["alice"]
read = ["alice"]
"#,
            listen = if more.contains("listen =") { "" } else { LISTEN },
        );
        Self::new(Some(&config))
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Starts `backplane`.
    pub fn start(&self, arguments: &[&str]) -> Program {
        self.run(&backplane(), arguments)
    }

    /// Runs `backplane` to its end, with this on standard input.
    pub fn ask(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(backplane())
            .args(arguments)
            .env_clear()
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input may be gone already.
        let _: std::io::Result<()> = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Starts `backplane` without the powers of root, if the tests have them.
    pub fn start_as_nobody(&self, arguments: &[&str]) -> Program {
        let mut command = Command::new(backplane());
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(65534);
        }
        self.spawn(command, arguments)
    }

    /// Starts any program.
    pub fn run(&self, program: &Path, arguments: &[&str]) -> Program {
        self.spawn(Command::new(program), arguments)
    }

    fn spawn(&self, mut command: Command, arguments: &[&str]) -> Program {
        let mut child = command
            .args(arguments)
            .env_clear()
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Captured::of(child.stdout.take().unwrap());
        let errors = Captured::of(child.stderr.take().unwrap());
        Program { child, home: self.clone(), output, errors, errors_expected: false }
    }
}

/// What a program says before the address of its listener for operators.
const FOR_OPERATORS: &str = "for operators: http://";

/// A running program.
///
/// It is killed with this value, and the test fails if it has logged an error, or a panic, that was not announced.
pub struct Program {
    child: Child,
    home: Home,
    output: Captured,
    errors: Captured,
    errors_expected: bool,
}

/// What the program left behind.
#[derive(Debug)]
pub struct Ended {
    /// The exit status; nothing after a signal.
    pub code: Option<i32>,
    /// All of standard output.
    pub output: String,
    /// All of standard error.
    pub errors: String,
}

struct Captured {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut lines = BufReader::new(stream);
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                written.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn now(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.now()
    }
}

impl Program {
    /// Starts `backplane` in a folder of its own, with `backplane.toml` of this content, if there is any.
    pub fn start(config: Option<&str>, arguments: &[&str]) -> Self {
        Home::new(config).start(arguments)
    }

    /// Starts it in a folder of its own, as [`Home::configured`] has it.
    pub fn configured(more: &str) -> Self {
        Home::configured(more).start(&[])
    }

    /// Starts any program in a folder of its own.
    pub fn run(program: &Path, arguments: &[&str]) -> Self {
        Home::new(None).run(program, arguments)
    }

    /// Says that it will log errors.
    pub fn expect_errors(mut self) -> Self {
        self.errors_expected = true;
        self
    }

    /// Where it listens, as its log says; waits for it.
    pub fn address(&mut self) -> SocketAddr {
        self.address_after("listening on http://")
    }

    /// The address behind these words, in the log or on standard output; waits for it.
    pub fn address_after(&mut self, words: &str) -> SocketAddr {
        let mut found = None;
        eventually("the program says where it listens", || {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.errors.now());
            let text = format!("{}\n{}", self.errors.now(), self.output.now());
            let is_address = |letter: char| letter.is_ascii_hexdigit() || ".:[]".contains(letter);
            found = text.split_once(words).and_then(|(_, rest)| {
                let end = rest.find(|letter| !is_address(letter))?;
                rest.get(..end)?.parse().ok()
            });
            found.is_some()
        });
        found.unwrap()
    }

    /// A client of it, which knows its listener for operators, if there is one; waits until it listens.
    pub fn client(&mut self) -> Client {
        let client = Client::of(&format!("http://{}", self.address()));
        // Said before.
        if self.errors().contains(FOR_OPERATORS) {
            client.with_admin(self.address_after(FOR_OPERATORS))
        } else {
            client
        }
    }

    /// A socket to it; waits until it listens.
    pub fn raw(&mut self) -> Raw {
        Raw::connect(self.address())
    }

    /// Where it runs.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Standard output until now.
    pub fn output(&self) -> String {
        self.output.now()
    }

    /// Standard error until now.
    pub fn errors(&self) -> String {
        self.errors.now()
    }

    /// Sends a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Bytes of memory that the process has in use.
    pub fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Ends it at once, with SIGKILL.
    pub fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for the end.
    pub fn end(mut self) -> Ended {
        let mut status = None;
        eventually("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let (output, errors) = (self.output.whole(), self.errors.whole());
        Ended { code: status.unwrap().code(), output, errors }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if !std::thread::panicking() && !self.errors_expected {
            assert_eq!(errors_in(&self.errors.whole()), [""; 0], "errors were logged");
        }
    }
}
