//! Arrow's own files and streams, which Feather's files are too.
//!
//! <https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc>

use crate::error::{Error, Result};
use crate::file::{self, contained};
use crate::parquet::Layout;
use crate::reader::{Batch, Columns, Kind, Reader};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::root_as_message;
use bytes::Bytes;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// What a file begins and ends with. Between them is a stream, and at the end where its parts are.
const MAGIC: &[u8] = b"ARROW1";
/// Bytes of a file that its stream begins at a multiple of.
const STEP: usize = 8;

type Parsed<T> = std::result::Result<T, String>;
type Batches = StreamReader<Cursor<Bytes>>;

/// A stream whose schema is read.
pub(crate) struct Ipc {
    path: PathBuf,
    stream: Bytes,
    layout: Layout,
    /// The batches that were not read, once some were.
    rest: Option<Batches>,
    /// Rows before them.
    n_read: usize,
}

/// Opens the file `path`.
///
/// # Errors
/// If it cannot be read, or is neither a file nor a stream of Arrow.
pub(crate) fn open(path: &Path) -> Result<Ipc> {
    let wrong = |reason: String| Error::file(path, reason);
    let file = file::bytes(path, "Feather")?.shared();
    let start = match &file[..] {
        bytes if !bytes.starts_with(MAGIC) => 0,
        bytes if bytes.len() > 2 * STEP && bytes.ends_with(MAGIC) => {
            // Zeros align the stream, to 8 bytes or to more.
            let steps = bytes[STEP..].chunks(STEP);
            STEP * (1 + steps.take_while(|bytes| *bytes == [0; STEP]).count())
        }
        _ => return Err(wrong(damaged("its end is missing"))),
    };
    let stream = file.slice(start..);
    let schema = contained(|| {
        check_sizes(&stream).ok_or("a part of it ends before it should")?;
        Ok(batches(&stream, None)?.schema())
    });
    let layout = schema.map_err(damaged).and_then(Layout::new);
    Ok(Ipc {
        path: path.to_owned(),
        layout: layout.map_err(wrong)?,
        stream,
        rest: None,
        n_read: 0,
    })
}

fn damaged(error: impl std::fmt::Display) -> String {
    format!(
        "cannot be read ({error}); it is damaged, cut short, or not a Feather or Arrow file: write or copy it again"
    )
}

fn batches(stream: &Bytes, fields: Option<Vec<usize>>) -> Parsed<Batches> {
    StreamReader::try_new(Cursor::new(stream.clone()), fields).map_err(|error| error.to_string())
}

/// That every part ends before the stream does, and that the memory which a compressed one says it needs is granted:
/// its reader would end the process. `None` if not.
fn check_sizes(mut stream: &[u8]) -> Option<()> {
    while !stream.is_empty() {
        stream = stream.strip_prefix(&[0xff; 4]).unwrap_or(stream);
        let (size, rest) = stream.split_first_chunk()?;
        let size = usize::try_from(i32::from_le_bytes(*size)).ok()?;
        if size == 0 {
            break;
        }
        let (message, rest) = rest.split_at_checked(size)?;
        let message = root_as_message(message).ok()?;
        let size = usize::try_from(message.bodyLength()).ok()?;
        let (body, rest) = rest.split_at_checked(size)?;
        let dictionary = message.header_as_dictionary_batch();
        let batch = message
            .header_as_record_batch()
            .or_else(|| dictionary?.data());
        for buffer in batch
            .filter(|batch| batch.compression().is_some())
            .and_then(|batch| batch.buffers())
            .iter()
            .flatten()
        {
            let bytes = body.get(usize::try_from(buffer.offset()).ok()?..)?;
            if buffer.length() > 0
                && let Ok(size) = usize::try_from(i64::from_le_bytes(*bytes.first_chunk()?))
            {
                Vec::<u8>::new().try_reserve_exact(size).ok()?;
            }
        }
        stream = rest;
    }
    Some(())
}

impl Ipc {
    fn next(&mut self, wanted: &[(usize, Kind)]) -> Parsed<Option<Batch>> {
        let rest = match &mut self.rest {
            Some(rest) => rest,
            rest => {
                let fields = self.layout.fields(wanted)?;
                let batches = contained(|| batches(&self.stream, Some(fields)));
                rest.insert(batches.map_err(damaged)?)
            }
        };
        let read = contained(|| rest.next().transpose().map_err(|error| error.to_string()));
        let batch = read.map_err(damaged)?.map(|read| {
            let batch = self.layout.batch(wanted, read.columns(), self.n_read)?;
            self.n_read += batch.n_rows;
            Ok(batch)
        });
        batch.transpose()
    }
}

impl Reader for Ipc {
    fn columns(&self) -> &Columns {
        &self.layout.columns
    }

    fn read(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Vec<Batch>> {
        let (mut batches, end) = (Vec::new(), self.n_read.saturating_add(n_rows));
        while self.n_read < end {
            let next = self.next(wanted);
            match next.map_err(|reason| Error::file(&self.path, reason))? {
                // Batches of no rows are allowed, and say nothing.
                Some(batch) => batches.extend((batch.n_rows > 0).then_some(batch)),
                None => break,
            }
        }
        Ok(batches)
    }

    fn n_bytes(&self) -> u64 {
        self.stream.len() as u64
    }
}
