//! Operations on a disk, and what a crash leaves of those that were not synced.

use std::collections::BTreeMap;

use super::Dice;

const SECTOR: usize = 512;

#[derive(Debug, Clone)]
pub(super) enum Op {
    Create {
        name: String,
        file: usize,
    },
    Unlink {
        name: String,
    },
    SyncFolder,
    Write {
        file: usize,
        offset: usize,
        bytes: Vec<u8>,
    },
    SetLen {
        file: usize,
        length: usize,
    },
    Sync {
        file: usize,
    },
    /// What is pending may be lost, whatever later syncs say.
    FailedSync {
        file: usize,
    },
}

/// What a crash keeps of the operations that were not synced, in 16ths; and whether sectors may tear.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate {
    pub(crate) kept: u64,
    pub(crate) torn: bool,
}

impl Op {
    pub(super) fn file(&self) -> Option<usize> {
        match self {
            Self::Write { file, .. } | Self::SetLen { file, .. } => Some(*file),
            _ => None,
        }
    }
}

pub(super) fn rename(names: &mut BTreeMap<String, usize>, op: &Op) {
    match op {
        Op::Create { name, file } => _ = names.insert(name.clone(), *file),
        Op::Unlink { name } => _ = names.remove(name),
        _ => {}
    }
}

pub(super) fn apply(files: &mut [Vec<u8>], op: &Op) {
    match op {
        Op::Write { file, offset, bytes } => write(&mut files[*file], *offset, bytes),
        Op::SetLen { file, length } => files[*file].resize(*length, 0),
        _ => {}
    }
}

fn write(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

pub(super) fn survive(files: &mut [Vec<u8>], op: &Op, fate: Fate, dice: &mut Dice) {
    let Op::Write { file, offset, bytes } = op else {
        if dice.roll(16) < fate.kept {
            apply(files, op);
        }
        return;
    };
    let mut from = 0;
    while from < bytes.len() {
        let to = bytes.len().min(from + SECTOR - (offset + from) % SECTOR);
        if dice.roll(16) < fate.kept {
            let to = if fate.torn && dice.roll(4) == 0 {
                from + usize::try_from(dice.roll(u64::try_from(to - from).unwrap() + 1)).unwrap()
            } else {
                to
            };
            if from < to {
                write(&mut files[*file], offset + from, &bytes[from..to]);
            }
        }
        from = to;
    }
}
