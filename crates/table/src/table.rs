//! The columns of a table that are used, in memory: features, then targets, then the weight of the samples.

use crate::error::{Error, Place, Remedy, Result, in_order, listed};
use crate::numerals::pointed;
use crate::reader::{Batch, Kind, Reader};
use crate::time::time;
use crate::values::{self, Refused};
use crate::wide;
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, LargeStringArray};
use arrow_schema::DataType;
use arrow_select::filter::filter;
use neuralnet::data::{Lines, Time};
use rayon::prelude::*;

/// Columns in batches of consecutive rows.
pub(crate) struct Table {
    /// Where it comes from, as it was named.
    pub(crate) source: String,
    /// Of the columns.
    pub(crate) names: Vec<String>,
    pub(crate) batches: Vec<Batch>,
    pub(crate) n_rows: usize,
    /// The texts that counted as missing cells, of each column.
    missing_texts: Vec<Vec<String>>,
    pub(crate) has_lines: bool,
    /// Whether decimals in texts have a comma.
    pub(crate) has_comma: bool,
}

impl Table {
    /// Reads the columns `wanted`, each with its kind, of the next rows, about `n_rows` of them. Every missing cell is
    /// a null.
    pub(crate) fn read(
        source: &str,
        reader: &mut dyn Reader,
        wanted: &[(usize, Kind)],
        n_rows: usize,
    ) -> Result<Self> {
        let names = wanted
            .iter()
            .map(|(column, _)| reader.columns().names[*column].clone());
        let names = names.collect();
        let mut batches = reader.read(wanted, n_rows)?;
        let missing_texts = wanted
            .iter()
            .map(|(column, _)| reader.missing_texts(*column));
        batches.par_iter_mut().for_each(|batch| {
            for cells in &mut batch.columns {
                *cells = values::without_nan(cells);
            }
        });
        Ok(Self {
            source: source.to_owned(),
            names,
            missing_texts: missing_texts.collect(),
            n_rows: batches.iter().map(|batch| batch.n_rows).sum(),
            has_lines: reader.columns().has_lines,
            has_comma: reader.columns().has_comma,
            batches,
        })
    }

    /// Refuses a table without rows.
    pub(crate) fn refuse_empty(&self) -> Result<()> {
        match self.n_rows {
            0 => Err(Error::at(
                self.place(),
                "has no rows; at least one is needed",
            )),
            _ => Ok(()),
        }
    }

    /// The cells of the column `column`, batch by batch.
    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = &ArrayRef> + Clone {
        self.batches.iter().map(move |batch| &batch.columns[column])
    }

    /// What the numbers of the column count, if it is of dates or times.
    pub(crate) fn time(&self, column: usize) -> Option<Time> {
        time(self.column(column).next()?.data_type()).map(|(time, _)| time)
    }

    /// What is taken first from the numbers of the column, so that they keep their digits as float64; those of rows
    /// that weigh nothing do not count.
    pub(crate) fn base(&self, column: usize, weights: Option<&[f64]>) -> f64 {
        wide::base(self.column(column), weights)
    }

    /// The differences of the numbers of the column from `offset`, one array for each batch.
    ///
    /// # Errors
    /// If a cell is a text, which is named, or the column of a type without numbers.
    pub(crate) fn differences(&self, column: usize, offset: f64) -> Result<Vec<Float64Array>> {
        self.cells(column, |cells| wide::differences(cells, offset))
    }

    /// The column as texts, one array for each batch.
    ///
    /// # Errors
    /// If the column is of a type without texts.
    pub(crate) fn texts(&self, column: usize) -> Result<Vec<LargeStringArray>> {
        self.cells(column, values::texts)
    }

    fn cells<T: Send>(
        &self,
        column: usize,
        convert: impl Fn(&ArrayRef) -> std::result::Result<T, Refused> + Sync,
    ) -> Result<Vec<T>> {
        in_order(self.batches.par_iter().map(|batch| {
            let refused = |refused| self.refused(batch, column, refused);
            convert(&batch.columns[column]).map_err(refused)
        }))
    }

    /// The finite number that a text is.
    pub(crate) fn number(&self, text: &str) -> Option<f64> {
        let number = pointed(text, self.has_comma).parse();
        number.ok().filter(|number: &f64| number.is_finite())
    }

    /// The error of a column that cannot be taken as asked for.
    pub(crate) fn refused(&self, batch: &Batch, column: usize, refused: Refused) -> Error {
        let place = refused
            .row
            .map_or_else(|| self.place(), |row| self.place_in(batch, row));
        Error::Table {
            place: Box::new(place.column(&self.names[column])),
            reason: refused.reason,
            is_text: refused.is_text,
            remedies: Vec::new(),
        }
    }

    /// The table as a whole.
    pub(crate) fn place(&self) -> Place {
        Place::of(&self.source)
    }

    /// A row of a batch.
    pub(crate) fn place_in(&self, batch: &Batch, row: usize) -> Place {
        let at = batch.places.line(row);
        let row = at.and_then(|row| usize::try_from(row).ok());
        Place {
            line: at.filter(|_| self.has_lines),
            row: row.filter(|_| !self.has_lines),
            ..self.place()
        }
    }

    /// The cell in the row `row`, counted over all batches, of the column `column`.
    pub(crate) fn cell(&self, row: usize, column: usize) -> Place {
        let mut row = row;
        for batch in &self.batches {
            if row < batch.n_rows {
                return self.place_in(batch, row).column(&self.names[column]);
            }
            row -= batch.n_rows;
        }
        self.place().column(&self.names[column])
    }

    /// Where all rows stand in a file of lines.
    pub(crate) fn lines(&self) -> Lines {
        let (mut lines, mut row) = (Lines::default(), 0);
        let batches = self.batches.iter().filter(|_| self.has_lines);
        for batch in batches {
            lines.append(&batch.places, row, 0);
            row += batch.n_rows;
        }
        lines
    }

    /// Which rows have all cells of the columns `columns`.
    pub(crate) fn complete_rows(&self, columns: std::ops::Range<usize>) -> Vec<bool> {
        let mut complete = Vec::with_capacity(self.n_rows);
        for batch in &self.batches {
            let used = batch.columns[columns.clone()].iter();
            let nulls: Vec<_> = used.filter_map(|cells| cells.logical_nulls()).collect();
            let is_there = |row: usize| nulls.iter().all(|nulls| nulls.is_valid(row));
            complete.extend((0..batch.n_rows).map(is_there));
        }
        complete
    }

    /// Leaves out the rows that are not `kept`, and returns how many there were.
    pub(crate) fn keep(&mut self, kept: &[bool]) -> Result<usize> {
        let before = self.n_rows;
        let mut rest = kept;
        for batch in &mut self.batches {
            let (kept, later) = rest.split_at(batch.n_rows);
            rest = later;
            let n_kept = kept.iter().filter(|is_kept| **is_kept).count();
            if n_kept == batch.n_rows {
                continue;
            }
            let mut places = Lines::default();
            let rows = (0..batch.n_rows).filter(|row| kept[*row]);
            for (new, row) in rows.enumerate() {
                places.push(new, batch.places.line(row).unwrap_or_default());
            }
            let kept = BooleanArray::from(kept.to_vec());
            let filtered = batch.columns.iter().map(|column| filter(column, &kept));
            batch.columns = filtered
                .collect::<std::result::Result<_, _>>()
                .map_err(|error| {
                    let reason = format!("rows cannot be left out ({error})");
                    Error::at(Place::of(&self.source), reason)
                })?;
            (batch.places, batch.n_rows) = (places, n_kept);
        }
        self.n_rows = self.batches.iter().map(|batch| batch.n_rows).sum();
        Ok(before - self.n_rows)
    }

    /// The error `reason` of missing cells in a column, at `place`; of a column of texts, which of them count as missing.
    pub(crate) fn missing_error(&self, place: Place, column: usize, reason: String) -> Error {
        let mut types = self.column(column).map(|cells| cells.data_type());
        let texts = &self.missing_texts[column];
        if texts.is_empty() || !types.all(DataType::is_string) {
            return Error::at(place, reason);
        }
        let count = if texts.len() == 1 { "counts" } else { "count" };
        let reason = format!("{reason}; {} {count} as missing", listed(texts));
        let effect = "(an empty list) keeps such texts";
        Error::at(place, reason).or(Remedy::new("missing", "", effect))
    }

    /// The first missing cell of a column, and how many there are.
    pub(crate) fn missing(&self, column: usize) -> Option<(Place, usize)> {
        let mut found = None;
        for batch in &self.batches {
            let nulls = batch.columns[column].logical_nulls();
            if let Some(nulls) = nulls
                && let Some(row) = nulls.iter().position(|is_valid| !is_valid)
            {
                let place = || self.place_in(batch, row).column(&self.names[column]);
                found.get_or_insert_with(|| (place(), 0)).1 += nulls.null_count();
            }
        }
        found
    }
}
