//! Files that are written whole or not at all: under another name until they are complete.

use crate::error::{Error, Result};
use serde::Serialize;
use std::fs::{self, File, Permissions};
use std::io;
use std::path::Path;
use tempfile::{Builder, NamedTempFile};

/// Puts what `write` writes in the place of `path`, in one step and only once it is on the disk: a crash or a
/// full disk at any moment leaves the file that was there. A link stays, and so do the permissions of the file. What is
/// no file, a pipe or a terminal, is written to.
///
/// # Errors
/// Where the file cannot be written; the error names `path`, not the file beside it that is to take its place.
pub fn replace(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> Result<()> {
    let replaced = match fs::metadata(path) {
        Ok(there) if there.is_file() => {
            let at = fs::canonicalize(path);
            at.and_then(|at| put(&at, Some(there.permissions()), write))
        }
        Ok(there) if !there.is_dir() => {
            let opened = File::options().write(true).open(path);
            opened.and_then(|pipe| write(&pipe))
        }
        _ => put(path, None, write),
    };
    replaced.map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

/// Makes the file `path`, with `permissions` if they are given.
fn put(
    path: &Path,
    permissions: Option<Permissions>,
    write: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let file = beside(path)?;
    write(file.as_file())?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
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
    // With the rights that the user's umask leaves, and with errors that do not name this file: the builder's own way has
    // neither.
    let new = |path: &Path| File::options().write(true).create_new(true).open(path);
    builder.make_in(folder, new)
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

#[cfg(all(test, unix))]
mod tests {
    use super::replace;
    use std::fs::{self, Permissions};
    use std::io::Write;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    use std::process::Command;
    use std::thread;

    #[test]
    fn what_is_there_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, pipe] = ["file", "link", "pipe"].map(|name| folder.path().join(name));
        fs::write(&file, "before").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        symlink("file", &link).unwrap();
        let write = |path| replace(path, |mut file| file.write_all(b"after"));
        write(&link).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"after", "through the link");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "its permissions");

        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write(&pipe).unwrap();
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo(), "a pipe");
        assert_eq!(reader.join().unwrap(), b"after", "through the pipe");
    }
}
