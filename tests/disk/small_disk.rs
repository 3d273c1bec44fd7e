//! A disk with little room: a file system in memory, which only processes of its own mount namespace see.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use testkit::{Home, Program, eventually};

/// A folder `disk` in a [`Home`], with a file system of its own. It goes with this value.
pub(crate) struct SmallDisk {
    /// Keeps the namespace, as servers come and go.
    holder: Program,
    home: Home,
    in_user_namespace: bool,
}

impl SmallDisk {
    pub(crate) fn new(home: Home, size: &str) -> Self {
        std::fs::create_dir(home.path().join("disk")).unwrap();
        let script = format!("mount -t tmpfs -o size={size} tmpfs disk && echo mounted && exec sleep 1000");
        let mut refusals = String::new();
        // Root may do so as it is, others as the root of a user namespace of their own.
        for in_user_namespace in [false, true] {
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
            if mounted {
                return Self { holder, home, in_user_namespace };
            }
            refusals.push_str(&holder.end().errors);
        }
        panic!(
            "a small disk needs `unshare` and `mount` of util-linux, and either root with CAP_SYS_ADMIN or a kernel \
             that lets users make user namespaces (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, \
             kernel.apparmor_restrict_unprivileged_userns):\n{refusals}"
        );
    }

    /// Starts the server where the disk can be seen.
    pub(crate) fn start(&self) -> Program {
        let (holder, home) = (self.holder.id().to_string(), self.home.path().to_str().unwrap());
        let program = testkit::backplane();
        let mut arguments = vec!["--target", &holder, "--mount"];
        if self.in_user_namespace {
            arguments.extend(["--user", "--preserve-credentials"]);
        }
        let script = r#"cd "$1" && exec "$2""#;
        arguments.extend(["sh", "-c", script, "sh", home, program.to_str().unwrap()]);
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
}
