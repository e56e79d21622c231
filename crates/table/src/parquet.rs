//! Parquet files: columns of numbers, truths, times and texts.
//!
//! <https://parquet.apache.org/docs/file-format/>

mod schema;

pub(crate) use schema::Layout;

use crate::error::{Error, Result};
use crate::file::{Mapped, contained};
use crate::reader::{Batch, Columns, Kind, Reader};
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use ::parquet::errors::Result as ReadResult;
use ::parquet::file::reader::{ChunkReader, Length};
use arrow_array::{ArrayRef, RecordBatch};
use bytes::Bytes;
use memmap2::Mmap;
use rayon::prelude::*;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most rows of a batch, if all rows are read.
const BATCH_ROWS: usize = 1 << 16;

type Parsed<T> = std::result::Result<T, String>;

/// A file whose footer is read.
pub(crate) struct Parquet {
    path: PathBuf,
    table: Table,
    /// The rows that were not read, once some were.
    rest: Option<Rows>,
}

/// What a file says of its table.
struct Table {
    source: Source,
    metadata: ArrowReaderMetadata,
    layout: Layout,
    /// Rows of each group of rows.
    groups: Vec<usize>,
}

/// Consecutive rows that are read, their columns shared out among readers.
struct Rows {
    fields: Vec<usize>,
    side_by_side: Vec<ParquetRecordBatchReader>,
    /// Rows of the table before the next ones.
    next: usize,
    /// Rows of the table before the first one that is not of these.
    end: usize,
}

/// Opens the file `path`.
///
/// # Errors
/// If it cannot be read or is not a Parquet file, or has no rows.
pub(crate) fn open(path: &Path) -> Result<Parquet> {
    let source = Source(Arc::new(Mutex::new(Mapped::open(path, "Parquet")?)));
    let table = Table::open(source).map_err(|reason| Error::file(path, reason))?;
    Ok(Parquet {
        path: path.to_owned(),
        table,
        rest: None,
    })
}

fn damaged(error: impl std::fmt::Display) -> String {
    format!(
        "cannot be read ({error}); it is damaged, cut short, or not a Parquet file: write or copy it again"
    )
}

impl Table {
    fn open(source: Source) -> Parsed<Self> {
        let loaded = contained(|| {
            let loaded = ArrowReaderMetadata::load(&source, ArrowReaderOptions::new());
            loaded.map_err(|error| error.to_string())
        });
        let metadata = loaded.map_err(damaged)?;
        let groups = metadata.metadata().row_groups().iter();
        let groups = groups.map(|group| usize::try_from(group.num_rows()));
        let groups = groups
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(damaged)?;
        let n_rows = groups.iter().copied().try_fold(0, usize::checked_add);
        if n_rows.ok_or_else(|| damaged("it has more rows than can be counted"))? == 0 {
            return Err("has no rows; at least one is needed".to_owned());
        }
        let layout = Layout::new(metadata.schema())?;
        Ok(Self {
            source,
            metadata,
            layout,
            groups,
        })
    }

    /// The rows of the groups `groups`, to be read by `n_rows` at a time.
    fn rows(&self, groups: Range<usize>, wanted: &[(usize, Kind)], n_rows: usize) -> Parsed<Rows> {
        let fields = self.layout.fields(wanted)?;
        let share = fields
            .len()
            .div_ceil(2 * rayon::current_num_threads())
            .max(1);
        let readers = fields.chunks(share).map(|fields| {
            let mask =
                ProjectionMask::roots(self.metadata.parquet_schema(), fields.iter().copied());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                self.source.clone(),
                self.metadata.clone(),
            );
            let builder = builder
                .with_row_groups(groups.clone().collect())
                .with_batch_size(n_rows);
            contained(|| {
                builder
                    .with_projection(mask)
                    .build()
                    .map_err(|error| error.to_string())
            })
        });
        Ok(Rows {
            side_by_side: readers.collect::<Parsed<_>>().map_err(damaged)?,
            fields,
            next: self.groups[..groups.start].iter().sum(),
            end: self.groups[..groups.end].iter().sum(),
        })
    }

    /// The next of the rows `rows`, if there are more.
    fn next(&self, rows: &mut Rows, wanted: &[(usize, Kind)]) -> Parsed<Option<Batch>> {
        let disagree = || damaged("its parts disagree");
        let read: Vec<Parsed<Option<RecordBatch>>> = rows
            .side_by_side
            .par_iter_mut()
            .map(|reader| {
                contained(|| reader.next().transpose().map_err(|error| error.to_string()))
            })
            .collect();
        let read: Vec<Option<RecordBatch>> =
            read.into_iter().collect::<Parsed<_>>().map_err(damaged)?;
        let n_rows = read
            .first()
            .and_then(Option::as_ref)
            .map_or(0, RecordBatch::num_rows);
        let is_even = read
            .iter()
            .all(|batch| batch.as_ref().map_or(0, RecordBatch::num_rows) == n_rows);
        rows.next += n_rows;
        let is_whole = if n_rows == 0 {
            rows.next == rows.end
        } else {
            rows.next <= rows.end
        };
        if !is_even || !is_whole {
            return Err(disagree());
        }
        if n_rows == 0 {
            return Ok(None);
        }
        let arrays = read.iter().flatten().flat_map(RecordBatch::columns);
        let arrays: Vec<ArrayRef> = arrays.cloned().collect();
        let batch = self
            .layout
            .batch(wanted, &rows.fields, &arrays, rows.next - n_rows);
        batch.map(Some)
    }
}

impl Parquet {
    /// All rows, the groups side by side.
    fn all(&self, wanted: &[(usize, Kind)]) -> Parsed<Vec<Batch>> {
        let table = &self.table;
        let groups = (0..table.groups.len()).into_par_iter().map(|group| {
            let mut rows = table.rows(group..group + 1, wanted, BATCH_ROWS)?;
            let batches = std::iter::from_fn(|| table.next(&mut rows, wanted).transpose());
            batches.collect()
        });
        let groups: Vec<Parsed<Vec<Batch>>> = groups.collect();
        // The first error, whichever core was first.
        let groups = groups.into_iter().collect::<Parsed<Vec<_>>>()?;
        Ok(groups.into_iter().flatten().collect())
    }

    fn some(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Parsed<Vec<Batch>> {
        let rest = match &mut self.rest {
            Some(rest) => rest,
            rest => rest.insert(self.table.rows(
                0..self.table.groups.len(),
                wanted,
                n_rows.min(BATCH_ROWS),
            )?),
        };
        let (mut batches, end) = (Vec::new(), rest.next.saturating_add(n_rows));
        while rest.next < end
            && let Some(batch) = self.table.next(rest, wanted)?
        {
            batches.push(batch);
        }
        Ok(batches)
    }
}

impl Reader for Parquet {
    fn columns(&self) -> &Columns {
        &self.table.layout.columns
    }

    fn read(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Vec<Batch>> {
        let batches = match n_rows == usize::MAX && self.rest.is_none() {
            true => self.all(wanted),
            false => self.some(wanted, n_rows),
        };
        let batches = batches.map_err(|reason| Error::file(&self.path, reason))?;
        self.table.source.file().renew()?;
        Ok(batches)
    }

    fn n_bytes(&self) -> u64 {
        let groups = self.table.metadata.metadata().row_groups().iter();
        groups
            .map(|group| u64::try_from(group.total_byte_size()).unwrap_or_default())
            .fold(0, u64::saturating_add)
    }
}

/// A mapped file that readers share. Not the file itself: threads that read it would move its one position under each
/// other. Nor its bytes, which would be kept however often the file is mapped again.
#[derive(Clone)]
struct Source(Arc<Mutex<Mapped>>);

struct Mapping(Arc<Mmap>);

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Source {
    fn file(&self) -> MutexGuard<'_, Mapped> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> Bytes {
        Bytes::from_owner(Mapping(Arc::clone(&self.file().bytes)))
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.file().bytes.len() as u64
    }
}

impl ChunkReader for Source {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> ReadResult<Self::T> {
        self.bytes().get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> ReadResult<Bytes> {
        self.bytes().get_bytes(start, length)
    }
}
