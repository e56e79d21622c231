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
        let reason = format!("`{shown}` exists; take another name, or --force to replace it");
        return Err(Error::setting(flag, reason));
    }
    Ok(path)
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
