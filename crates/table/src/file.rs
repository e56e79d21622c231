//! The bytes of a file: mapped into memory if it is a regular one, otherwise read; and panics of the libraries that
//! read them, contained.

use crate::error::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use memmap2::Mmap;
use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io::Read;
use std::ops::Deref;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;

/// The bytes of a file.
pub(crate) enum Bytes {
    Mapped(Mapped),
    Memory(Vec<u8>),
}

impl Bytes {
    /// These bytes, to be kept beside others that share them.
    pub(crate) fn shared(self) -> bytes::Bytes {
        match self {
            Self::Mapped(mapped) => mapped.bytes,
            Self::Memory(bytes) => bytes.into(),
        }
    }

    /// Forgets what was read of a mapping, as [`Mapped::renew`] does.
    pub(crate) fn renew(&mut self) -> Result<()> {
        match self {
            Self::Mapped(mapped) => mapped.renew(),
            Self::Memory(_) => Ok(()),
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(mapped) => &mapped.bytes,
            Self::Memory(bytes) => bytes,
        }
    }
}

/// The bytes of any file, a pipe too; `kind` is what a file to name in a folder is called.
pub(crate) fn bytes(path: &Path, kind: &str) -> Result<Bytes> {
    if inspected(path, kind)?.is_file() {
        return Mapped::open(path, kind).map(Bytes::Mapped);
    }
    std::fs::read(path).map(Bytes::Memory).map_err(failed(path))
}

/// What a file is packed by, by the ending of its name.
fn tool(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_ascii_lowercase().to_str()? {
        "gz" => Some("gzip"),
        "zst" => Some("Zstandard"),
        _ => None,
    }
}

/// Whether a file is packed, by the ending of its name.
pub(crate) fn is_packed(path: &Path) -> bool {
    tool(path).is_some()
}

/// The bytes of a file, unpacked into memory if its name ends in `.gz` or `.zst`. Several members one after the other
/// are one file. No bytes stay what they are.
pub(crate) fn decompressed(path: &Path, bytes: Bytes) -> Result<Bytes> {
    let Some(tool) = tool(path).filter(|_| !bytes.is_empty()) else {
        return Ok(bytes);
    };
    let mut text = Vec::new();
    let unpacked = match tool {
        "gzip" => MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text),
        _ => zstd::stream::copy_decode(&bytes[..], &mut text).map(|()| text.len()),
    };
    match unpacked {
        Ok(_) => Ok(Bytes::Memory(text)),
        Err(error) => Err(Error::file(
            path,
            format!(
                "cannot be unpacked by {tool} after {} bytes ({error}); it is damaged, cut short, or not such a file",
                text.len()
            ),
        )),
    }
}

/// A regular file in place, kept open. Nobody may change its bytes or cut it short while it is read: whoever maps a
/// file says so to the user.
pub(crate) struct Mapped {
    path: PathBuf,
    file: File,
    /// Shared with whoever uses them beyond the next [`renew`](Self::renew).
    pub(crate) bytes: bytes::Bytes,
}

impl Mapped {
    /// Maps the file `path`; `kind` is what a file to name in a folder is called.
    pub(crate) fn open(path: &Path, kind: &str) -> Result<Self> {
        // Asked before it is opened: to open a pipe is to wait for its writer.
        if !inspected(path, kind)?.is_file() {
            let reason = "is not a regular file, and no other can be mapped into memory; copy it to a disk first";
            return Err(Error::file(path, reason));
        }
        let file = File::open(path).map_err(failed(path))?;
        let (path, bytes) = (path.to_owned(), mapped(path, &file)?);
        Ok(Self { path, file, bytes })
    }

    /// Maps the same file again: what was read of it so far no longer counts as memory of this process, and is
    /// read again when it is asked for again.
    pub(crate) fn renew(&mut self) -> Result<()> {
        let bytes = mapped(&self.path, &self.file)?;
        if bytes.len() != self.bytes.len() {
            let reason = "was changed while it was read; run again once nobody writes it";
            return Err(Error::file(&self.path, reason));
        }
        self.bytes = bytes;
        Ok(())
    }
}

fn mapped(path: &Path, file: &File) -> Result<bytes::Bytes> {
    #[expect(unsafe_code, reason = "a file can be mapped in no other way")]
    // SAFETY: the mapping is only ever read. What no program can rule out is left to the user: nobody may change the
    // file's bytes or cut it short while it is mapped. To replace it by a rename is harmless, the mapping keeps the
    // file it was made of.
    let mapped = unsafe { Mmap::map(file) };
    mapped.map(bytes::Bytes::from_owner).map_err(|error| {
        let reason = format!("cannot be mapped into memory ({error}); copy it to a local disk");
        Error::file(path, reason)
    })
}

/// What the system says of a file that is not a folder.
fn inspected(path: &Path, kind: &str) -> Result<Metadata> {
    let metadata = std::fs::metadata(path).map_err(failed(path))?;
    match metadata.is_dir() {
        true => Err(Error::file(
            path,
            format!("is a folder; name a {kind} file in it"),
        )),
        false => Ok(metadata),
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error {
    |source| Error::File {
        path: path.to_owned(),
        source,
    }
}

thread_local! {
    /// Whether a panic of this thread becomes an error, which is told in its place.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` gives; an error if it panics, as libraries do on some damaged files. Nothing of such a panic reaches
/// stderr; those of other threads do as ever.
pub(crate) fn contained<T>(
    read: impl FnOnce() -> std::result::Result<T, String>,
) -> std::result::Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_CONTAINED.get() {
                others(panic);
            }
        }));
    });
    let before = IS_CONTAINED.replace(true);
    let read = panic::catch_unwind(AssertUnwindSafe(read));
    IS_CONTAINED.set(before);
    read.unwrap_or_else(|_| Err("its parts disagree".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Bytes, IS_CONTAINED, bytes, contained, decompressed};
    use std::io::Write;
    use std::path::Path;
    use std::thread;

    #[test]
    fn only_panics_of_the_reading_thread_are_contained_and_only_while_it_reads() {
        let elsewhere = || thread::spawn(|| IS_CONTAINED.get()).join();
        let seen = contained(|| Ok((IS_CONTAINED.get(), elsewhere().expect("no panic"))));
        assert_eq!(seen, Ok((true, false)));
        let refused = contained(|| -> Result<(), String> { panic!("a damaged page") });
        assert!(refused.is_err_and(|reason| reason.contains("its parts disagree")));
        assert!(!IS_CONTAINED.get(), "after a panic");
    }

    #[test]
    fn members_one_after_the_other_are_one_text_and_a_cut_is_told() {
        let gzip = |text: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text).expect("in memory");
            encoder.finish().expect("in memory")
        };
        let zstd = |text: &[u8]| zstd::encode_all(text, 1).expect("in memory");
        for (name, packed) in [
            ("a.csv.GZ", [gzip(b"one,"), gzip(b"two")].concat()),
            ("a.zst", [zstd(b"one,"), zstd(b"two")].concat()),
        ] {
            let path = Path::new(name);
            let cut = packed[..packed.len() - 1].to_vec();
            let text = decompressed(path, Bytes::Memory(packed)).expect("whole");
            assert_eq!(&text[..], b"one,two", "{name}");
            let Err(error) = decompressed(path, Bytes::Memory(cut)) else {
                panic!("{name}: cut short, and read");
            };
            assert!(error.to_string().contains("cut short"), "{error}");
        }
    }

    #[test]
    fn a_folder_is_told() {
        let folder = std::env::temp_dir();
        let message = bytes(&folder, "CSV").err().expect("a folder").to_string();
        assert!(
            message.contains("is a folder; name a CSV file in it"),
            "{message}"
        );
    }
}
