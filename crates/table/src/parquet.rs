//! Parquet files: columns of numbers, booleans and texts, none of them nested.
//!
//! <https://parquet.apache.org/docs/file-format/>

mod column;
mod contained;
mod source;
mod write;

pub(crate) use write::{Values, Writer};

use super::columns::shown;
use super::npy::zeros;
use super::table::{Cells, Kind, Spans, Table};
use crate::error::{Error, Result};
use column::{Column, Meaning};
use contained::contained;
use parquet::basic::Compression;
use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader, SerializedFileReader};
use rayon::prelude::*;
use source::Source;
use std::path::{Path, PathBuf};

type Parsed<T> = std::result::Result<T, String>;

/// Numbers that one thread puts into rows at a time.
const PIECE: usize = 1 << 16;

/// A file whose footer is read.
pub(super) struct Parquet {
    path: PathBuf,
    source: Source,
    reader: SerializedFileReader<Source>,
    names: Vec<String>,
    /// Of each column, the leaf of the schema that it is; what is wrong with it, where it is none.
    leaves: Vec<Parsed<usize>>,
    place: Place,
}

/// How far a file was read.
#[derive(Default)]
struct Place {
    /// Rows that were read.
    n_rows: usize,
    /// Groups of rows that were begun.
    n_groups: usize,
    /// The last of these, where some of it is left.
    group: Option<Group>,
}

/// A group of rows that is read.
struct Group {
    /// Of each wanted column.
    readers: Vec<ColumnReader>,
    /// Rows that were not read.
    n_left: usize,
}

/// Opens the file `path`.
///
/// # Errors
/// Where it cannot be read or is no Parquet file, or two of its columns have the same name.
pub(super) fn open(path: &Path) -> Result<Parquet> {
    let table = |reason| Error::table(path, reason);
    let source = Source::open(path)?;
    let file = source.clone();
    let reader = contained(|| SerializedFileReader::new(file).map_err(|error| damaged(&error)));
    let reader = reader.map_err(table)?;
    let (names, leaves) = columns(&reader).map_err(table)?;
    Ok(Parquet {
        path: path.to_owned(),
        source,
        reader,
        names,
        leaves,
        place: Place::default(),
    })
}

fn damaged(error: &dyn std::fmt::Display) -> String {
    format!(
        "cannot be read ({error}); it is damaged, cut short, or no Parquet file: write or copy it again"
    )
}

/// The names of the columns, and where each is.
fn columns(reader: &SerializedFileReader<Source>) -> Parsed<(Vec<String>, Vec<Parsed<usize>>)> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let (mut names, mut leaves) = (Vec::<String>::new(), Vec::new());
    for (leaf, column) in schema.columns().iter().enumerate() {
        let root = schema.get_column_root(leaf);
        let name = root.name();
        let nested = !root.is_primitive() || column.max_rep_level() > 0;
        if nested && names.last().is_some_and(|last| last == name) {
            continue;
        }
        if names.iter().any(|other| other == name) {
            return Err(format!(
                "has two columns named `{}`; rename one",
                shown(name)
            ));
        }
        names.push(name.to_owned());
        leaves.push(match nested {
            false => Ok(leaf),
            true => Err(format!(
                "column `{}` is nested, and each cell has to be one number or one text; leave it out, or make a column of each of its parts",
                shown(name)
            )),
        });
    }
    if names.is_empty() {
        return Err("has no columns; write it again".to_owned());
    }
    Ok((names, leaves))
}

impl Parquet {
    /// Reads the columns `wanted` of the next rows, `n_rows` at most.
    fn cells(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Parsed<Cells> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let mut columns = Vec::with_capacity(wanted.len());
        for (column, kind) in wanted {
            let leaf = self.leaves[*column].clone()?;
            let name = &self.names[*column];
            let meaning = Meaning::of(&schema.column(leaf))
                .map_err(|reason| format!("column `{}` {reason}", shown(name)))?;
            columns.push(Column::new(name, leaf, meaning, *kind));
        }
        let place = &mut self.place;
        let mut cells = Cells {
            first_row: place.n_rows,
            ..Cells::default()
        };
        while cells.n_rows < n_rows {
            let mut group = match place.group.take() {
                Some(group) => group,
                None if place.n_groups == self.reader.num_row_groups() => break,
                None => {
                    place.n_groups += 1;
                    opened(&self.reader, place.n_groups - 1, &columns)?
                }
            };
            let n_read = group.n_left.min(n_rows - cells.n_rows);
            group.n_left -= n_read;
            read_rows(&mut group, &mut columns, n_read, &mut cells)?;
            place.n_rows += n_read;
            place.group = (group.n_left > 0).then_some(group);
        }
        let is_at_end = place.group.is_none() && place.n_groups == self.reader.num_row_groups();
        if place.n_rows == 0 && is_at_end {
            return Err("has no rows; at least one is needed".to_owned());
        }
        for column in columns {
            cells.n_empty.push(column.n_empty);
            cells.texts.push(column.into_texts());
        }
        Ok(cells)
    }
}

/// Begins to read the group `number`.
fn opened(
    reader: &SerializedFileReader<Source>,
    number: usize,
    columns: &[Column<'_>],
) -> Parsed<Group> {
    let group = reader.get_row_group(number);
    let group = group.map_err(|error| damaged(&error))?;
    let n_rows = group.metadata().num_rows();
    let n_left = usize::try_from(n_rows).map_err(|error| damaged(&error))?;
    for column in columns {
        let chunk = group.metadata().column(column.leaf);
        check_codec(column, chunk.compression())?;
        let first_page = chunk
            .dictionary_page_offset()
            .unwrap_or(chunk.data_page_offset());
        if first_page < 0 || chunk.compressed_size() < 0 {
            return Err(damaged(&"a column begins before the file"));
        }
    }
    let readers = columns.iter().map(|column| {
        contained(|| {
            let reader = group.get_column_reader(column.leaf);
            reader.map_err(|error| damaged(&error))
        })
    });
    Ok(Group {
        readers: readers.collect::<Parsed<_>>()?,
        n_left,
    })
}

/// Reads `n_rows` rows of the columns side by side, then puts their cells into rows behind those of `cells`.
fn read_rows(
    group: &mut Group,
    columns: &mut [Column<'_>],
    n_rows: usize,
    cells: &mut Cells,
) -> Parsed<()> {
    let first = cells.first_row + cells.n_rows;
    let is_last = group.n_left == 0;
    let read: Vec<Parsed<()>> = columns
        .par_iter_mut()
        .zip(&mut group.readers)
        .map(|(column, reader)| contained(|| column.read(reader, n_rows, is_last, first)))
        .collect();
    // The first column's error, whichever thread was first.
    read.into_iter().collect::<Parsed<()>>()?;
    let width = columns.len();
    let mut values = zeros(n_rows, width)?;
    let rows_per_piece = (PIECE / width.max(1)).max(1);
    let pieces = values
        .par_chunks_mut(rows_per_piece * width.max(1))
        .enumerate();
    pieces.for_each(|(piece, to)| {
        for (place, column) in columns.iter().enumerate() {
            let from = &column.values[piece * rows_per_piece..];
            for (row, value) in to.chunks_exact_mut(width).zip(from) {
                row[place] = *value;
            }
        }
    });
    match cells.values.is_empty() {
        true => cells.values = values,
        false => cells.values.extend(values),
    }
    cells.n_rows += n_rows;
    Ok(())
}

impl Table for Parquet {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn spans(&mut self) -> Option<&mut dyn Spans> {
        Some(self)
    }

    fn read(&mut self, wanted: &[(usize, Kind)]) -> Result<Cells> {
        self.place = Place::default();
        self.cells(wanted, usize::MAX)
            .map_err(|reason| Error::table(&self.path, reason))
    }
}

impl Spans for Parquet {
    fn is_at_end(&self) -> bool {
        self.place.group.is_none() && self.place.n_groups == self.reader.num_row_groups()
    }

    fn next_span(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Cells> {
        let cells = self.cells(wanted, n_rows);
        let cells = cells.map_err(|reason| Error::table(&self.path, reason))?;
        self.source.renew()?;
        Ok(cells)
    }
}

fn check_codec(column: &Column<'_>, codec: Compression) -> Parsed<()> {
    match codec {
        Compression::UNCOMPRESSED
        | Compression::SNAPPY
        | Compression::GZIP(_)
        | Compression::LZ4
        | Compression::LZ4_RAW => Ok(()),
        Compression::ZSTD(_) | Compression::BROTLI(_) | Compression::LZO => Err(format!(
            "column `{}` is compressed by {}, and snappy, gzip, lz4 and none are read; write it with compression='snappy', as df.to_parquet(FILE, compression='snappy') does",
            shown(column.name),
            match codec {
                Compression::ZSTD(_) => "zstd",
                Compression::BROTLI(_) => "brotli",
                _ => "lzo",
            }
        )),
    }
}
