//! Arrow's own files and streams, which Feather's files are too.
//!
//! <https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc>

use crate::error::{Error, Result};
use crate::file::{self, Bytes, contained};
use crate::parquet::Layout;
use crate::reader::{Batch, Columns, Kind, Reader};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::root_as_message;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a file begins and ends with. Between them is a stream, and at the end where its parts are.
const MAGIC: &[u8] = b"ARROW1";
/// Bytes of a file that its stream begins at a multiple of.
const STEP: usize = 8;

type Parsed<T> = std::result::Result<T, String>;

/// A stream whose schema is read.
pub(crate) struct Ipc {
    path: PathBuf,
    stream: Stream,
    layout: Layout,
    /// The rows that were not read, once some were.
    rest: Option<Rows>,
}

struct Rows {
    fields: Vec<usize>,
    reader: StreamReader<Cursor<Stream>>,
    /// Rows before the next ones.
    next: usize,
}

/// The bytes of a stream.
#[derive(Clone)]
struct Stream {
    file: Arc<Bytes>,
    start: usize,
}

impl AsRef<[u8]> for Stream {
    fn as_ref(&self) -> &[u8] {
        &self.file[self.start..]
    }
}

/// Opens the file `path`.
///
/// # Errors
/// If it cannot be read, or is neither a file nor a stream of Arrow.
pub(crate) fn open(path: &Path) -> Result<Ipc> {
    let file = file::bytes(path, "Feather")?;
    let wrong = |reason: String| Error::file(path, reason);
    let start = match &file[..] {
        bytes if !bytes.starts_with(MAGIC) => 0,
        bytes if bytes.len() > 2 * STEP && bytes.ends_with(MAGIC) => {
            // Zeros align the stream, to 8 bytes or to more.
            let zeros = bytes[STEP..]
                .chunks(STEP)
                .take_while(|bytes| *bytes == [0; STEP]);
            STEP * (1 + zeros.count())
        }
        _ => return Err(wrong(damaged("its end is missing"))),
    };
    let stream = Stream {
        file: Arc::new(file),
        start,
    };
    let layout = contained(|| {
        check_sizes(stream.as_ref()).ok_or("a part of it ends before it should")?;
        Ok(reader(&stream, None)?.schema())
    });
    let layout = layout
        .map_err(damaged)
        .and_then(|schema| Layout::new(&schema));
    Ok(Ipc {
        path: path.to_owned(),
        layout: layout.map_err(wrong)?,
        stream,
        rest: None,
    })
}

fn damaged(error: impl std::fmt::Display) -> String {
    format!(
        "cannot be read ({error}); it is damaged, cut short, or not a Feather or Arrow file: write or copy it again"
    )
}

fn reader(stream: &Stream, fields: Option<Vec<usize>>) -> Parsed<StreamReader<Cursor<Stream>>> {
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
    fn batches(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Parsed<Vec<Batch>> {
        let rows = match &mut self.rest {
            Some(rows) => rows,
            rest => {
                let fields = self.layout.fields(wanted)?;
                let reader = contained(|| reader(&self.stream, Some(fields.clone())));
                rest.insert(Rows {
                    fields,
                    reader: reader.map_err(damaged)?,
                    next: 0,
                })
            }
        };
        let (mut batches, end) = (Vec::new(), rows.next.saturating_add(n_rows));
        while rows.next < end {
            let read = contained(|| {
                rows.reader
                    .next()
                    .transpose()
                    .map_err(|error| error.to_string())
            });
            let Some(read) = read.map_err(damaged)? else {
                break;
            };
            let batch = self
                .layout
                .batch(wanted, &rows.fields, read.columns(), rows.next)?;
            rows.next += batch.n_rows;
            // Batches of no rows are allowed, and say nothing.
            batches.extend((batch.n_rows > 0).then_some(batch));
        }
        match rows.next {
            0 => Err("has no rows; at least one is needed".to_owned()),
            _ => Ok(batches),
        }
    }
}

impl Reader for Ipc {
    fn columns(&self) -> &Columns {
        &self.layout.columns
    }

    fn read(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Vec<Batch>> {
        let batches = self.batches(wanted, n_rows);
        batches.map_err(|reason| Error::file(&self.path, reason))
    }

    fn n_bytes(&self) -> u64 {
        self.stream.as_ref().len() as u64
    }
}
