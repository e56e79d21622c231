//! The arguments that name files to write.

use crate::error::{Error, Result};
use clap::{ArgGroup, Args};
use std::path::{Path, PathBuf};

/// The file to write, and whether it may replace one.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("written").multiple(true))]
pub(crate) struct OutputArgs {
    /// The file to write: of `train` the model (safetensors), of `predict` a table (.csv, .npy or .parquet; default: CSV on stdout)
    #[arg(
        short,
        long,
        value_name = "FILE",
        group = "written",
        help_heading = "Output"
    )]
    output: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long, requires = "written", help_heading = "Output")]
    pub(super) force: bool,
}

impl OutputArgs {
    /// The file to write, if one is named.
    ///
    /// # Errors
    /// If it must not be written, see [`writable`].
    pub(crate) fn path(&self) -> Result<Option<&Path>> {
        let output = self.output.as_deref();
        output
            .map(|path| writable(path, "--output", self.force))
            .transpose()
    }
}

/// Returns `path` if a file may be written there, so that a refusal comes before any work is done. `flag` names the
/// argument; `force` allows replacing a file.
///
/// # Errors
/// If `path` is a folder or is in none, or a file exists and `force` is false.
pub(super) fn writable<'a>(path: &'a Path, flag: &'static str, force: bool) -> Result<&'a Path> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if path.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
        let reason = format!(
            "`{}` is a folder, or in one that does not exist; name a file in a folder that does",
            path.display()
        );
        return Err(Error::setting(flag, reason));
    }
    if !force && path.symlink_metadata().is_ok() {
        return Err(Error::Exists {
            path: path.to_owned(),
        });
    }
    Ok(path)
}
