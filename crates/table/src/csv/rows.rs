//! The rows of the pieces of a CSV file, one after the other.

use super::piece::{Fault, Piece, Texts};
use crate::table::{Cells, MAX_TEXTS};

/// Why reading ended early.
pub(super) enum Stop {
    Fault(Fault),
    /// Too many texts in this column of the values.
    Texts(usize),
    /// As many bytes are not to be had.
    Memory(u64),
}

/// The rows of the pieces so far.
pub(super) struct Rows {
    pub(super) cells: Cells,
    width: usize,
    texts: Vec<Texts<'static>>,
    pub(super) n_lines: u64,
}

impl Rows {
    /// Of `width` values each, with room for `n_values`, after `n_lines` lines.
    pub(super) fn new(width: usize, n_lines: u64, n_values: usize) -> Result<Self, Stop> {
        // Zeros that the system gives as they are needed, to the thread that reads a piece.
        let values = bytemuck::allocation::try_zeroed_vec(n_values);
        Ok(Self {
            cells: Cells {
                n_empty: vec![0; width],
                values: values.map_err(|()| Stop::Memory(4 * n_values as u64))?,
                ..Cells::default()
            },
            width,
            texts: (0..width).map(|_| Texts::default()).collect(),
            n_lines,
        })
    }

    pub(super) fn placed(&self, fault: Fault) -> Fault {
        Fault {
            line: self.n_lines + fault.line,
            ..fault
        }
    }

    /// Takes on the rows of a piece, whose values stand from `start` on.
    pub(super) fn append(&mut self, piece: &Piece<'_>, start: usize) -> Result<(), Stop> {
        let cells = &mut self.cells;
        let n_values = piece.n_rows * self.width;
        for (slot, texts) in piece.texts.iter().enumerate() {
            let all = &mut self.texts[slot];
            let codes = texts.texts.iter();
            let codes: Vec<usize> = codes
                .map(|text| all.code(text.clone().into_owned().into()))
                .collect();
            if all.texts.len() > MAX_TEXTS {
                return Err(Stop::Texts(slot));
            }
            let values = cells.values[start..][..n_values].iter_mut();
            recode(values.skip(slot).step_by(self.width), &codes);
        }
        // Behind the rows before, where blank lines were among them.
        let end = cells.n_rows * self.width;
        if end < start {
            cells.values.copy_within(start..start + n_values, end);
        }
        cells.lines.append(&piece.lines, cells.n_rows, self.n_lines);
        cells.n_rows += piece.n_rows;
        for (all, n_empty) in cells.n_empty.iter_mut().zip(&piece.n_empty) {
            *all += n_empty;
        }
        self.n_lines += piece.n_lines;
        Ok(())
    }

    pub(super) fn cells(mut self) -> Cells {
        let texts = self.texts.into_iter();
        self.cells.values.truncate(self.cells.n_rows * self.width);
        self.cells.texts = texts
            .map(|texts| texts.texts.into_iter().map(String::from).collect())
            .collect();
        self.cells
    }
}

/// Puts the codes of all pieces in the place of one's own.
fn recode<'v>(values: impl Iterator<Item = &'v mut f32>, codes: &[usize]) {
    if codes.iter().enumerate().all(|(own, code)| own == *code) {
        return;
    }
    for value in values.filter(|value| !value.is_nan()) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "codes are whole numbers below 2²⁴"
        )]
        let code = codes[*value as usize] as f32;
        *value = code;
    }
}
