//! Arrow's own files and streams, which Feather's files are too.
//!
//! <https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc>

use crate::error::{Error, Result, Unplaced};
use crate::file::{self, contained};
use crate::parquet::Layout;
use crate::reader::{Batch, Columns, Kind, Reader};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::{MessageHeader, root_as_footer, root_as_message};
use bytes::Bytes;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// What a file begins and ends with. Between them is a stream, and at the end where its parts are.
const MAGIC: &[u8] = b"ARROW1";
/// Bytes of a file that its stream begins at a multiple of.
const STEP: usize = 8;

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

/// Opens the file `path` of these bytes.
///
/// # Errors
/// If it is neither a file nor a stream of Arrow.
pub(crate) fn open(path: &Path, file: &file::Bytes) -> Result<Ipc> {
    let wrong = |reason: String| Error::file(path, reason);
    let file = file.shared();
    let (start, end, listed) = match file.starts_with(MAGIC) {
        false => (0, file.len(), None),
        true => {
            let found = footer(&file).ok_or_else(|| wrong(damaged("its end is missing")))?;
            // Zeros align the stream, to 8 bytes or to more.
            let steps = file.get(STEP..found.0).unwrap_or_default().chunks(STEP);
            let n_zeros = steps.take_while(|bytes| *bytes == [0; STEP]).count();
            (found.0.min(STEP * (1 + n_zeros)), found.0, Some(found.1))
        }
    };
    let stream = file.slice(start..end);
    let schema = contained(|| {
        let parts = parts(&file[..end], start).ok_or("a part of it ends before it should")?;
        if listed.is_some_and(|listed| listed != parts) {
            return Err("its parts are not those that it lists".to_owned());
        }
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

fn batches(stream: &Bytes, fields: Option<Vec<usize>>) -> Unplaced<Batches> {
    StreamReader::try_new(Cursor::new(stream.clone()), fields).map_err(|error| error.to_string())
}

/// Where the footer of a file begins, and where its parts do by its list of them.
fn footer(file: &[u8]) -> Option<(usize, Vec<i64>)> {
    let (file, size) = file.strip_suffix(MAGIC)?.split_last_chunk()?;
    let size = usize::try_from(i32::from_le_bytes(*size)).ok()?;
    let start = file.len().checked_sub(size)?;
    let footer = root_as_footer(&file[start..]).ok()?;
    let listed = [footer.dictionaries(), footer.recordBatches()];
    let listed = listed.iter().flatten().flatten();
    let mut listed: Vec<i64> = listed.map(|part| part.offset()).collect();
    listed.sort_unstable();
    Some((start, listed))
}

/// Where the parts behind the schema begin in a file whose stream begins at `start`. `None` if one does not end before
/// the stream does, or if the memory is not granted which a compressed one says it needs: its reader would end the
/// process.
fn parts(file: &[u8], start: usize) -> Option<Vec<i64>> {
    let (mut stream, mut parts) = (file.get(start..)?, Vec::new());
    while !stream.is_empty() {
        let at = i64::try_from(file.len() - stream.len()).ok()?;
        stream = stream.strip_prefix(&[0xff; 4]).unwrap_or(stream);
        let (size, rest) = stream.split_first_chunk()?;
        let size = usize::try_from(i32::from_le_bytes(*size)).ok()?;
        if size == 0 {
            break;
        }
        let (message, rest) = rest.split_at_checked(size)?;
        let message = root_as_message(message).ok()?;
        if message.header_type() != MessageHeader::Schema {
            parts.push(at);
        }
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
    Some(parts)
}

impl Ipc {
    fn next(&mut self, wanted: &[(usize, Kind)]) -> Unplaced<Option<Batch>> {
        let rest = match &mut self.rest {
            Some(rest) => rest,
            rest => {
                let fields = self.layout.fields(wanted)?;
                let batches = contained(|| batches(&self.stream, Some(fields)));
                rest.insert(batches.map_err(damaged)?)
            }
        };
        let read = contained(|| rest.next().transpose());
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

#[cfg(test)]
mod tests {
    use super::{footer, open};
    use crate::reader::{Kind, Reader};
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use arrow_ipc::writer::FileWriter;
    use std::sync::Arc;

    #[test]
    fn a_batch_that_is_lost_or_there_twice_is_seen() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..30));
        let table = RecordBatch::try_from_iter([("a", numbers)]).unwrap();
        let mut writer = FileWriter::try_new(Vec::new(), &table.schema()).unwrap();
        for start in [0, 10, 20] {
            writer.write(&table.slice(start, 10)).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let listed = footer(&bytes).unwrap().1;
        let [_, start, end] = listed[..] else {
            panic!("{listed:?}")
        };
        let [start, end] = [start, end].map(|at| usize::try_from(at).unwrap());
        let path = std::env::temp_dir().join(format!("{}-parts.feather", std::process::id()));
        let read = |first: usize, next: usize| {
            std::fs::write(&path, [&bytes[..first], &bytes[next..]].concat()).unwrap();
            let batches = open(&path, &crate::file::read(&path)?)?
                .read(&[(0, Kind::Inferred)], usize::MAX)?;
            Ok::<usize, crate::Error>(batches.iter().map(|batch| batch.n_rows).sum())
        };
        assert_eq!(read(start, start).unwrap(), 30);
        for (first, next) in [(start, end), (end, start)] {
            let refused = read(first, next).unwrap_err().to_string();
            let part = "parts.feather: cannot be read (its parts are not those that it lists); it is damaged";
            assert!(refused.contains(part), "{refused}");
        }
        std::fs::remove_file(path).unwrap();
    }
}
