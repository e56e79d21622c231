//! The bytes of a file for the crate `parquet`.

use crate::error::Result;
use crate::map::Mapped;
use bytes::Bytes;
use memmap2::Mmap;
use parquet::errors::Result as Read;
use parquet::file::reader::{ChunkReader, Length};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A mapped file. Not the file itself: threads that read it would move its one position under each other.
#[derive(Clone)]
pub(super) struct Source(Arc<Mutex<Mapping>>);

struct Mapping {
    file: Mapped,
    /// Those of the mapping, which lives as long as a reader keeps some of them.
    bytes: Bytes,
}

struct Shared(Arc<Mmap>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = Mapped::open(path, "Parquet")?;
        let bytes = Bytes::from_owner(Shared(Arc::clone(&file.bytes)));
        Ok(Self(Arc::new(Mutex::new(Mapping { file, bytes }))))
    }

    /// As [`Mapped::renew`].
    pub(super) fn renew(&self) -> Result<()> {
        let mut mapping = self.mapping();
        mapping.file.renew()?;
        mapping.bytes = Bytes::from_owner(Shared(Arc::clone(&mapping.file.bytes)));
        Ok(())
    }

    fn mapping(&self) -> MutexGuard<'_, Mapping> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> Bytes {
        self.mapping().bytes.clone()
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.mapping().bytes.len() as u64
    }
}

impl ChunkReader for Source {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Read<Self::T> {
        self.bytes().get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Read<Bytes> {
        self.bytes().get_bytes(start, length)
    }
}
