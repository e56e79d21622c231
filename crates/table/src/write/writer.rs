//! Tables to files, a group of rows at a time. The bytes of a file do not depend on how its rows are grouped.

use super::text;
use crate::error::Error;
use crate::npy::Header;
use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_select::coalesce::BatchCoalescer;
use flate2::write::GzEncoder;
use rayon::prelude::*;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;
use std::sync::Arc;

/// Rows that one thread makes text or bytes of at a time.
const PIECE_ROWS: usize = 1 << 12;
/// Most rows and most cells of a group of rows of a Parquet file.
const PARQUET_ROWS: usize = 1 << 20;
const PARQUET_CELLS: usize = 1 << 26;
/// Rows of a group of any other: those of a batch of a Feather file as other programs write it.
const GROUP_ROWS: usize = 1 << 16;

/// What a table is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    CsvGzip,
    CsvZstd,
    /// An array of the one type that all columns have: `Float32`, `Float64` or `Int64`.
    Npy,
    Parquet,
    Feather,
}

impl Format {
    /// The format that the name of the file `path` says, if it is one of these.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        let endings = [
            (".csv", Self::Csv),
            (".csv.gz", Self::CsvGzip),
            (".csv.zst", Self::CsvZstd),
            (".npy", Self::Npy),
            (".parquet", Self::Parquet),
            (".feather", Self::Feather),
            (".arrow", Self::Feather),
        ];
        let found = endings.iter().find(|(ending, _)| name.ends_with(ending));
        found.map(|(_, format)| *format)
    }
}

/// Refuses a pipe or a device for an array, whose length is written into its beginning at the end.
pub(crate) fn check_seekable(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() && !there.is_dir() => {
            let path = path.display();
            let reason = format!(
                "`{path}` is a pipe or a device, and an array needs a regular file; name one, or take .csv"
            );
            Err(Error::setting("output", reason))
        }
        _ => Ok(()),
    }
}

/// A table that is written.
pub(crate) struct TableWriter<'w> {
    out: Out<'w>,
    /// Rows that are not written: those of a group are written at once.
    unwritten: BatchCoalescer,
}

/// Where groups of rows go.
enum Out<'w> {
    Csv(Box<dyn Write + 'w>),
    CsvGzip(GzEncoder<BufWriter<&'w File>>),
    CsvZstd(zstd::Encoder<'static, BufWriter<&'w File>>),
    Npy(&'w File, usize),
    Parquet(Box<ArrowWriter<&'w File>>),
    Feather(Box<FileWriter<BufWriter<&'w File>>>),
}

impl<'w> TableWriter<'w> {
    /// Begins a file of columns like those of `schema`.
    pub(crate) fn begin(
        format: Format,
        mut file: &'w File,
        schema: &SchemaRef,
    ) -> io::Result<Self> {
        let buffered = BufWriter::with_capacity(1 << 20, file);
        let out = match format {
            Format::Csv => return Self::csv(Box::new(buffered), schema),
            Format::CsvGzip => {
                Out::CsvGzip(GzEncoder::new(buffered, flate2::Compression::default()))
            }
            Format::CsvZstd => Out::CsvZstd(zstd::Encoder::new(buffered, 0)?),
            Format::Npy => {
                file.write_all(&npy_header(schema, 0)?)?;
                Out::Npy(file, 0)
            }
            Format::Parquet => {
                let schema = &parquet_schema(schema);
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_created_by("neuralnet".to_owned())
                    .build();
                let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties));
                let writer = Box::new(writer.map_err(of_parquet)?);
                return Self::with(Out::Parquet(writer), schema);
            }
            Format::Feather => {
                let writer = FileWriter::try_new(buffered, schema);
                Out::Feather(Box::new(writer.map_err(of_arrow)?))
            }
        };
        Self::with(out, schema)
    }

    /// Begins lines of text.
    pub(crate) fn csv(out: Box<dyn Write + 'w>, schema: &SchemaRef) -> io::Result<Self> {
        Self::with(Out::Csv(out), schema)
    }

    fn with(mut out: Out<'w>, schema: &SchemaRef) -> io::Result<Self> {
        if let Some(lines) = out.lines() {
            lines.write_all(&text::header(schema)?)?;
        }
        let n_rows = match out {
            Out::Parquet(_) => PARQUET_ROWS.min(PARQUET_CELLS / schema.fields().len().max(1)),
            _ => GROUP_ROWS,
        };
        Ok(Self {
            out,
            unwritten: BatchCoalescer::new(schema.clone(), n_rows.max(1)),
        })
    }

    /// Takes the next rows, and writes the groups of rows that are whole.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let batch = as_schema(batch, &self.unwritten.schema()).map_err(io::Error::other)?;
        self.unwritten.push_batch(batch).map_err(io::Error::other)?;
        self.write_groups()
    }

    fn write_groups(&mut self) -> io::Result<()> {
        while let Some(group) = self.unwritten.next_completed_batch() {
            if let Some(lines) = self.out.lines() {
                in_pieces(&group, text::lines, lines)?;
            }
            match &mut self.out {
                Out::Npy(file, n_rows) => {
                    *n_rows += group.num_rows();
                    in_pieces(&group, rows, file)?;
                }
                Out::Parquet(writer) => {
                    writer.write(&group).map_err(of_parquet)?;
                    writer.flush().map_err(of_parquet)?;
                }
                Out::Feather(writer) => writer.write(&group).map_err(of_arrow)?,
                Out::Csv(_) | Out::CsvGzip(_) | Out::CsvZstd(_) => {}
            }
        }
        Ok(())
    }

    /// Writes what is left of the rows and of the file. Without it the file is not whole.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.unwritten
            .finish_buffered_batch()
            .map_err(io::Error::other)?;
        self.write_groups()?;
        match self.out {
            Out::Csv(mut lines) => lines.flush(),
            Out::CsvGzip(packed) => packed.finish()?.flush(),
            Out::CsvZstd(packed) => packed.finish()?.flush(),
            Out::Npy(mut file, n_rows) => {
                file.rewind()?;
                file.write_all(&npy_header(&self.unwritten.schema(), n_rows)?)
            }
            Out::Parquet(writer) => writer.close().map(drop).map_err(of_parquet),
            Out::Feather(mut writer) => {
                writer.finish().map_err(of_arrow)?;
                writer.get_mut().flush()
            }
        }
    }
}

impl Out<'_> {
    /// Where lines of text go.
    fn lines(&mut self) -> Option<&mut dyn Write> {
        match self {
            Self::Csv(lines) => Some(lines),
            Self::CsvGzip(packed) => Some(packed),
            Self::CsvZstd(packed) => Some(packed),
            Self::Npy(..) | Self::Parquet(_) | Self::Feather(_) => None,
        }
    }
}

/// What the system said, if that is why a Parquet file is not written.
fn of_parquet(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast() {
            Ok(of_system) => *of_system,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

/// What the system said, if that is why a Feather file is not written.
fn of_arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, of_system) => of_system,
        other => io::Error::other(other),
    }
}

/// The types of columns in Parquet, which has no times in seconds, nor dates in milliseconds.
fn parquet_schema(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Timestamp(TimeUnit::Second, zone) => {
                DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
            }
            DataType::Time32(TimeUnit::Second) => DataType::Time32(TimeUnit::Millisecond),
            DataType::Date64 => DataType::Date32,
            other => other.clone(),
        };
        Field::new(field.name(), data_type, field.is_nullable())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows with columns of the types of `schema`, which have to hold each value.
fn as_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    // A value beyond the type is an error, and not a null.
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(cells, field)| -> Result<ArrayRef, ArrowError> {
        let data_type = field.data_type();
        if cells.data_type() == data_type {
            return Ok(Arc::clone(cells));
        }
        let made = cast_with_options(cells, data_type, &strict)?;
        match *cast(&made, cells.data_type())? == **cells {
            true => Ok(made),
            false => Err(ArrowError::CastError(format!(
                "column `{}` has dates with a time of day, which .parquet does not hold; write .feather",
                field.name()
            ))),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)
}

fn npy_header(schema: &SchemaRef, n_rows: usize) -> io::Result<Vec<u8>> {
    let shape = [n_rows, schema.fields().len()];
    Ok(Header::bytes(descr(schema.field(0).data_type())?, &shape))
}

/// Makes bytes of rows on all cores, and writes them in order.
fn in_pieces(
    batch: &RecordBatch,
    make: impl Fn(&RecordBatch) -> io::Result<Vec<u8>> + Sync,
    out: &mut dyn Write,
) -> io::Result<()> {
    let starts: Vec<usize> = (0..batch.num_rows()).step_by(PIECE_ROWS).collect();
    // So many at a time that the memory of the pieces is small beside that of the rows.
    for starts in starts.chunks(4 * rayon::current_num_threads()) {
        let pieces = starts.par_iter().map(|start| {
            let n_rows = PIECE_ROWS.min(batch.num_rows() - start);
            make(&batch.slice(*start, n_rows))
        });
        for piece in pieces.collect::<Vec<_>>() {
            out.write_all(&piece?)?;
        }
    }
    Ok(())
}

/// The bytes of an array, row by row, whose columns are all of the type of the first.
pub(super) fn rows(batch: &RecordBatch) -> io::Result<Vec<u8>> {
    fn of<T: ArrowPrimitiveType<Native: bytemuck::Pod>>(batch: &RecordBatch) -> Option<Vec<u8>> {
        let columns = batch.columns().iter();
        let columns = columns.map(|column| Some(column.as_primitive_opt::<T>()?.values()));
        let columns = columns.collect::<Option<Vec<_>>>()?;
        let mut bytes =
            Vec::with_capacity(batch.num_rows() * columns.len() * size_of::<T::Native>());
        for row in 0..batch.num_rows() {
            for column in &columns {
                bytes.extend_from_slice(bytemuck::bytes_of(&column[row]));
            }
        }
        Some(bytes)
    }
    let bytes = match batch.column(0).data_type() {
        DataType::Float32 => of::<Float32Type>(batch),
        DataType::Float64 => of::<Float64Type>(batch),
        _ => of::<Int64Type>(batch),
    };
    bytes.ok_or_else(|| io::Error::other("the columns of an array are of several types"))
}

/// The type of an array as NumPy calls it.
pub(super) fn descr(data_type: &DataType) -> io::Result<&'static str> {
    match data_type {
        DataType::Float32 => Ok("<f4"),
        DataType::Float64 => Ok("<f8"),
        DataType::Int64 => Ok("<i8"),
        other => Err(io::Error::other(format!(
            "an array of {other} is not written"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, TableWriter};
    use arrow_array::{ArrayRef, Float64Array, RecordBatch};
    use std::fs::File;
    use std::sync::Arc;

    #[test]
    fn the_bytes_of_a_file_do_not_depend_on_how_its_rows_are_grouped() {
        let path = std::env::temp_dir().join(format!("{}-groups", std::process::id()));
        let numbers = (0..200_000_u32).map(|row| f64::from(row % 1000) / 7.0);
        let numbers: ArrayRef = Arc::new(Float64Array::from_iter_values(numbers));
        let table = RecordBatch::try_from_iter([("a", numbers.clone()), ("b", numbers)]).unwrap();
        for format in [
            Format::Csv,
            Format::CsvZstd,
            Format::Npy,
            Format::Parquet,
            Format::Feather,
        ] {
            let written = [200_000, 4096, 777].map(|n_rows| {
                let file = File::create(&path).unwrap();
                let mut writer = TableWriter::begin(format, &file, &table.schema()).unwrap();
                for start in (0..200_000).step_by(n_rows) {
                    let batch = table.slice(start, n_rows.min(200_000 - start));
                    writer.write(&batch).unwrap();
                }
                writer.finish().unwrap();
                std::fs::read(&path).unwrap()
            });
            assert!(
                written[0] == written[1] && written[0] == written[2],
                "{format:?}"
            );
        }
        std::fs::remove_file(path).unwrap();
    }
}
