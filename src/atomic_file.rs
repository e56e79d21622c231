//! Files that are written whole or not at all: under another name until they are complete.

use crate::error::{Error, Result};
use serde::Serialize;
use std::fs::{self, File, Permissions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::{Builder, NamedTempFile};

/// A file to write.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// Its name.
    pub path: &'a Path,
    /// Whether it may take the place of a file.
    pub replaces: bool,
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Destination<'a> {
    /// The file `path`, which takes the place of one that is there.
    fn from(path: &'a P) -> Self {
        Self {
            path: path.as_ref(),
            replaces: true,
        }
    }
}

/// The files that are not complete, by the names that they have until they are.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the files that are not complete: for a process that ends while others of its threads write.
pub fn remove_unfinished() {
    for file in unfinished().iter() {
        // One that is in its place by now has this name no longer.
        drop(fs::remove_file(file));
    }
}

/// Puts what `write` writes in the place of a file, in one step and only once it is on the disk: a crash or a
/// full disk at any moment leaves the file that was there. A link stays, and so do the permissions of the file. What is
/// no file, a pipe or a terminal, is written to. Where nothing may be replaced and something is there all the same, what was
/// written gets the ending `.new`.
///
/// # Errors
/// Where the file cannot be written; the error names its path, not the file beside it that is to take its place.
pub fn replace<'a>(
    destination: impl Into<Destination<'a>>,
    write: impl FnOnce(&File) -> io::Result<()>,
) -> Result<()> {
    let Destination { path, replaces } = destination.into();
    let there = fs::metadata(path).ok().filter(|_| replaces);
    let replaced = match there {
        Some(there) if !there.is_file() && !there.is_dir() => {
            let opened = File::options().write(true).open(path);
            opened.and_then(|pipe| write(&pipe))
        }
        there => place(path).and_then(|at| {
            let permissions = there.map(|there| there.permissions());
            put(&at, replaces, permissions, write)
        }),
    };
    replaced.map_err(unwritable(path))
}

/// Checks that a file can be written at `path`, by making the one beside it that would take its place.
///
/// # Errors
/// Those of [`replace`].
pub fn check(path: &Path) -> Result<()> {
    let checked = match fs::metadata(path) {
        Ok(there) if !there.is_file() => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => place(path).and_then(|at| beside(&at)).map(drop),
    };
    checked.map_err(unwritable(path))
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::Write { path, source }
}

fn refused(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason.into())
}

/// The place of the file that `path` leads to, through links, be it there or not.
fn place(path: &Path) -> io::Result<PathBuf> {
    // Linux follows no more links.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let (Some(name), Some(folder)) = (path.file_name(), path.parent()) else {
            return Err(refused("the path does not name a file"));
        };
        let folder = fs::canonicalize(Path::new(".").join(folder))?;
        path = folder.join(name);
        match fs::read_link(&path) {
            Ok(_) if folder.starts_with("/proc") => {
                let reason =
                    "it is a file that was opened for this program, as by >; name that file";
                return Err(refused(reason));
            }
            Ok(link) => path.set_file_name(link),
            Err(_) => return Ok(path),
        }
    }
    Err(refused("it is a link to itself; name a file"))
}

/// Makes the file `path`, with `permissions` if they are given.
fn put(
    path: &Path,
    replaces: bool,
    permissions: Option<Permissions>,
    write: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut files = unfinished();
    let file = beside(path)?;
    let name = file.path().to_owned();
    files.push(name.clone());
    drop(files);
    let put = write(file.as_file()).and_then(|()| {
        if let Some(permissions) = permissions {
            file.as_file().set_permissions(permissions)?;
        }
        file.as_file().sync_all()?;
        rename(file, path, replaces)
    });
    unfinished().retain(|other| *other != name);
    put
}

/// Gives `file` the name `path`.
fn rename(file: NamedTempFile, path: &Path, replaces: bool) -> io::Result<()> {
    if replaces {
        return Ok(file.persist(path).map(drop)?);
    }
    let Err(error) = file.persist_noclobber(path) else {
        return Ok(());
    };
    if error.error.kind() != io::ErrorKind::AlreadyExists {
        // Not every file system has this step.
        return Ok(error.file.persist(path).map(drop)?);
    }
    let mut other = path.as_os_str().to_owned();
    other.push(".new");
    error.file.persist(&other)?;
    let other = other.display();
    let reason = format!("it was made meanwhile and stays; what was written is in `{other}`");
    Err(io::Error::new(io::ErrorKind::AlreadyExists, reason))
}

/// A new file in the folder of `path`, where a rename replaces a file in one step. It is removed unless it is renamed.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    // Short, since the name of the file may be as long as names can be.
    builder.prefix(".neuralnet-");
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
    use super::{Destination, replace};
    use std::fs::{self, Permissions};
    use std::io::Write;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    use std::path::PathBuf;
    use std::process::Command;
    use std::thread;

    #[test]
    fn what_is_there_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, pipe] = ["file", "link", "pipe"].map(|name| folder.path().join(name));
        fs::write(&file, "before").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        symlink("file", &link).unwrap();
        let write = |path: &PathBuf| replace(path, |mut file| file.write_all(b"after"));
        write(&link).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"after", "through the link");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "its permissions");
        fs::remove_file(&file).unwrap();
        write(&link).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"after", "where nothing was");

        let kept = Destination {
            path: &file,
            replaces: false,
        };
        let told = replace(kept, |mut file| file.write_all(b"new")).unwrap_err();
        assert!(told.to_string().contains("file.new"), "{told}");
        assert_eq!(fs::read(&file).unwrap(), b"after", "what was there");
        assert_eq!(fs::read(folder.path().join("file.new")).unwrap(), b"new");

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
