//! The rows of DATA a span at a time: of a table of any length no more is held than of one span.

use super::features;
use super::format;
use super::grid::Grid;
use super::open::{Wanted, is_file, kinds, open_known, timed, used};
use super::table::{Kind, Table};
use crate::error::{Error, Result};
use neuralnet::data::{Column, Encoded};
use neuralnet::{Dataset, Model};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Cells of a span, those of all columns of the table or those of the features, whichever are more: 32 MB of f32.
/// Enough for all threads, and little beside any memory.
const SPAN_CELLS: usize = 1 << 23;

/// The rows of DATA for a model, in order, as data sets of inputs alone. CSV, Parquet and `.npy` are read as they are
/// asked for, but for a `.npy` that is used where it lies; generated rows are made where they are used, and those of
/// other formats are held as a whole. Of `.csv.gz` the text is.
#[derive(Debug)]
pub struct Stream {
    source: String,
    /// Read, and not asked for yet.
    first: Option<Dataset>,
    unread: Option<Unread>,
    notices: Vec<String>,
}

/// Opens DATA for `model` like [`open_for`](crate::open_for), but a span of rows at a time where its format allows
/// it: a table of any length takes the memory of one span. The file must not be changed or cut short until the last
/// one was read.
///
/// # Errors
/// Those of [`open_for`](crate::open_for), about the rows of the first span.
pub fn stream(model: &Model, data: &str) -> Result<Stream> {
    stream_in_spans(model, data, SPAN_CELLS)
}

/// Opens DATA like [`stream`], in spans of `n_cells` cells of its columns or features, 4 bytes each.
///
/// # Errors
/// Those of [`stream`].
pub fn stream_in_spans(model: &Model, data: &str, n_cells: usize) -> Result<Stream> {
    Stream::open(data, &model.description().columns, n_cells)
}

impl Stream {
    /// Opens DATA for features made of `columns`, and reads the first span, of `n_cells` cells.
    fn open(data: &str, columns: &[Column], n_cells: usize) -> Result<Self> {
        let mut stream = Self {
            source: data.to_owned(),
            first: None,
            unread: None,
            notices: Vec::new(),
        };
        if is_file(data) {
            let (path, start) = (Path::new(data), Instant::now());
            let mut table = format::open(path, None)?;
            let labels = None;
            let wanted = Wanted::Model { columns, labels };
            // A table without rows is refused as a whole.
            if table.spans().is_some_and(|spans| !spans.is_at_end()) {
                stream.source = path.display().to_string();
                stream.unread = Some(Unread::new(path, table, columns, n_cells)?);
                stream.first = stream.read()?;
                return Ok(stream);
            }
            stream.whole(timed(path, &mut *table, wanted, start)?);
        } else {
            stream.whole(open_known(data, columns, None)?);
        }
        Ok(stream)
    }

    fn whole(&mut self, dataset: Dataset) {
        self.source = dataset.source().to_owned();
        self.notices = dataset.notices().to_vec();
        self.first = Some(dataset);
    }

    /// Where the rows come from, as it was named.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The next rows; none after the last ones.
    ///
    /// # Errors
    /// Where they cannot be read, or hold what the model does not know. An empty cell that nothing fills and an
    /// unknown text are told once the whole table was read, as of a table that is read as a whole.
    pub fn next_span(&mut self) -> Result<Option<Dataset>> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.read(),
        }
    }

    /// What [`Dataset::notices`] has of the table as a whole: as soon as its last row was read, and once.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    fn read(&mut self) -> Result<Option<Dataset>> {
        let Some(unread) = &mut self.unread else {
            return Ok(None);
        };
        let read = unread.next_span(&self.source);
        if unread.is_at_end() && read.is_ok() {
            self.notices = unread.notices();
        }
        if unread.is_at_end() || read.is_err() {
            self.unread = None;
        }
        read
    }
}

/// A table, some of whose rows were not read yet.
struct Unread {
    path: PathBuf,
    table: Box<dyn Table>,
    columns: Vec<Column>,
    /// The model's columns in the table.
    wanted: Vec<(usize, Kind)>,
    /// Rows of a span.
    n_rows: usize,
    /// Empty cells of each column so far.
    n_empty: Vec<usize>,
    refused: Refused,
}

/// What is wrong with the rows so far.
#[derive(Default)]
struct Refused {
    /// The first span with an empty cell that nothing fills.
    gaps: Option<Grid>,
    /// The first text that is not known, of the first column that has one.
    unknown: Option<(usize, Error)>,
}

impl Unread {
    fn new(path: &Path, table: Box<dyn Table>, columns: &[Column], n_cells: usize) -> Result<Self> {
        let labels = None;
        let wanted = Wanted::Model { columns, labels };
        let used = used(path, &*table, wanted)?;
        let n_features = columns.iter().map(Column::n_features).sum();
        let width = table.names().len().max(n_features);
        Ok(Self {
            path: path.to_owned(),
            wanted: kinds(table.names(), &used, wanted),
            table,
            columns: columns.to_vec(),
            n_rows: (n_cells / width).max(1),
            n_empty: vec![0; columns.len()],
            refused: Refused::default(),
        })
    }

    fn is_at_end(&mut self) -> bool {
        self.table.spans().is_none_or(|spans| spans.is_at_end())
    }

    fn next_span(&mut self, source: &str) -> Result<Option<Dataset>> {
        while let Some(spans) = self.table.spans().filter(|spans| !spans.is_at_end()) {
            let cells = spans.next_span(&self.wanted, self.n_rows)?;
            if cells.n_rows == 0 {
                continue;
            }
            let names = self.columns.iter().map(|column| column.name.clone());
            let grid = Grid::of_cells(&self.path, names.collect(), cells);
            for (all, n_empty) in self.n_empty.iter_mut().zip(&grid.n_empty) {
                *all += n_empty;
            }
            if let Some(grid) = self.refused.look(grid, &self.columns) {
                return self.made(grid, source).map(Some);
            }
        }
        // Which of several problems is told depends on no span's length.
        self.refused.tell(&self.n_empty, &self.columns)?;
        Ok(None)
    }

    fn made(&self, mut grid: Grid, source: &str) -> Result<Dataset> {
        let columns = self.columns.clone();
        let inputs = features::made(&mut grid, &columns)?;
        Ok(Dataset::from_encoded(Encoded {
            source: source.to_owned(),
            n_samples: grid.n_rows,
            inputs,
            targets: grid.part(columns.len()..columns.len()),
            columns,
            target_names: Vec::new(),
            classes: None,
            lines: grid.lines,
            scanned: None,
            notices: Vec::new(),
            reading: None,
        }))
    }

    fn notices(&self) -> Vec<String> {
        features::notices(&self.n_empty, &self.columns)
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Unread");
        shown.field("path", &self.path).finish_non_exhaustive()
    }
}

impl Refused {
    /// Gives the span back, as long as nothing is wrong with it nor with those before.
    fn look(&mut self, grid: Grid, columns: &[Column]) -> Option<Grid> {
        let before = self.unknown.as_ref().map_or(columns.len(), |(at, _)| *at);
        if let Some(unknown) = features::unknown(&grid, &columns[..before]) {
            self.unknown = Some(unknown);
        }
        if self.gaps.is_none() && features::refuse_gaps(&grid, columns).is_err() {
            self.gaps = Some(grid);
            return None;
        }
        (self.gaps.is_none() && self.unknown.is_none()).then_some(grid)
    }

    /// What a table read as a whole is refused for; it has `n_empty` empty cells in each column.
    fn tell(&mut self, n_empty: &[usize], columns: &[Column]) -> Result<()> {
        if let Some(mut grid) = self.gaps.take() {
            grid.n_empty = n_empty.to_vec();
            features::refuse_gaps(&grid, columns)?;
        }
        match self.unknown.take() {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}
