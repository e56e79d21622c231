//! Files to write: what is checked before any work is done.

use crate::error::{Error, Result};
use neuralnet::atomic_file::{self, Destination};
use std::path::Path;

/// The file `path`, if it may be written: it names no folder and is in one, is, unless `force` allows replacing it, not
/// there, and the system grants it. `flag` names the argument.
pub(crate) fn writable<'a>(
    path: &'a Path,
    flag: &'static str,
    force: bool,
) -> Result<Destination<'a>> {
    let shown = path.display();
    if path == Path::new("-") {
        let reason = "`-` does not stand for stdout; name a file";
        return Err(Error::setting(flag, reason));
    }
    // A slash at the end is no part of the name.
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let is_named = !name.is_empty() && path.as_os_str().as_encoded_bytes().ends_with(name);
    if !is_named || path.is_dir() || !folder(path).is_dir() {
        let reason = format!(
            "`{shown}` is a folder, or in one that does not exist; name a file in a folder that does"
        );
        return Err(Error::setting(flag, reason));
    }
    if !force && path.symlink_metadata().is_ok() {
        let what = match path.is_file() {
            true => "replace it",
            false => "write into it",
        };
        let reason = format!("`{shown}` exists; take another name, or --force to {what}");
        return Err(Error::setting(flag, reason));
    }
    atomic_file::check(path)?;
    Ok(Destination {
        path,
        replaces: force,
    })
}

/// Refuses to replace one of the files that are `read`, and would be lost.
pub(crate) fn check_unread<'a>(
    path: &Path,
    flag: &'static str,
    read: impl IntoIterator<Item = &'a Path>,
) -> Result<()> {
    let place = |path: &Path| path.canonicalize().ok();
    let is_read = |other: &Path| place(path).is_some_and(|path| place(other) == Some(path));
    if read.into_iter().any(is_read) {
        let reason = format!("`{}` is what is read; take another name", path.display());
        return Err(Error::setting(flag, reason));
    }
    Ok(())
}

/// Whether both paths name one file, be it there or not.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        Some((
            folder(path).canonicalize().ok()?,
            path.file_name()?.to_owned(),
        ))
    };
    place(one).is_some_and(|place_of_one| place(other) == Some(place_of_one))
}

/// The folder that `path` is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
