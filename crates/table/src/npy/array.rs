//! The cells of arrays whose values are not used in place: every type, order and number of columns.

use super::element::Element;
use super::header::Header;
use crate::columns::shown;
use crate::table::{Cells, Kind, NOT_A_NUMBER};
use crate::texts::Texts;
use rayon::prelude::*;

/// Numbers that one thread reads at a time.
const PIECE: usize = 1 << 16;

/// The place of a column in each row that is written, its number, and what its cells may be.
pub(crate) type Placed = (usize, (usize, Kind));

/// Rows and columns of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Array<'a> {
    pub(crate) values: &'a [u8],
    pub(crate) element: Element,
    pub(crate) fortran_order: bool,
    /// Rows of the values before its own.
    pub(crate) first_row: usize,
    pub(crate) n_rows: usize,
    /// Rows of the values.
    pub(crate) all_rows: usize,
    pub(crate) width: usize,
}

impl<'a> Array<'a> {
    /// Of the file whose bytes are `file`; what is wrong with it, and what to do, where it is none.
    pub(crate) fn of(file: &'a [u8]) -> Result<Self, String> {
        let header = Header::read(file)?;
        let (n_rows, width) = header.table()?;
        Ok(Self {
            values: &file[header.offset..],
            element: header.element,
            fortran_order: header.fortran_order,
            first_row: 0,
            n_rows,
            all_rows: n_rows,
            width,
        })
    }

    fn cell(&self, row: usize, column: usize) -> &'a [u8] {
        let row = self.first_row + row;
        let at = match self.fortran_order {
            false => row * self.width + column,
            true => column * self.all_rows + row,
        };
        &self.values[at * self.element.bytes()..]
    }

    /// The cells of the columns `wanted`; `names` are those of all columns.
    ///
    /// # Errors
    /// As [`Array::read`].
    pub(crate) fn cells(
        &self,
        wanted: &[(usize, Kind)],
        names: &[String],
    ) -> Result<Cells, String> {
        let mut values = zeros(self.n_rows, wanted.len())?;
        let placed: Vec<Placed> = wanted.iter().copied().enumerate().collect();
        let texts = self.read(&placed, names, &mut values, wanted.len())?;
        Ok(Cells {
            first_row: self.first_row,
            n_rows: self.n_rows,
            values,
            texts,
            n_empty: vec![0; wanted.len()],
            ..Cells::default()
        })
    }

    /// Writes the columns `wanted` into the rows of `to`, which are `stride` long; `names` are those of all columns
    /// of this array. Gives the texts of each.
    ///
    /// # Errors
    /// Of the first cell that is not a finite f32 where one is wanted: its row, its column, and the remedy.
    pub(crate) fn read(
        &self,
        wanted: &[Placed],
        names: &[String],
        to: &mut [f32],
        stride: usize,
    ) -> Result<Vec<Vec<String>>, String> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let is_text = |kind| kind == Kind::Text || (self.element.is_text() && kind == Kind::Either);
        let is_number = |(_, (_, kind)): &&Placed| !is_text(*kind);
        let numbers: Vec<Placed> = wanted.iter().filter(is_number).copied().collect();
        self.read_numbers(&numbers, names, to, stride)?;
        let mut all_texts = vec![Vec::new(); wanted.len()];
        for (of_column, (place, (column, kind))) in all_texts.iter_mut().zip(wanted) {
            if is_text(*kind) {
                let to = to.iter_mut().skip(*place).step_by(stride);
                *of_column = self.read_texts(*column, to).map_err(|(row, reason)| {
                    let row = self.first_row + row;
                    format!("row {row}, column `{}`: {reason}", shown(&names[*column]))
                })?;
            }
        }
        Ok(all_texts)
    }

    fn read_numbers(
        &self,
        wanted: &[Placed],
        names: &[String],
        to: &mut [f32],
        stride: usize,
    ) -> Result<(), String> {
        let rows_per_piece = (PIECE / stride).max(1);
        let pieces = to.par_chunks_mut(rows_per_piece * stride).enumerate();
        let wrong = pieces.filter_map(|(piece, to)| {
            let mut wrong = None;
            for (row, to) in (piece * rows_per_piece..).zip(to.chunks_exact_mut(stride)) {
                for (place, (column, _)) in wanted {
                    let number = self.element.number(self.cell(row, *column));
                    to[*place] = number;
                    if !number.is_finite() && wrong.is_none() {
                        wrong = Some((row, *column));
                    }
                }
            }
            wrong
        });
        match wrong.min() {
            Some((row, column)) => Err(self.no_number(row, column, &names[column])),
            None => Ok(()),
        }
    }

    fn read_texts<'t>(
        &self,
        column: usize,
        to: impl Iterator<Item = &'t mut f32>,
    ) -> Result<Vec<String>, (usize, String)> {
        let mut texts = Texts::default();
        for (row, to) in to.enumerate() {
            let text = self.element.text(self.cell(row, column));
            let text = text.ok_or_else(|| (row, "is not a text; write it again".to_owned()))?;
            *to = texts.code(&text).map_err(|reason| (row, reason))?;
        }
        Ok(texts.into_inner())
    }

    fn no_number(&self, row: usize, column: usize, name: &str) -> String {
        let text = self.element.text(self.cell(row, column));
        let text = text.unwrap_or_else(|| "bytes that are not a text".to_owned());
        let text = shown(&text);
        let row = self.first_row + row;
        let why = if self.element.is_text() {
            return format!(
                "row {row}, column `{}`: `{text}` {NOT_A_NUMBER}",
                shown(name)
            );
        } else if text.parse().is_ok_and(f64::is_finite) && self.element.bytes() == 1 {
            "is neither 0 nor 1, which a bool has to be; write it again".to_owned()
        } else if text.parse().is_ok_and(f64::is_finite) {
            format!(
                "is too large for f32, whose largest is {:e}; rescale the column",
                f32::MAX
            )
        } else {
            "is not finite; every value must be, and X[numpy.isfinite(X).all(axis=1)] keeps the rows that are".to_owned()
        };
        format!("row {row}, column `{}`: {text} {why}", shown(name))
    }
}

/// So many rows of numbers, where the memory is granted.
pub(crate) fn zeros(n_rows: usize, width: usize) -> Result<Vec<f32>, String> {
    let mut values = Vec::new();
    let count = n_rows.checked_mul(width);
    let granted = count.is_some_and(|count| values.try_reserve_exact(count).is_ok());
    if !granted {
        return Err(format!(
            "needs the memory of {n_rows} rows of {width} numbers, which this machine does not grant; take fewer rows"
        ));
    }
    values.resize(n_rows * width, 0.0);
    Ok(values)
}
