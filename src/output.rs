//! Files that are written whole or not at all: under another name until they are complete.

use crate::error::{Error, Result};
use flate2::Crc;
use serde::Serialize;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Puts what `write` writes in the place of `path`, in one step and only once it is on the disk: a crash or a
/// full disk at any moment leaves the file that was there.
///
/// # Errors
/// Where the file cannot be written.
pub fn replace(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> Result<()> {
    let beside = beside(path)?;
    // It is `path` that was asked for.
    let fail = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let file = File::create_new(&beside).map_err(fail)?;
    let written = write(&file).and_then(|()| file.sync_all());
    // Closed before it is renamed, which some systems ask for.
    drop(file);
    let done = written.and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    done.map_err(fail)
}

/// CRC-32 of a description as JSON and of the numbers that it describes: whether a file is as it was written.
pub(crate) fn checksum<'a>(
    description: &impl Serialize,
    numbers: impl IntoIterator<Item = &'a [f64]>,
) -> u32 {
    let mut crc = Crc::new();
    let text = serde_json::to_vec(description).expect("strings and numbers");
    crc.update(&text);
    for number in numbers.into_iter().flatten() {
        crc.update(&number.to_le_bytes());
    }
    crc.sum()
}

/// A name of this call's own in the folder of `path`, where a rename replaces a file in one step.
fn beside(path: &Path) -> Result<PathBuf> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(Error::Write {
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"),
        });
    };
    let mut beside = OsString::from(".");
    beside.push(name);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    beside.push(format!(".{}-{call}", process::id()));
    Ok(path.with_file_name(beside))
}
