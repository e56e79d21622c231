//! Files that are written whole or not at all: under another name until they are complete.

use crate::error::{Error, Result};
use serde::Serialize;
use std::fs::File;
use std::io;
use std::path::Path;
use tempfile::{Builder, NamedTempFile};

/// Puts what `write` writes in the place of `path`, in one step and only once it is on the disk: a crash or a
/// full disk at any moment leaves the file that was there.
///
/// # Errors
/// Where the file cannot be written; the error names `path`, not the file beside it that is to take its place.
pub fn replace(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> Result<()> {
    let replaced = beside(path).and_then(|file| {
        write(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    });
    replaced.map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

/// A new file in the folder of `path`, where a rename replaces a file in one step. It is removed unless it is renamed.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let Some(name) = path.file_name() else {
        let reason = "the path does not name a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    let mut builder = Builder::new();
    builder.prefix(&prefix);
    // What the user's umask leaves of these, and not the owner alone, which is the rule for temporary files.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// CRC-32 of a description as JSON and of the numbers that it describes: whether a file is as it was written.
pub(crate) fn checksum<'a>(
    description: &impl Serialize,
    numbers: impl IntoIterator<Item = &'a [f64]>,
) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    let text = serde_json::to_vec(description).expect("strings and numbers");
    crc.update(&text);
    for number in numbers.into_iter().flatten() {
        crc.update(&number.to_le_bytes());
    }
    crc.finalize()
}
