//! Tables as data sets, and CSV files as tables.

use super::columns::{Columns, Wanted};
use super::csv::Lines;
use super::table::{Cells, Kind, NO_NUMBER, Table};
use super::texts::Texts;
use super::{Classes, Dataset, Rows};
use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use std::path::{Path, PathBuf};

/// The data set of the columns `wanted`.
pub(super) fn dataset(path: &Path, table: &mut dyn Table, wanted: Wanted<'_>) -> Result<Dataset> {
    let fail = |problem| Error::Table {
        path: path.to_owned(),
        problem,
    };
    let columns = Columns::new(table.names().to_vec(), wanted).map_err(fail)?;
    let number = |column: &usize| (*column, Kind::Number);
    let inputs: Vec<_> = columns.inputs.iter().map(number).collect();
    let inputs = table.read(&inputs)?;
    let either = |column: &usize| (*column, Kind::Either);
    let targets: Vec<_> = columns.targets.iter().map(either).collect();
    let mut targets = match targets.as_slice() {
        [] => Cells::default(),
        targets => table.read(targets)?,
    };
    let mut names = columns.named(&columns.targets);
    let mut classes = None;
    if let [texts] = targets.texts.as_slice()
        && !texts.is_empty()
    {
        let mut sorted = texts.clone();
        sorted.sort();
        let codes: Vec<usize> = texts
            .iter()
            .map(|text| sorted.binary_search(text).expect("one of them"))
            .collect();
        let column = names[0].clone();
        // Of two, one target for the second.
        let first = usize::from(sorted.len() == 2);
        if first == 0 {
            let classes = sorted.iter();
            names = classes.map(|class| format!("{column}={class}")).collect();
        }
        let code = |value: &f32| {
            codes
                .iter()
                .zip(0_u16..)
                .find(|(_, of)| f32::from(*of).to_bits() == value.to_bits())
        };
        let of = |value| code(value).map(|(code, _)| *code);
        let rows = targets.values.iter().map(of);
        targets.values = rows
            .flat_map(|code| {
                (first..sorted.len()).map(move |class| f32::from(u8::from(Some(class) == code)))
            })
            .collect();
        classes = Some(Classes {
            column,
            names: sorted,
        });
    }
    let rows = Rows::Stored {
        inputs: inputs.values,
        targets: targets.values,
        lines: inputs.lines,
    };
    let input_names = columns.named(&columns.inputs);
    let source = path.display().to_string();
    let dataset = Dataset::of(source, inputs.n_rows, input_names, names, rows);
    Ok(Dataset { classes, ..dataset })
}

/// A CSV file, read as a whole.
pub(super) struct Csv {
    path: PathBuf,
    names: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl Csv {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let fail = |problem| Error::Table {
            path: path.to_owned(),
            problem,
        };
        let file = std::fs::File::open(path).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })?;
        let gzip = path.extension().is_some_and(|extension| extension == "gz");
        let reader: Box<dyn std::io::Read> = match gzip {
            true => Box::new(MultiGzDecoder::new(file)),
            false => Box::new(file),
        };
        let mut reader = csv::Reader::from_reader(reader);
        let names = reader.headers().map_err(|error| fail(error.to_string()))?;
        let names = names.iter().map(str::to_owned).collect();
        let rows: std::result::Result<_, _> = reader.records().collect();
        Ok(Self {
            path: path.to_owned(),
            names,
            rows: rows.map_err(|error| fail(error.to_string()))?,
        })
    }
}

impl Table for Csv {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, wanted: &[(usize, Kind)]) -> Result<Cells> {
        let width = wanted.len();
        let mut cells = Cells {
            n_rows: self.rows.len(),
            values: vec![0.0; self.rows.len() * width],
            texts: vec![Vec::new(); width],
            n_empty: vec![0; width],
            lines: Lines::default(),
        };
        for (at, (column, kind)) in wanted.iter().enumerate() {
            let numbers = self
                .rows
                .iter()
                .all(|row| row[*column].is_empty() || row[*column].parse::<f32>().is_ok());
            let mut texts = Texts::default();
            for (row, record) in self.rows.iter().enumerate() {
                let text = &record[*column];
                cells.values[row * width + at] = match text {
                    "" => {
                        cells.n_empty[at] += 1;
                        f32::NAN
                    }
                    text if *kind == Kind::Text || (*kind == Kind::Either && !numbers) => {
                        texts.code(text).expect("few")
                    }
                    text => text.parse().map_err(|_| Error::Table {
                        path: self.path.clone(),
                        problem: format!("row {row}: `{text}` {NO_NUMBER}"),
                    })?,
                };
            }
            cells.texts[at] = texts.into_inner();
        }
        Ok(cells)
    }
}
