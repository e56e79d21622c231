//! Tables from one format to another, every number the same f32.

use super::columns::shown;
use super::format::{self, Format};
use super::npy::Header;
use super::npz;
use super::parquet::{Values, Writer};
use super::table::{Cells, Kind};
use crate::error::{Error, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use neuralnet::atomic_file;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Most rows and most cells of one group of a Parquet file.
const GROUP_ROWS: usize = 1 << 20;
const GROUP_CELLS: usize = 1 << 26;

/// What [`convert`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// Rows.
    pub n_rows: usize,
    /// Columns.
    pub n_columns: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// What the format could not hold as it was: a sentence each.
    pub notices: Vec<String>,
}

/// Writes all columns of the table in the file `input` into the file `output`, both in the formats of their names;
/// `labels` names the file with the labels of one of pictures, where it is not beside it. The table is held in
/// memory, 4 bytes a cell. A file named `output` is replaced, and only once the new one is complete.
///
/// # Errors
/// Where `input` cannot be read or `output` not be written, or its format cannot hold the table.
pub fn convert(input: &Path, labels: Option<&Path>, output: &Path) -> Result<Converted> {
    let target = Target::of(output)?;
    let mut table = format::open(input, labels)?;
    // Labels of pictures are numbers where nothing else can be written.
    let kind = match (&target, Format::of(input)) {
        (Target::Npy, Format::Idx) => Kind::Number,
        _ => Kind::Either,
    };
    let names = table.names().to_vec();
    let wanted: Vec<_> = (0..names.len()).map(|column| (column, kind)).collect();
    let cells = table.read(&wanted)?;
    drop(table);
    let mut content = Content {
        names,
        cells,
        notices: Vec::new(),
    };
    let fits = content.fit(&target);
    fits.map_err(|reason| Error::table(input, reason))?;
    atomic_file::replace(output, |file| content.write(&target, file))?;
    let metadata = std::fs::metadata(output).map_err(|source| neuralnet::Error::Write {
        path: output.to_owned(),
        source,
    })?;
    Ok(Converted {
        n_rows: content.cells.n_rows,
        n_columns: content.names.len(),
        bytes: metadata.len(),
        notices: content.notices,
    })
}

/// A format that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Csv { gzip: bool },
    Npy,
    Npz,
    Parquet,
}

impl Target {
    fn of(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().to_ascii_lowercase();
        let endings = [
            (".csv", Self::Csv { gzip: false }),
            (".csv.gz", Self::Csv { gzip: true }),
            (".npy", Self::Npy),
            (".npz", Self::Npz),
            (".parquet", Self::Parquet),
        ];
        let target = endings.iter().find(|(ending, _)| name.ends_with(ending));
        target.map(|(_, target)| *target).ok_or_else(|| Error::Setting {
            flag: "OUT",
            reason: format!(
                "`{}` does not end in .csv, .csv.gz, .npy, .npz or .parquet, which are what is written",
                path.display()
            ),
        })
    }
}

/// A table in memory.
struct Content {
    names: Vec<String>,
    cells: Cells,
    notices: Vec<String>,
}

impl Content {
    /// Makes the table one that `target` can hold, and notes what is lost by it.
    fn fit(&mut self, target: &Target) -> std::result::Result<(), String> {
        match target {
            Target::Parquet => Ok(()),
            Target::Csv { .. } => self.fit_csv(),
            Target::Npy => {
                self.without_empty_cells(".npy")?;
                if let Some(column) = self.text_columns().next() {
                    return Err(format!(
                        "column `{}` is of texts, and .npy holds numbers alone; convert to .npz, .csv or .parquet",
                        shown(&self.names[column])
                    ));
                }
                let numbers = (0..self.names.len()).map(|column| column.to_string());
                if !numbers.eq(self.names.iter().cloned()) {
                    self.notices.push(
                        "the names of the columns are not kept: .npy has none, and numbers them from 0".to_owned(),
                    );
                }
                Ok(())
            }
            Target::Npz => {
                self.without_empty_cells(".npz")?;
                let last = self.names.len() - 1;
                match self
                    .text_columns()
                    .find(|column| *column != last || last == 0)
                {
                    None => Ok(()),
                    Some(column) => Err(format!(
                        "column `{}` is of texts, and in .npz only the last of several columns may be; convert to .csv or .parquet",
                        shown(&self.names[column])
                    )),
                }
            }
        }
    }

    fn without_empty_cells(&self, ending: &str) -> std::result::Result<(), String> {
        let width = self.names.len();
        let Some(at) = self.cells.values.iter().position(|value| value.is_nan()) else {
            return Ok(());
        };
        Err(format!(
            "row {}, column `{}`: the cell is empty, and {ending} has no empty cells; fill it, or convert to .csv or .parquet",
            at / width,
            shown(&self.names[at % width])
        ))
    }

    fn text_columns(&self) -> impl Iterator<Item = usize> {
        let texts = self.cells.texts.iter().enumerate();
        texts
            .filter(|(_, texts)| !texts.is_empty())
            .map(|(column, _)| column)
    }

    fn fit_csv(&mut self) -> std::result::Result<(), String> {
        for (name, texts) in self.names.iter().zip(&self.cells.texts) {
            if let Some(text) = texts.iter().find(|text| text.contains(['\n', '\r'])) {
                return Err(format!(
                    "column `{}` holds `{}`, a text of several lines, which a line of .csv cannot hold; convert to .parquet",
                    shown(name),
                    shown(text)
                ));
            }
            if let Some(text) = texts
                .iter()
                .find(|text| text.trim() != text.as_str() || text.is_empty())
            {
                self.notices.push(format!(
                    "column `{}` holds `{}`: .csv does not keep white space at the ends of a text, nor tell an empty text from an empty cell",
                    shown(name),
                    shown(text)
                ));
            }
            if !texts.is_empty() && texts.iter().all(|text| text.parse::<f32>().is_ok()) {
                self.notices.push(format!(
                    "column `{}` is of texts that are all numbers: .csv does not tell one from the other",
                    shown(name)
                ));
            }
        }
        if self.names.iter().all(|name| name.parse::<f32>().is_ok()) {
            self.names.iter_mut().for_each(|name| name.insert(0, 'x'));
            self.notices.push(format!(
                "the columns are named from `{}` on: a header of numbers would be taken for a row",
                self.names[0]
            ));
        }
        Ok(())
    }

    fn write(&self, target: &Target, file: &File) -> io::Result<()> {
        match target {
            Target::Csv { gzip: false } => self.write_csv(file),
            Target::Csv { gzip: true } => {
                let mut packed = GzEncoder::new(BufWriter::new(file), Compression::default());
                self.write_csv(&mut packed)?;
                packed.finish()?.flush()
            }
            Target::Npy => {
                let mut file = file;
                file.write_all(&Header::bytes("<f4", self.cells.n_rows, self.names.len()))?;
                file.write_all(bytemuck::cast_slice(&self.cells.values))
            }
            Target::Npz => npz::write(file, &self.names, &self.cells),
            Target::Parquet => self.write_parquet(file),
        }
    }

    fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut out = csv::Writer::from_writer(BufWriter::with_capacity(1 << 20, out));
        out.write_record(&self.names)?;
        for row in self.cells.values.chunks_exact(self.names.len()) {
            for (value, texts) in row.iter().zip(&self.cells.texts) {
                match (value.is_nan(), texts.is_empty()) {
                    (true, _) => out.write_field("")?,
                    (false, true) => out.write_field(digits(*value))?,
                    (false, false) => out.write_field(text(*value, texts))?,
                }
            }
            out.write_record(None::<&[u8]>)?;
        }
        out.flush()
    }

    fn write_parquet(&self, file: &File) -> io::Result<()> {
        let width = self.names.len();
        let values = |column: usize, first: usize, n_rows: usize| {
            let rows = self.cells.values[first * width..][..n_rows * width].chunks_exact(width);
            let values = rows.map(|row| row[column]).collect();
            match self.cells.texts[column].as_slice() {
                [] => Values::F32(values),
                texts => Values::Texts(values, texts),
            }
        };
        let columns = self.names.iter().enumerate();
        let columns: Vec<_> = columns
            .map(|(column, name)| {
                let may_be_empty = self.cells.n_empty[column] > 0;
                (name.as_str(), values(column, 0, 0), may_be_empty)
            })
            .collect();
        let mut writer = Writer::new(file, &columns)?;
        let rows = GROUP_ROWS.min(GROUP_CELLS / width).max(1);
        for first in (0..self.cells.n_rows).step_by(rows) {
            let n_rows = rows.min(self.cells.n_rows - first);
            let columns = (0..width).map(|column| values(column, first, n_rows));
            writer.write(&columns.collect::<Vec<_>>())?;
        }
        writer.finish()
    }
}

/// The fewest digits that give the number back.
fn digits(value: f32) -> String {
    let magnitude = value.abs();
    match magnitude == 0.0 || (1e-5..1e16).contains(&magnitude) {
        true => value.to_string(),
        false => format!("{value:e}"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "codes are whole numbers from 0"
)]
fn text(code: f32, texts: &[String]) -> &str {
    &texts[code as usize]
}
