//! A folder that others may have laid something in.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use super::*;

const NAME: &str = "0000000000000002.log";

/// A folder of our own, and beside it a file that belongs to somebody else.
fn folder() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let (path, victim) = (home.path().join("log"), home.path().join("victim"));
    fs::write(&victim, "somebody else's").unwrap();
    fs::DirBuilder::new().create(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    (home, path, victim)
}

fn is_unharmed(victim: &Path) -> bool {
    fs::read(victim).unwrap() == b"somebody else's"
}

#[test]
fn each_new_level_of_a_path_is_made_to_last() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut synced) = (folder.path().join("a/b/c"), Vec::new());
    let mut note = |path: &Path| {
        synced.push(path.to_owned());
        Ok(())
    };
    create_all(&path, &mut note).unwrap();
    create_all(&path, &mut note).unwrap();
    assert!(path.is_dir());
    assert_eq!(synced, [folder.path().to_owned(), folder.path().join("a"), folder.path().join("a/b")]);
}

#[test]
fn no_link_is_followed_and_no_file_written_that_has_another_name() {
    type Lay = fn(&Path, &Path) -> io::Result<()>;
    let lays: [Lay; 2] = [|victim, at| symlink(victim, at), |victim, at| fs::hard_link(victim, at)];
    for lay in lays {
        for name in [LOCK, NAME] {
            let (_home, path, victim) = folder();
            let folder = OsFolder::create(&path).unwrap();
            lay(&victim, &path.join(name)).unwrap();
            if name == LOCK {
                assert!(folder.lock().is_err() && !folder.is_locked());
            } else {
                assert_eq!(folder.create(name).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
                assert!(folder.open(name).is_err());
            }
            assert!(is_unharmed(&victim));
        }
    }
    let (_home, path, victim) = folder();
    let folder = OsFolder::create(&path).unwrap();
    symlink(&victim, path.join(NAME)).unwrap();
    assert!(folder.read(NAME).is_err(), "neither is what is behind it taken for a segment");
    // One that leads nowhere makes no file there.
    let nowhere = path.with_file_name("nowhere");
    symlink(&nowhere, path.join(LOCK)).unwrap();
    assert!(folder.lock().is_err() && !nowhere.exists());
}

#[test]
fn what_is_no_file_is_neither_read_nor_waited_for() {
    let (_home, path, _) = folder();
    let folder = OsFolder::create(&path).unwrap();
    rustix::fs::mknodat(&folder.folder, NAME, FileType::Fifo, PRIVATE, 0).unwrap();
    assert!(folder.read(NAME).is_err() && folder.open(NAME).is_err());
}

#[test]
fn files_are_readable_for_their_owner_alone() {
    let (_home, path, _) = folder();
    let folder = OsFolder::create(&path).unwrap();
    drop(folder.create(NAME).unwrap());
    drop(folder.lock().unwrap());
    for name in [NAME, LOCK] {
        assert_eq!(fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_folder_that_others_may_write_is_refused() {
    for (mode, is_good) in [(0o700, true), (0o755, true), (0o770, false), (0o702, false), (0o777, false)] {
        let (_home, path, _) = folder();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        for refused in [check_folder(&path), OsFolder::create(&path).map(drop)] {
            match refused {
                Ok(()) => assert!(is_good, "{mode:o}"),
                Err(RecoveryError::NotPrivate { problem, .. }) => {
                    assert!(!is_good && problem.contains("chmod go-w"), "{mode:o}: {problem}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(check_folder(Path::new("/there/is/nothing")).is_ok(), "it is made");
}

#[test]
fn what_somebody_else_owns_is_refused() {
    if !geteuid().is_root() {
        // Nobody else can give a folder away.
        return;
    }
    let (_home, path, _) = folder();
    let own = OsFolder::create(&path).unwrap();
    drop(own.create(NAME).unwrap());
    chown(path.join(NAME), Some(65_534), None).unwrap();
    assert!(own.open(NAME).is_err());
    chown(&path, Some(65_534), None).unwrap();
    let refused = OsFolder::create(&path).map(drop);
    let Err(RecoveryError::NotPrivate { problem, .. }) = refused else { panic!("{refused:?}") };
    assert!(problem.contains("another user"));
}
