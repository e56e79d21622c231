//! The bytes of a file: mapped into memory where it is a regular one, otherwise read.

use crate::error::{Error, Result};
use memmap2::Mmap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The bytes of a file.
pub(super) enum Bytes {
    Mapped(Mapped),
    Read(Vec<u8>),
}

impl Bytes {
    /// As [`Mapped::renew`], where they are mapped.
    pub(super) fn renew(&mut self) -> Result<()> {
        match self {
            Self::Mapped(mapped) => mapped.renew(),
            Self::Read(_) => Ok(()),
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(mapped) => &mapped.bytes,
            Self::Read(bytes) => bytes,
        }
    }
}

/// The bytes of any file; `kind` is what a file to name in a folder is called.
pub(super) fn bytes(path: &Path, kind: &str) -> Result<Bytes> {
    if inspected(path, kind)?.is_file() {
        return Mapped::open(path, kind).map(Bytes::Mapped);
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(failed(path))?;
    Ok(Bytes::Read(bytes))
}

/// The bytes of a regular file, in place. Whoever keeps the mapping tells the user what follows from it: nobody
/// may change the file's bytes or cut it short.
pub(super) fn file(path: &Path, kind: &str) -> Result<Mmap> {
    mapped(path, &open(path, kind)?)
}

/// A mapped file that is kept open.
pub(super) struct Mapped {
    path: PathBuf,
    file: File,
    pub(super) bytes: Arc<Mmap>,
}

impl Mapped {
    pub(super) fn open(path: &Path, kind: &str) -> Result<Self> {
        let file = open(path, kind)?;
        Ok(Self {
            path: path.to_owned(),
            bytes: Arc::new(mapped(path, &file)?),
            file,
        })
    }

    /// Maps the same file again: what was read of it so far no longer counts as memory of this process, and is
    /// read again where it is asked for again.
    pub(super) fn renew(&mut self) -> Result<()> {
        let bytes = mapped(&self.path, &self.file)?;
        if bytes.len() != self.bytes.len() {
            return Err(Error::table(
                &self.path,
                "was changed while it was read; run again once nobody writes it".to_owned(),
            ));
        }
        self.bytes = Arc::new(bytes);
        Ok(())
    }
}

/// Opens a regular file.
fn open(path: &Path, kind: &str) -> Result<File> {
    // Asked before it is opened: to open a pipe is to wait for its writer.
    if !inspected(path, kind)?.is_file() {
        return Err(Error::table(
            path,
            "is not a regular file, and no other can be mapped into memory; copy it to a disk first"
                .to_owned(),
        ));
    }
    File::open(path).map_err(failed(path))
}

fn mapped(path: &Path, file: &File) -> Result<Mmap> {
    #[expect(unsafe_code, reason = "a file can be mapped in no other way")]
    // SAFETY: the mapping is only ever read. What no program can rule out is left to the user, and
    // `Dataset::npy` and `Dataset::csv` say so: nobody may change the file's bytes or cut it short while it is
    // mapped. To replace it by a rename is harmless, the mapping keeps the file it was made of.
    let mapped = unsafe { Mmap::map(file) };
    mapped.map_err(|error| {
        Error::table(
            path,
            format!("cannot be mapped into memory ({error}); copy it to a local disk"),
        )
    })
}

/// What the system says of a file that is not a folder.
fn inspected(path: &Path, kind: &str) -> Result<Metadata> {
    let metadata = std::fs::metadata(path).map_err(failed(path))?;
    if metadata.is_dir() {
        return Err(Error::table(
            path,
            format!("is a folder; name a {kind} file in it"),
        ));
    }
    Ok(metadata)
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error {
    |source| Error::File {
        path: path.to_owned(),
        source,
    }
}
