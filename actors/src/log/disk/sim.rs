//! A disk that remembers every operation, so that tests can look at each state in which a crash may leave it,
//! and that fails when it is told to.
//!
//! What was synced is there after a crash. Of everything since, any part may be there: each 512-byte sector of
//! a write by itself, in any order, or torn in the middle; each change of a length; each change of a name.

mod gate;
mod op;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use self::gate::Gate;
pub(crate) use self::op::Fate;
use self::op::{Op, apply, rename, survive};
use super::file::{Folder, StoredFile};

/// A source of numbers that a seed decides (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `below`, exclusive.
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.next() % below
    }
}

/// What every simulated disk says of its free room.
pub(crate) const FREE: u64 = 12_345;

/// The files as they are found after a crash.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// What the system says when a process has all the files open that it may.
const EMFILE: i32 = 24;

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// EIO.
    Io,
    /// ENOSPC, for operations that take room.
    Full,
    /// EMFILE, for operations that open a file.
    Starved,
    /// A write that writes half.
    Short,
    /// A write that writes half, and then ENOSPC.
    ShortThenFull,
    /// A panic, at whatever operation.
    Panic,
}

/// The n-th operation from now fails, and all after it if it is for good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) after: u64,
    pub(crate) fault: Fault,
    pub(crate) for_good: bool,
}

#[derive(Default)]
struct Disk {
    base: Vec<Vec<u8>>,
    base_names: BTreeMap<String, usize>,
    ops: Vec<Op>,
    files: Vec<Vec<u8>>,
    names: BTreeMap<String, usize>,
    plan: Option<Plan>,
    then_full: bool,
    locked: bool,
}

/// A folder on the simulated disk.
#[derive(Clone, Default)]
pub(crate) struct SimFolder(Arc<Mutex<Disk>>, Arc<Gate>);

impl SimFolder {
    /// A disk as a crash left it.
    pub(crate) fn of(image: &Image) -> Self {
        let mut disk = Disk::default();
        for (name, bytes) in image {
            disk.names.insert(name.clone(), disk.files.len());
            disk.files.push(bytes.clone());
        }
        (disk.base, disk.base_names) = (disk.files.clone(), disk.names.clone());
        Self(Arc::new(Mutex::new(disk)), Arc::default())
    }

    /// Where syncs wait while the disk hangs.
    pub(crate) fn gate(&self) -> &Gate {
        &self.1
    }

    /// Operations so far.
    pub(crate) fn ops(&self) -> usize {
        self.0.lock().unwrap().ops.len()
    }

    pub(crate) fn plan(&self, plan: Option<Plan>) {
        let mut disk = self.0.lock().unwrap();
        (disk.plan, disk.then_full) = (plan, false);
    }

    /// What may be there after a crash behind the first `cut` operations.
    pub(crate) fn crash(&self, cut: usize, fate: Fate, dice: &mut Dice) -> Image {
        let disk = self.0.lock().unwrap();
        let mut files = disk.base.clone();
        let mut names = disk.base_names.clone();
        let mut pending: Vec<(bool, &Op)> = Vec::new();
        let mut renaming: Vec<&Op> = Vec::new();
        for op in &disk.ops[..cut] {
            match op {
                Op::Create { file, .. } => {
                    if files.len() <= *file {
                        files.resize(*file + 1, Vec::new());
                    }
                    renaming.push(op);
                }
                Op::Unlink { .. } => renaming.push(op),
                Op::SyncFolder => renaming.drain(..).for_each(|op| rename(&mut names, op)),
                Op::Write { file, .. } | Op::SetLen { file, .. } => {
                    if files.len() <= *file {
                        files.resize(*file + 1, Vec::new());
                    }
                    pending.push((false, op));
                }
                Op::Sync { file } => pending.retain(|(lost, op)| {
                    let durable = op.file() == Some(*file) && !lost;
                    if durable {
                        apply(&mut files, op);
                    }
                    !durable
                }),
                Op::FailedSync { file } => {
                    for (lost, op) in &mut pending {
                        *lost |= op.file() == Some(*file);
                    }
                }
            }
        }
        for (_, op) in pending {
            survive(&mut files, op, fate, dice);
        }
        for op in renaming {
            if dice.roll(16) < fate.kept {
                rename(&mut names, op);
            }
        }
        names.into_iter().map(|(name, file)| (name, files[file].clone())).collect()
    }

    /// Something is about to be opened.
    fn open_something(&self) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        match disk.plan {
            Some(Plan { after: 0, fault: Fault::Starved, for_good }) => {
                disk.plan = disk.plan.filter(|_| for_good);
                Err(io::Error::from_raw_os_error(EMFILE))
            }
            _ => Ok(()),
        }
    }

    fn act(&self, op: Op, takes_room: bool) -> io::Result<usize> {
        let mut disk = self.0.lock().unwrap();
        let mut op = op;
        let mut done = match &op {
            Op::Write { bytes, .. } => bytes.len(),
            _ => 0,
        };
        if std::mem::take(&mut disk.then_full) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Some(plan) = &mut disk.plan {
            if plan.after > 0 {
                plan.after -= 1;
            } else {
                let fault = plan.fault;
                let writes = done > 1;
                match fault {
                    Fault::Starved => {}
                    Fault::Full if !takes_room => {}
                    Fault::Short | Fault::ShortThenFull if !writes => {}
                    _ if !plan.for_good => disk.plan = None,
                    _ => {}
                }
                match (&mut op, fault) {
                    (_, Fault::Panic) => {
                        // The disk itself is well.
                        drop(disk);
                        panic!("the disk has a panic");
                    }
                    (op, Fault::Io) => {
                        if let Op::Sync { file } = op {
                            let file = *file;
                            disk.ops.push(Op::FailedSync { file });
                        }
                        return Err(io::Error::other("EIO"));
                    }
                    (_, Fault::Full) if takes_room => return Err(io::ErrorKind::StorageFull.into()),
                    (Op::Write { bytes, .. }, Fault::Short | Fault::ShortThenFull) if writes => {
                        done /= 2;
                        bytes.truncate(done);
                        disk.then_full = fault == Fault::ShortThenFull;
                    }
                    _ => {}
                }
            }
        }
        let Disk { files, names, .. } = &mut *disk;
        apply(files, &op);
        rename(names, &op);
        disk.ops.push(op);
        Ok(done)
    }
}

struct Unlock(SimFolder);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().locked = false;
    }
}

impl Folder for SimFolder {
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("sim").join(name)
    }

    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        if std::mem::replace(&mut self.0.lock().unwrap().locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Unlock(self.clone())))
    }

    fn is_locked(&self) -> bool {
        self.0.lock().unwrap().locked
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StoredFile>> {
        self.open_something()?;
        let file = {
            let mut disk = self.0.lock().unwrap();
            if disk.names.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            disk.files.push(Vec::new());
            disk.files.len() - 1
        };
        self.act(Op::Create { name: name.to_owned(), file }, true)?;
        Ok(Box::new(SimFile(self.clone(), file)))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let disk = self.0.lock().unwrap();
        let file = disk.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(disk.files[*file].clone())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn StoredFile>> {
        self.open_something()?;
        let file = *self.0.lock().unwrap().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile(self.clone(), file)))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        self.act(Op::Unlink { name: name.to_owned() }, false).map(drop)
    }

    fn sync(&self) -> io::Result<()> {
        self.act(Op::SyncFolder, false).map(drop)
    }

    fn free(&self) -> io::Result<u64> {
        Ok(FREE)
    }
}

struct SimFile(SimFolder, usize);

impl StoredFile for SimFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let offset = usize::try_from(offset).unwrap();
        self.0.act(Op::Write { file: self.1, offset, bytes: bytes.to_vec() }, true)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.act(Op::SetLen { file: self.1, length: usize::try_from(length).unwrap() }, false).map(drop)
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        self.0.act(Op::SetLen { file: self.1, length: usize::try_from(length).unwrap() }, true).map(drop)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.1.pass();
        self.0.act(Op::Sync { file: self.1 }, false).map(drop)
    }
}
