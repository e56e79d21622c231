//! Parquet files: columns of numbers, truths, times and texts.
//!
//! <https://parquet.apache.org/docs/file-format/>

mod schema;

pub(crate) use schema::Layout;

use crate::error::{Error, Result, Unplaced, in_order};
use crate::file::{Bytes, contained};
use crate::reader::{Batch, Columns, Kind, Reader};
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Most rows of a batch.
const BATCH_ROWS: usize = 1 << 16;

/// A file whose footer is read.
pub(crate) struct Parquet {
    path: PathBuf,
    table: Table,
    /// Groups that were begun.
    n_begun: usize,
    /// The last of them, unless it was read to its end.
    rest: Option<Group>,
}

/// What a file says of its table, which threads share.
struct Table {
    file: Bytes,
    metadata: ArrowReaderMetadata,
    layout: Layout,
    /// Rows of each group of rows.
    groups: Vec<usize>,
}

/// Rows of a group that are read, their columns shared out among readers.
struct Group {
    side_by_side: Vec<ParquetRecordBatchReader>,
    /// Rows of the table before the next ones.
    next: usize,
    /// Rows of the table before the first one of the next group.
    end: usize,
}

/// Opens the file `path` of these bytes.
///
/// # Errors
/// If it is not a Parquet file, or has no rows.
pub(crate) fn open(path: &Path, file: Bytes) -> Result<Parquet> {
    let wrong = |reason| Error::file(path, reason);
    let metadata =
        contained(|| ArrowReaderMetadata::load(&file.shared(), ArrowReaderOptions::new()));
    let metadata = metadata.map_err(damaged).map_err(wrong)?;
    let groups = metadata.metadata().row_groups().iter();
    let groups: Vec<usize> = groups
        .map(|group| usize::try_from(group.num_rows()))
        .collect::<std::result::Result<_, _>>()
        .map_err(damaged)
        .map_err(wrong)?;
    let n_rows = groups.iter().copied().try_fold(0, usize::checked_add);
    match n_rows {
        None => Err(wrong(damaged("it has more rows than can be counted"))),
        Some(0) => Err(wrong("has no rows; at least one is needed".to_owned())),
        Some(_) => Ok(Parquet {
            path: path.to_owned(),
            table: Table {
                layout: Layout::new(metadata.schema().clone()).map_err(wrong)?,
                file,
                metadata,
                groups,
            },
            n_begun: 0,
            rest: None,
        }),
    }
}

fn damaged(error: impl std::fmt::Display) -> String {
    format!(
        "cannot be read ({error}); it is damaged, cut short, or not a Parquet file: write or copy it again"
    )
}

impl Table {
    /// The rows of the group `group`, in batches of `n_rows` at most.
    fn group(&self, group: usize, fields: &[usize], n_rows: usize) -> Unplaced<Group> {
        let share = fields.len().div_ceil(2 * rayon::current_num_threads());
        let readers = fields.chunks(share.max(1)).map(|fields| {
            let roots = fields.iter().copied();
            let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots);
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                self.file.shared(),
                self.metadata.clone(),
            );
            let builder = builder
                .with_row_groups(vec![group])
                .with_batch_size(n_rows.min(BATCH_ROWS))
                .with_projection(mask);
            contained(|| builder.build())
        });
        Ok(Group {
            side_by_side: readers.collect::<Unplaced<_>>().map_err(damaged)?,
            next: self.groups[..group].iter().sum(),
            end: self.groups[..=group].iter().sum(),
        })
    }

    /// All rows, the groups side by side.
    fn all(&self, wanted: &[(usize, Kind)], fields: &[usize]) -> Unplaced<Vec<Batch>> {
        let groups = (0..self.groups.len()).into_par_iter().map(|group| {
            let mut group = self.group(group, fields, BATCH_ROWS)?;
            let batches = std::iter::from_fn(|| group.next(&self.layout, wanted).transpose());
            batches.collect::<Unplaced<Vec<_>>>()
        });
        Ok(in_order(groups)?.into_iter().flatten().collect())
    }
}

impl Parquet {
    /// About `n_rows` of the next rows, one group after the other.
    fn some(
        &mut self,
        wanted: &[(usize, Kind)],
        fields: &[usize],
        n_rows: usize,
    ) -> Unplaced<Vec<Batch>> {
        let (mut batches, mut n_read) = (Vec::new(), 0);
        while n_read < n_rows && (self.rest.is_some() || self.n_begun < self.table.groups.len()) {
            let mut group = match self.rest.take() {
                Some(group) => group,
                None => {
                    self.n_begun += 1;
                    self.table.group(self.n_begun - 1, fields, n_rows)?
                }
            };
            if let Some(batch) = group.next(&self.table.layout, wanted)? {
                n_read += batch.n_rows;
                batches.push(batch);
                self.rest = Some(group);
            }
        }
        Ok(batches)
    }
}

impl Group {
    /// The next rows, if there are more.
    fn next(&mut self, layout: &Layout, wanted: &[(usize, Kind)]) -> Unplaced<Option<Batch>> {
        let readers = self.side_by_side.par_iter_mut();
        let read = readers.map(|reader| contained(|| reader.next().transpose()));
        let read = in_order(read).map_err(damaged)?;
        let n_rows = |batch: &Option<RecordBatch>| batch.as_ref().map_or(0, RecordBatch::num_rows);
        let n_next = read.first().map_or(0, n_rows);
        let first_row = self.next;
        self.next += n_next;
        let is_whole = self.next == self.end || n_next > 0 && self.next < self.end;
        if !is_whole || read.iter().any(|batch| n_rows(batch) != n_next) {
            return Err(damaged("its parts disagree"));
        }
        let arrays: Vec<ArrayRef> = read
            .iter()
            .flatten()
            .flat_map(RecordBatch::columns)
            .cloned()
            .collect();
        match n_next {
            0 => Ok(None),
            _ => layout.batch(wanted, &arrays, first_row).map(Some),
        }
    }
}

impl Reader for Parquet {
    fn columns(&self) -> &Columns {
        &self.table.layout.columns
    }

    fn read(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Vec<Batch>> {
        self.table.file.renew()?;
        let batches = self.table.layout.fields(wanted).and_then(|fields| {
            match n_rows == usize::MAX && self.n_begun == 0 {
                true => self.table.all(wanted, &fields),
                false => self.some(wanted, &fields, n_rows),
            }
        });
        batches.map_err(|reason| Error::file(&self.path, reason))
    }

    fn n_bytes(&self) -> u64 {
        let groups = self.table.metadata.metadata().row_groups().iter();
        groups
            .map(|group| u64::try_from(group.total_byte_size()).unwrap_or_default())
            .fold(0, u64::saturating_add)
    }
}
