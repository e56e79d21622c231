//! The bytes of a file, whatever it is and however it is packed; and panics of the libraries that read them, contained.

use crate::error::{Error, Result, Unplaced};
use flate2::bufread::MultiGzDecoder;
use memmap2::Mmap;
use std::cell::Cell;
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;

/// The bytes of a file: those of a regular one in place. Nobody may change its bytes or cut it short while it is read:
/// whoever maps a file says so to the user.
pub(crate) struct Bytes {
    bytes: bytes::Bytes,
    /// The file that they are mapped from, and its name.
    mapped: Option<(PathBuf, File)>,
}

impl Bytes {
    /// These bytes, shared with whoever uses them beyond the next [`renew`](Self::renew).
    pub(crate) fn shared(&self) -> bytes::Bytes {
        self.bytes.clone()
    }

    /// Maps the same file again, if it was mapped: what was read of it so far no longer counts as memory of this
    /// process, and is read again when it is asked for again.
    pub(crate) fn renew(&mut self) -> Result<()> {
        let Some((path, file)) = &self.mapped else {
            return Ok(());
        };
        let bytes = mapped(path, file)?;
        if bytes.len() != self.bytes.len() {
            let reason = "was changed while it was read; run again once nobody writes it";
            return Err(Error::file(path, reason));
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes: bytes.into(),
            mapped: None,
        }
    }
}

/// The bytes of the file `path`: mapped if it is a regular one, otherwise read, as a pipe is; unpacked into memory if
/// its name ends in `.gz` or `.zst`.
pub(crate) fn read(path: &Path) -> Result<Bytes> {
    let failed = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(Error::file(path, "is a folder; name a file in it"));
    }
    let bytes = if metadata.is_file() {
        let file = File::open(path).map_err(failed)?;
        Bytes {
            bytes: mapped(path, &file)?,
            mapped: Some((path.to_owned(), file)),
        }
    } else {
        std::fs::read(path).map_err(failed)?.into()
    };
    unpacked(path, bytes)
}

/// The bytes, unpacked if the name of their file ends in `.gz` or `.zst`. Several members one after the other are one
/// file. No bytes stay what they are.
fn unpacked(path: &Path, bytes: Bytes) -> Result<Bytes> {
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    let tool = match ending.to_str() {
        Some("gz") if !bytes.is_empty() => "gzip",
        Some("zst") if !bytes.is_empty() => "Zstandard",
        _ => return Ok(bytes),
    };
    let mut text = Vec::new();
    let result = match tool {
        "gzip" => MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text),
        _ => zstd::stream::copy_decode(&bytes[..], &mut text).map(|()| text.len()),
    };
    match result {
        Ok(_) if text.starts_with(&[0x1f, 0x8b]) || text.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => {
            Err(Error::file(
                path,
                format!("is compressed twice; unpack it once by {tool}"),
            ))
        }
        Ok(_) => Ok(text.into()),
        Err(error) => Err(Error::file(
            path,
            format!(
                "cannot be unpacked by {tool} after {} bytes ({error}); it is damaged, cut short, or not such a file",
                text.len()
            ),
        )),
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

thread_local! {
    /// Whether a panic of this thread becomes an error, which is told in its place.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` gives; an error if it panics, as libraries do on some damaged files. Nothing of such a panic reaches
/// stderr; those of other threads do as ever.
pub(crate) fn contained<T, E: Display>(
    read: impl FnOnce() -> std::result::Result<T, E>,
) -> Unplaced<T> {
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
    match read {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("its parts disagree".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{IS_CONTAINED, contained, read, unpacked};
    use std::io::Write;
    use std::path::Path;
    use std::thread;

    #[test]
    fn only_panics_of_the_reading_thread_are_contained_and_only_while_it_reads() {
        let elsewhere = || thread::spawn(|| IS_CONTAINED.get()).join();
        let seen =
            contained(|| Ok::<_, String>((IS_CONTAINED.get(), elsewhere().expect("no panic"))));
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
            let text = unpacked(path, packed.into()).expect("whole");
            assert_eq!(&text[..], b"one,two", "{name}");
            let Err(error) = unpacked(path, cut.into()) else {
                panic!("{name}: cut short, and read");
            };
            assert!(error.to_string().contains("cut short"), "{error}");
        }
    }

    #[test]
    fn a_folder_is_told() {
        let folder = std::env::temp_dir();
        let message = read(&folder).err().expect("a folder").to_string();
        assert!(
            message.contains("is a folder; name a file in it"),
            "{message}"
        );
    }
}
