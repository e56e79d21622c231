//! Tables from one format to another, every value as it is, or said to be otherwise.

mod csv;
#[cfg(test)]
mod tests;

use super::exact::{OTHERS, narrowed, without_nulls};
use super::npz::{self, TARGETS};
use super::writer::{Format, TableWriter, check_seekable};
use crate::error::{Error, Result, Unplaced, listed, shown};
use crate::format;
use crate::npz::COLUMNS;
use crate::options::TextOptions;
use crate::reader::{Batch, Columns, Kind};
use crate::time::time;
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use neuralnet::atomic_file::{self, Destination};
use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;

/// What [`convert`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// Rows.
    pub n_rows: usize,
    /// Columns.
    pub n_columns: usize,
    /// Bytes of the file; `None` of a pipe or a device.
    pub bytes: Option<u64>,
    /// What was made of the file, and what the format could not hold as it was: a sentence each.
    pub notices: Vec<String>,
}

/// Writes all columns of the table in the file `input` into the file `output`, both in the formats of their names;
/// `labels` names the file with the labels of one of pictures, if it is not beside it, and `text` says how a file of
/// lines is read. The table is held in memory. Every value is kept as it is, or it is said which is not. A file named
/// `output` is replaced, and only once the new one is complete.
///
/// # Errors
/// If `input` cannot be read or `output` not be written, or its format cannot hold the table.
pub fn convert<'a>(
    input: &Path,
    labels: Option<&Path>,
    text: &TextOptions,
    output: impl Into<Destination<'a>>,
) -> Result<Converted> {
    let destination = output.into();
    let output = destination.path;
    let format = Format::of(output);
    let is_npz = output
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("npz"));
    if format.is_none() && !is_npz {
        return Err(Error::setting(
            "output",
            format!(
                "`{}` does not end in .csv, .csv.gz, .csv.zst, .npy, .npz, .parquet, .feather or .arrow, which are what is written",
                output.display()
            ),
        ));
    }
    if matches!(format, None | Some(Format::Npy)) {
        check_seekable(output)?;
    }
    let mut reader = format::open(input, text, labels)?;
    let mut columns = reader.columns().clone();
    let order = order(&columns);
    let wanted: Vec<_> = order
        .iter()
        .map(|column| (*column, Kind::Inferred))
        .collect();
    let batches = reader.read(&wanted, usize::MAX)?;
    let mut notices = [columns.notices.clone(), reader.take_notices()].concat();
    drop(reader);
    notices.extend(not_marked(&columns, format));
    let names = order.iter().map(|column| match format {
        Some(format) if format != Format::Npy && is_unnamed(&columns, *column) => String::new(),
        _ => columns.names[*column].clone(),
    });
    columns.names = names.collect();
    let wrong = |reason: String| Error::file(input, reason);
    let names = csv_names(format, &columns.names, &mut notices);
    let batches = whole(&names, batches).map_err(wrong)?;
    let n_rows = batches.iter().map(RecordBatch::num_rows).sum();
    notices.extend(other_kinds(&batches[0].schema(), format));
    let write = match format {
        None => npz(batches, &columns),
        Some(format) => table(batches, format, &mut notices),
    };
    atomic_file::replace(destination, write.map_err(wrong)?)?;
    let written = std::fs::metadata(output).ok().filter(Metadata::is_file);
    Ok(Converted {
        n_rows,
        n_columns: columns.names.len(),
        bytes: written.map(|file| file.len()),
        notices,
    })
}

/// Whether a column has no name, and is hidden as such by every format that has names.
fn is_unnamed(columns: &Columns, column: usize) -> bool {
    columns.is_hidden[column] && columns.names[column] == format!("#{}", column + 1)
}

/// The columns in the order in which they are written: an index comes first, since the last column is the target unless
/// another one is named.
fn order(columns: &Columns) -> Vec<usize> {
    let is_index = |column: &usize| columns.is_hidden[*column] && !is_unnamed(columns, *column);
    let (indices, others): (Vec<_>, Vec<_>) = (0..columns.names.len()).partition(is_index);
    [indices, others].concat()
}

/// What the file written does not say of its columns, as the one that was read did: a sentence each.
fn not_marked(columns: &Columns, format: Option<Format>) -> Vec<String> {
    let has_names = format.is_some_and(|format| format != Format::Npy);
    let hidden = (0..columns.names.len()).filter(|column| columns.is_hidden[*column]);
    let lost = hidden.filter(|column| !has_names || !is_unnamed(columns, *column));
    let lost: Vec<&String> = lost.map(|column| &columns.names[column]).collect();
    let mut notices = Vec::new();
    if !lost.is_empty() {
        notices.push(format!(
            "features like any other in the file written, unless they are left out: {}",
            listed(lost)
        ));
    }
    if format.is_some() && columns.targets.len() > 1 {
        let targets = columns.targets.iter().map(|target| &columns.names[*target]);
        notices.push(format!(
            "features in the file written but for the last of them, unless they are named as targets: {}",
            listed(targets)
        ));
    }
    notices
}

/// What writes a table into a file, as its format can hold it.
type Write = Box<dyn FnOnce(&File) -> io::Result<()>>;

/// The names of the columns, which are not all numbers in CSV.
fn csv_names(format: Option<Format>, names: &[String], notices: &mut Vec<String>) -> Vec<String> {
    let is_csv = matches!(
        format,
        Some(Format::Csv | Format::CsvGzip | Format::CsvZstd)
    );
    let is_word = |name: &String| !name.is_empty() && name.parse::<f64>().is_err();
    if !is_csv || names.iter().any(is_word) {
        return names.to_vec();
    }
    let named = names.iter().map(|name| match name.is_empty() {
        true => String::new(),
        false => format!("x{name}"),
    });
    let named: Vec<String> = named.collect();
    let first = named.iter().find(|name| !name.is_empty());
    let first = first.map_or("", String::as_str);
    notices.push(format!(
        "the columns are named from `{first}` on: a header of numbers would be taken for a row"
    ));
    named
}

/// Which types of columns become something else, and what is said of that.
type OtherKind = (fn(&DataType) -> bool, &'static str);

/// The columns whose cells become something of another kind: a sentence for each kind.
fn other_kinds(schema: &Schema, format: Option<Format>) -> Vec<String> {
    let kinds: &[OtherKind] = match format {
        None | Some(Format::Npy) => &[
            (
                |it| *it == DataType::Boolean,
                "booleans become the numbers 0 and 1",
            ),
            (DataType::is_decimal, "decimals become the nearest float64"),
        ],
        Some(Format::Csv | Format::CsvGzip | Format::CsvZstd) => &[(
            |it| time(it).is_some(),
            "dates, times and durations become texts",
        )],
        Some(Format::Parquet | Format::Feather) => &[],
    };
    let told = kinds.iter().filter_map(|(is, what)| {
        let fields = schema.fields().iter();
        let fields = fields.filter(|field| is(field.data_type()));
        let names: Vec<_> = fields.map(|field| field.name()).collect();
        (!names.is_empty()).then(|| format!("{what}: {}", listed(names)))
    });
    told.collect()
}

/// The rows of a table, under the names of the columns.
fn whole(names: &[String], batches: Vec<Batch>) -> Unplaced<Vec<RecordBatch>> {
    let first = batches
        .first()
        .ok_or("has no rows; at least one is needed")?;
    let columns = names.iter().zip(&first.columns).enumerate();
    let fields = columns.map(|(at, (name, column))| {
        let mut cells = batches.iter().map(|batch| &batch.columns[at]);
        let has_nulls = cells.any(|cells| cells.logical_null_count() > 0);
        Field::new(name, column.data_type().clone(), has_nulls)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batches = batches.into_iter();
    let batches = batches.map(|batch| RecordBatch::try_new(schema.clone(), batch.columns));
    let batches = batches.collect::<std::result::Result<_, _>>();
    batches.map_err(|error| error.to_string())
}

fn table(batches: Vec<RecordBatch>, format: Format, notices: &mut Vec<String>) -> Unplaced<Write> {
    let schema = batches[0].schema();
    let batches = match format {
        Format::Csv | Format::CsvGzip | Format::CsvZstd => {
            notices.extend(csv::not_kept(&batches)?);
            batches
        }
        Format::Npy => {
            let mut fields = (0_usize..).zip(schema.fields());
            if !fields.all(|(column, field)| *field.name() == column.to_string()) {
                notices.push(
                    "the names of the columns are not kept: .npy has none, and numbers them from 0"
                        .to_owned(),
                );
            }
            narrowed(&batches, 0..schema.fields().len())?
        }
        Format::Parquet | Format::Feather => batches,
    };
    Ok(Box::new(move |file| {
        let mut writer = TableWriter::begin(format, file, &batches[0].schema())?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()
    }))
}

/// The targets are those that the reader knows, or the last of several columns if it is called so or is of texts.
fn npz(batches: Vec<RecordBatch>, columns: &Columns) -> Unplaced<Write> {
    let (names, width) = (columns.names.clone(), columns.names.len());
    if let Some(name) = names.iter().find(|name| name.contains(char::is_control)) {
        return Err(format!(
            "column `{}` has a control character in its name, which is refused when .npz is read; rename it, or {OTHERS}",
            shown(name)
        ));
    }
    let has_texts = *batches[0].column(width - 1).data_type() == DataType::LargeUtf8;
    let first = match columns.targets.first() {
        Some(first) if columns.targets.iter().copied().eq(*first..width) => *first,
        None if width > 1 && (has_texts || names[width - 1] == TARGETS) => width - 1,
        _ => width,
    };
    let features = narrowed(&batches, 0..first)?;
    let is_text = has_texts && first == width - 1;
    let targets = match is_text || first == width {
        true => Vec::new(),
        false => narrowed(&batches, first..width)?,
    };
    if is_text {
        without_nulls(&batches, first..width)?;
    }
    let numbers = (0..first).map(|column| column.to_string());
    let usual: Vec<String> = match width - first {
        1 => numbers.chain([TARGETS.to_owned()]).collect(),
        n_targets => numbers
            .chain((0..n_targets).map(|target| format!("{TARGETS}{target}")))
            .collect(),
    };
    Ok(Box::new(move |file| {
        let mut archive = npz::begin(file);
        npz::numbers(&mut archive, "X", &features, false)?;
        if is_text {
            let columns = batches.iter().map(|batch| batch.column(first));
            let texts = columns.flat_map(|column| column.as_string::<i64>());
            npz::texts(&mut archive, TARGETS, &texts.flatten().collect::<Vec<_>>())?;
        } else if first < width {
            npz::numbers(&mut archive, TARGETS, &targets, width - first == 1)?;
        }
        // A reader gives the usual names by itself.
        if usual != names {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            npz::texts(&mut archive, COLUMNS, &names)?;
        }
        ManuallyDrop::into_inner(archive).finish()?.flush()
    }))
}
