//! A disk of a test's own: a file system that only processes of its own mount namespace see.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{Home, Program, eventually};

/// A folder `disk` in a [`Home`], with a file system of its own. It goes with this value.
pub(crate) struct OwnDisk {
    /// Keeps the namespace, as servers come and go.
    holder: Program,
    home: Home,
    in_user_namespace: bool,
}

/// While this is there, whoever writes to the disk waits.
pub(crate) struct Frozen<'d>(&'d OwnDisk);

impl OwnDisk {
    /// In memory, with so much room.
    pub(crate) fn small(home: &Home, size: &str) -> Self {
        let mut refusals = String::new();
        // Root may do so as it is, others as the root of a user namespace of their own.
        for in_user_namespace in [false, true] {
            let mount = format!("mount -t tmpfs -o size={size} tmpfs disk");
            match Self::mount(home.clone(), &mount, in_user_namespace) {
                Ok(disk) => return disk,
                Err(errors) => refusals.push_str(&errors),
            }
        }
        panic!(
            "a small disk needs `unshare` and `mount` of util-linux, and either root with CAP_SYS_ADMIN or a kernel \
             that lets users make user namespaces (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, \
             kernel.apparmor_restrict_unprivileged_userns):\n{refusals}"
        );
    }

    /// In a file, so that it can be frozen.
    pub(crate) fn in_a_file(home: Home) -> Self {
        let mount = "truncate -s 32M image && mkfs.ext4 -q image && mount -o loop image disk";
        Self::mount(home, mount, false).unwrap_or_else(|errors| {
            panic!(
                "a disk that hangs needs root with CAP_SYS_ADMIN, `mkfs.ext4` and a loop device:\n{errors}"
            )
        })
    }

    /// Runs what mounts it; what that said, where it is refused.
    fn mount(home: Home, how: &str, in_user_namespace: bool) -> Result<Self, String> {
        let script = format!("mkdir -p disk && {how} && echo mounted && exec sleep 1000");
        let mut arguments = vec!["--mount", "sh", "-c", &script];
        if in_user_namespace {
            arguments.insert(0, "--map-root-user");
        }
        let mut holder = home.run("unshare".as_ref(), &arguments);
        let mut mounted = false;
        eventually("a file system is mounted or refused", || {
            mounted = holder.output().contains("mounted");
            mounted || holder.has_ended()
        });
        if mounted { Ok(Self { holder, home, in_user_namespace }) } else { Err(holder.end().errors) }
    }

    /// What `nsenter` has to be told to go where the disk can be seen.
    fn inside(&self) -> Vec<String> {
        let mut arguments = vec!["--target".to_owned(), self.holder.id().to_string(), "--mount".to_owned()];
        if self.in_user_namespace {
            arguments.extend(["--user", "--preserve-credentials"].map(str::to_owned));
        }
        arguments
    }

    /// Starts the server where the disk can be seen.
    pub(crate) fn start(&self) -> Program {
        self.run(&[])
    }

    /// Runs a command of the program there, and gives back what it prints.
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        let ended = self.run(command).end();
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        ended.output
    }

    fn run(&self, command: &[&str]) -> Program {
        let (home, program) = (self.home.path().to_str().unwrap(), testkit::backplane());
        let inside = self.inside();
        let mut arguments: Vec<_> = inside.iter().map(String::as_str).collect();
        let script = r#"cd "$1" && shift && exec "$@""#;
        arguments.extend(["sh", "-c", script, "sh", home, program.to_str().unwrap()]);
        arguments.extend(command);
        self.home.run("nsenter".as_ref(), &arguments)
    }

    /// A file on the disk, as seen from here.
    fn path(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        let home: &Path = self.home.path();
        root.join(home.strip_prefix("/").unwrap()).join("disk").join(name)
    }

    /// Leaves no byte free.
    pub(crate) fn fill(&self) {
        let filler = std::fs::File::options().create(true).append(true).open(self.path("filler"));
        let mut file = filler.unwrap();
        for size in [4096, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub(crate) fn clear(&self) {
        std::fs::remove_file(self.path("filler")).unwrap();
    }

    /// Makes it hang.
    pub(crate) fn freeze(&self) -> Frozen<'_> {
        self.fsfreeze("--freeze");
        Frozen(self)
    }

    fn fsfreeze(&self, how: &str) {
        let folder = self.home.path().join("disk");
        let done = Command::new("nsenter").args(self.inside()).args(["fsfreeze", how]).arg(folder).output();
        let done = done.expect("this test needs `nsenter` of util-linux");
        assert!(done.status.success(), "{done:?}");
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        // A process that writes there cannot even be killed before.
        self.0.fsfreeze("--unfreeze");
    }
}
