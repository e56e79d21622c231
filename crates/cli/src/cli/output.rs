//! Files to write: what is checked before any work is done.

use crate::error::{Error, Result};
use std::path::Path;

/// Returns `path` if a file may be written there: it is no folder and in one, and, unless `force` allows replacing it, not
/// there. `flag` names the argument.
pub(crate) fn writable<'a>(path: &'a Path, flag: &'static str, force: bool) -> Result<&'a Path> {
    let shown = path.display();
    if path.is_dir() || !folder(path).is_dir() {
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
    Ok(path)
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
