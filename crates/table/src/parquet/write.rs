//! Writes Parquet files, a group of rows at a time.

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Some rows of a column; those of one column are all of one variant.
#[derive(Clone, Debug)]
pub(crate) enum Values<'a> {
    /// NaN is an empty cell.
    F32(Vec<f32>),
    F64(Vec<f64>),
    /// Codes, NaN an empty cell, and the text of each code.
    Texts(Vec<f32>, &'a [String]),
}

/// A file that is written.
pub(crate) struct Writer<'f> {
    file: SerializedFileWriter<&'f File>,
}

impl<'f> Writer<'f> {
    /// Begins a file of columns with these names and values like these, of which a column may have empty cells.
    pub(crate) fn new(file: &'f File, columns: &[(&str, Values<'_>, bool)]) -> io::Result<Self> {
        let mut fields = Vec::with_capacity(columns.len());
        for (name, values, may_be_empty) in columns {
            let (physical, logical) = match values {
                Values::F32(_) => (Physical::FLOAT, None),
                Values::F64(_) => (Physical::DOUBLE, None),
                Values::Texts(..) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            let repetition = match may_be_empty {
                true => Repetition::OPTIONAL,
                false => Repetition::REQUIRED,
            };
            let field = Type::primitive_type_builder(name, physical)
                .with_logical_type(logical)
                .with_repetition(repetition)
                .build()
                .map_err(failed)?;
            fields.push(Arc::new(field));
        }
        let schema = Type::group_type_builder("schema")
            .with_fields(fields)
            .build();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("neuralnet".to_owned())
            .build();
        let schema = Arc::new(schema.map_err(failed)?);
        let file = SerializedFileWriter::new(file, schema, Arc::new(properties));
        Ok(Self {
            file: file.map_err(failed)?,
        })
    }

    /// Writes a group of rows, every column's.
    pub(crate) fn write(&mut self, columns: &[Values<'_>]) -> io::Result<()> {
        let mut group = self.file.next_row_group().map_err(failed)?;
        for values in columns {
            let column = group.next_column().map_err(failed)?;
            let column = column.ok_or_else(|| io::Error::other("more columns than names"))?;
            match values {
                Values::F64(values) => put::<DoubleType>(column, values, None),
                Values::F32(values) => {
                    let (values, levels) = present(values, |x| x);
                    put::<FloatType>(column, &values, levels.as_deref())
                }
                Values::Texts(codes, texts) => {
                    let texts: Vec<ByteArray> =
                        texts.iter().map(|text| text.as_str().into()).collect();
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "codes are whole numbers from 0"
                    )]
                    let (values, levels) = present(codes, |code| texts[code as usize].clone());
                    put::<ByteArrayType>(column, &values, levels.as_deref())
                }
            }
            .map_err(failed)?;
        }
        group.close().map_err(failed)?;
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.close().map_err(failed)?;
        Ok(())
    }
}

/// The values that are not empty cells, and for each row whether there is one.
fn present<T>(values: &[f32], of: impl Fn(f32) -> T) -> (Vec<T>, Option<Vec<i16>>) {
    let full = values.iter().filter(|value| !value.is_nan());
    let full = full.map(|value| of(*value)).collect();
    let levels = values.iter().map(|value| i16::from(!value.is_nan()));
    (full, Some(levels.collect()))
}

fn put<T: DataType>(
    mut column: SerializedColumnWriter<'_>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    // Of a column without empty cells the levels are not asked for.
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
