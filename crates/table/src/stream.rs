//! The rows of DATA a span at a time: of a table of any length no more is held than one span.

use crate::encoder::{Counts, encode};
use crate::error::{Error, Result};
use crate::format;
use crate::in_place::Selection;
use crate::open::{for_columns, is_file, open_known, options_for, times_of};
use crate::options::ModelOptions;
use crate::reader::{Kind, Reader};
use crate::roles::Roles;
use crate::samples::{encoded, kinds};
use crate::table::Table;
use crate::targets::Targets;
use crate::time_units::count_alike;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use neuralnet::data::Column;
use neuralnet::{Dataset, Model};
use std::fmt;
use std::path::Path;
use std::time::Instant;

/// Cells of a span, those of all columns of the table or those of the features, whichever are more: 16 MB of
/// float64. Enough for all threads, and little beside any memory.
const SPAN_CELLS: usize = 1 << 21;

/// Consecutive rows of a table.
#[derive(Debug)]
pub struct Span {
    /// The features of the rows, without targets.
    pub dataset: Dataset,
    /// The cells of the columns that are passed through: one array a column, of its type in the file.
    pub(crate) passed: Vec<ArrayRef>,
}

/// The rows of DATA for a model, in order. CSV, Parquet, Feather and arrays are read as they are asked for; generated
/// rows are made where they are used.
pub struct Stream {
    source: String,
    options: ModelOptions,
    columns: Vec<Column>,
    /// The names of the columns that are passed through.
    passed: Vec<String>,
    /// The types of the columns that are passed through.
    passed_types: Vec<DataType>,
    /// What was not read yet, of a file.
    rest: Option<SpanReader>,
    /// Read, and not asked for yet.
    first: Option<Span>,
    notices: Vec<String>,
}

/// A table that is read as its rows are asked for.
struct SpanReader {
    reader: Box<dyn Reader>,
    roles: Roles,
    wanted: Vec<(usize, Kind)>,
    /// Rows of a span.
    n_rows: usize,
    /// Whether no rows were read so far.
    is_first: bool,
    /// What was filled or unknown so far.
    counts: Counts,
}

/// Opens DATA for `model` like [`open_for`](crate::open_for), but a span of rows at a time if its format allows it: a
/// table of any length takes the memory of one span. The columns named `passed` come with each span. The file must not
/// be changed or cut short until the last one was read.
///
/// # Errors
/// Those of [`open_for`](crate::open_for), about the rows of the first span.
pub fn stream(
    model: &Model,
    data: &str,
    passed: &[String],
    options: &ModelOptions,
) -> Result<Stream> {
    stream_in_spans(model, data, passed, options, SPAN_CELLS)
}

/// Opens DATA like [`stream`], in spans of `n_cells` cells of its columns or features.
///
/// # Errors
/// Those of [`stream`].
pub fn stream_in_spans(
    model: &Model,
    data: &str,
    passed: &[String],
    options: &ModelOptions,
    n_cells: usize,
) -> Result<Stream> {
    let columns = &model.description().columns;
    let mut stream = Stream {
        source: data.to_owned(),
        options: options_for(data, options, model.description().missing_texts.as_deref()),
        columns: columns.clone(),
        passed: Vec::new(),
        passed_types: Vec::new(),
        rest: None,
        first: None,
        notices: Vec::new(),
    };
    if !is_file(data) {
        if !passed.is_empty() {
            return Err(Error::setting(
                "passed",
                format!("names columns of a file, and `{data}` is not a file; leave it out"),
            ));
        }
        let dataset = open_known(data, columns, None, None, options)?;
        dataset.source().clone_into(&mut stream.source);
        let passed = Vec::new();
        stream.first = Some(Span { dataset, passed });
        return Ok(stream);
    }
    let reader = format::open(Path::new(data), &stream.options.text, None)?;
    let features = columns.iter().map(|column| &column.name);
    let roles = Roles::of_model(data, reader.columns(), features, &[], None, passed)?;
    stream.passed = roles
        .passed
        .iter()
        .map(|column| reader.columns().names[*column].clone())
        .collect();
    stream.notices.clone_from(&reader.columns().notices);
    let n_features = columns.iter().map(Column::n_features).sum();
    let width = reader.columns().names.len().max(n_features);
    stream.rest = Some(SpanReader {
        wanted: kinds(
            &roles,
            |at| columns[at].categories.is_some(),
            Kind::Inferred,
        ),
        reader,
        roles,
        n_rows: (n_cells / width).max(1),
        is_first: true,
        counts: Counts::default(),
    });
    stream.first = stream.read()?;
    let passed = stream.first.iter().flat_map(|first| &first.passed);
    stream.passed_types = passed.map(|cells| cells.data_type().clone()).collect();
    Ok(stream)
}

impl Stream {
    /// Where the rows come from, as it was named.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of the columns that are passed through.
    #[must_use]
    pub fn passed(&self) -> &[String] {
        &self.passed
    }

    /// The types of the columns that are passed through.
    pub(crate) fn passed_types(&self) -> &[DataType] {
        &self.passed_types
    }

    /// The first rows, until [`Stream::next_span`] takes them.
    #[must_use]
    pub fn first(&self) -> Option<&Dataset> {
        self.first.as_ref().map(|span| &span.dataset)
    }

    /// The next rows; `None` after the last ones.
    ///
    /// # Errors
    /// If they cannot be read, or hold what the model does not know.
    pub fn next_span(&mut self) -> Result<Option<Span>> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.read(),
        }
    }

    /// What the owner of the table should know: of its columns at once, of all of its rows as soon as the last one was
    /// read; each once.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Adds what the owner of the table should know.
    pub(crate) fn tell(&mut self, notices: Vec<String>) {
        self.notices.extend(notices);
    }

    fn read(&mut self) -> Result<Option<Span>> {
        let Some(rest) = &mut self.rest else {
            return Ok(None);
        };
        let is_first = std::mem::take(&mut rest.is_first);
        if let Some(dataset) = rest.in_place(&self.source, &self.columns)? {
            let passed = Vec::new();
            return Ok(Some(Span { dataset, passed }));
        }
        let mut table = Table::read(&self.source, &mut *rest.reader, &rest.wanted, rest.n_rows)
            .map_err(|error| for_columns(error, &self.columns, &self.options))?;
        if table.n_rows == 0 && !is_first {
            self.notices.extend(rest.reader.take_notices());
            self.notices.extend(rest.counts.notices(&self.columns));
            self.rest = None;
            return Ok(None);
        }
        table.refuse_empty()?;
        let notices = count_alike(&mut table, times_of(&self.columns))?;
        if is_first {
            self.notices.extend(notices);
        }
        let (inputs, counts) = encode(&self.columns, self.options.unknown_as_zero, &table)
            .map_err(|error| for_columns(error, &self.columns, &self.options))?;
        rest.counts.add(&counts);
        self.span(table, inputs).map(Some)
    }

    fn span(&self, table: Table, inputs: Vec<f32>) -> Result<Span> {
        let first = self.columns.len();
        let passed = (first..first + self.passed.len()).map(|column| {
            let cells: Vec<&dyn Array> = table.column(column).map(AsRef::as_ref).collect();
            let place = || table.place().column(&table.names[column]);
            concat(&cells).map_err(|error| Error::at(place(), format!("cannot be read ({error})")))
        });
        let passed = passed.collect::<Result<_>>()?;
        let columns = self.columns.clone();
        let dataset = encoded(table, columns, inputs, Targets::default(), Vec::new(), None);
        Ok(Span { dataset, passed })
    }
}

impl SpanReader {
    /// The next rows without a copy, if the file allows it.
    fn in_place(&mut self, source: &str, columns: &[Column]) -> Result<Option<Dataset>> {
        let selection = Selection {
            source,
            roles: &self.roles,
            columns,
            target_names: &[],
            fills: columns.iter().any(|column| column.fill.is_some()),
            is_training: false,
        };
        let dataset = selection.in_place(&*self.reader, self.n_rows, true, Instant::now())?;
        if let Some(dataset) = &dataset {
            self.reader.skip(dataset.n_samples())?;
        }
        Ok(dataset)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Stream");
        shown.field("source", &self.source).finish_non_exhaustive()
    }
}
