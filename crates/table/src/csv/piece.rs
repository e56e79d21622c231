//! The rows of a piece of a file, which begins and ends where rows do.

use super::cell::{Cell, Dialect, Rows, closing_quote};
use crate::error::{Error, Place, Remedy, Result, shown};
use crate::reader::Kind;
use arrow_array::ArrayRef;
use arrow_array::builder::{Float64Builder, StringBuilder};
use memchr::{memchr, memchr_iter, memchr2, memrchr};
use neuralnet::data::Lines;
use std::sync::Arc;

/// Bytes that one thread reads at a time, to the end of a row.
const PIECE_BYTES: usize = 1 << 18;

/// Where a piece ends that begins with a row at `start`: behind about `PIECE_BYTES`, or behind line `n_lines` where no
/// quotes are open. Also how many lines were counted, which they are not if they need not be.
pub(super) fn end(text: &[u8], start: usize, n_lines: usize, dialect: &Dialect) -> (usize, usize) {
    let window = &text[start..text.len().min(start + PIECE_BYTES)];
    if n_lines == usize::MAX
        && memchr(b'"', window).is_none()
        && let Some(end) = memrchr(b'\n', window)
    {
        return (start + end + 1, 0);
    }
    let (mut at, mut n_counted) = (start, 0);
    while let Some(next) = memchr2(b'"', b'\n', &text[at..]).map(|next| at + next) {
        at = next + 1;
        if text[next] == b'\n' {
            n_counted += 1;
            if n_counted == n_lines || at - start >= PIECE_BYTES {
                return (at, n_counted);
            }
        } else if opens_cell(&text[start..next], dialect) {
            at = closing_quote(text, at).map_or(text.len(), |quote| quote + 1);
        }
    }
    (text.len(), n_counted)
}

/// Whether a quote after `before`, outside quotes, opens a cell: another one is a letter like any other.
fn opens_cell(before: &[u8], dialect: &Dialect) -> bool {
    let mut before = before.iter().rev();
    let last = before.find(|byte| !dialect.is_blank(**byte));
    last.is_none_or(|last| *last == dialect.separator || *last == b'\n')
}

/// The rows of a piece.
pub(super) struct Piece {
    /// Those that were asked for, in that order.
    pub(super) columns: Vec<ArrayRef>,
    /// How many cells of each of them are each of the words of the dialect; none of a column that stands before.
    pub(super) n_words: Vec<Vec<u64>>,
    pub(super) n_rows: usize,
    pub(super) n_lines: u64,
    /// Where the rows stand, from line 1 on.
    pub(super) lines: Lines,
}

impl Piece {
    /// Reads the columns `wanted` of all rows of `text`, of as many cells as there are `names`.
    ///
    /// # Errors
    /// If a row cannot be read, the first; its line is counted from the first of the piece, 1.
    pub(super) fn read(
        text: &[u8],
        dialect: &Dialect,
        names: &[String],
        wanted: &[(usize, Kind)],
    ) -> Result<Self> {
        let most_rows = memchr_iter(b'\n', text).count() + 1;
        let mut slots = vec![Vec::new(); names.len()];
        for (slot, (column, _)) in wanted.iter().enumerate() {
            slots[*column].push(slot);
        }
        let mut reading = Reading {
            rows: Rows::new(text, dialect),
            names,
            slots,
            cells: wanted
                .iter()
                .map(|(_, kind)| Cells::new(*kind, most_rows))
                .collect(),
            n_words: vec![vec![0; dialect.words.len()]; wanted.len()],
        };
        let (mut n_rows, mut lines) = (0, Lines::default());
        while reading.rows.skip_blank_lines() {
            lines.push(n_rows, reading.rows.n_lines + 1);
            reading.row()?;
            n_rows += 1;
        }
        Ok(Self {
            columns: reading.cells.into_iter().map(Cells::finish).collect(),
            n_words: reading.n_words,
            n_rows,
            n_lines: reading.rows.n_lines,
            lines,
        })
    }
}

/// The cells of a column.
enum Cells {
    Numbers(Float64Builder),
    Texts(StringBuilder),
}

impl Cells {
    fn new(kind: Kind, n_rows: usize) -> Self {
        match kind {
            Kind::Number => Self::Numbers(Float64Builder::with_capacity(n_rows)),
            Kind::Text | Kind::Own => Self::Texts(StringBuilder::with_capacity(n_rows, 0)),
        }
    }

    /// Adds a cell, and says which of the words it is.
    fn push(&mut self, cell: &Cell<'_>, dialect: &Dialect) -> Result<Option<usize>> {
        let text = cell.text().map_err(unplaced)?;
        let word = dialect.word(&text, matches!(self, Self::Numbers(_)));
        let stands_for = word.map(|word| dialect.words[word].truth);
        match self {
            Self::Texts(texts) if text.is_empty() || word.is_some() => texts.append_null(),
            Self::Texts(texts) => texts.append_value(text),
            Self::Numbers(numbers) if text.is_empty() => numbers.append_null(),
            Self::Numbers(numbers) => match stands_for.unwrap_or_else(|| dialect.number(&text)) {
                None if word.is_none() => return Err(not_a_number(&text, dialect)),
                value => numbers.append_option(value),
            },
        }
        Ok(word)
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Numbers(mut numbers) => Arc::new(numbers.finish()),
            Self::Texts(mut texts) => Arc::new(texts.finish()),
        }
    }
}

/// A piece as it is read.
struct Reading<'t> {
    rows: Rows<'t>,
    names: &'t [String],
    /// Where the cells of each column go.
    slots: Vec<Vec<usize>>,
    cells: Vec<Cells>,
    n_words: Vec<Vec<u64>>,
}

impl Reading<'_> {
    /// Reads the row that begins here.
    fn row(&mut self) -> Result<()> {
        let (start, line) = (self.rows.at, self.rows.n_lines);
        for column in 0..self.slots.len() {
            if let Err(error) = self.cell(column) {
                (self.rows.at, self.rows.n_lines) = (start, line);
                return Err(self.placed(error, column));
            }
        }
        Ok(())
    }

    /// Reads the cell that begins here, and what closes it; no error if that is missing.
    fn cell(&mut self, column: usize) -> std::result::Result<(), Option<Error>> {
        let is_last = column + 1 == self.slots.len();
        let (dialect, rows) = (self.rows.dialect, &mut self.rows);
        let text = rows.text;
        if dialect.is_plain
            && let [slot] = self.slots[column][..]
            && let Cells::Numbers(numbers) = &mut self.cells[slot]
            && let Some((value, end)) = plain_number(text, rows.at)
            && let Some(next) = closed(text, end, is_last, dialect)
        {
            numbers.append_value(value);
            rows.at = next;
            rows.n_lines += u64::from(is_last);
            return Ok(());
        }
        let cell = Cell::read(text, rows.at, dialect).map_err(unplaced)?;
        for (nth, slot) in self.slots[column].iter().enumerate() {
            let word = self.cells[*slot].push(&cell, dialect)?;
            if let (Some(word), 0) = (word, nth) {
                self.n_words[*slot][word] += 1;
            }
        }
        rows.at = closed(text, cell.end, is_last, dialect).ok_or(None)?;
        rows.n_lines += cell.n_line_ends as u64 + u64::from(is_last);
        Ok(())
    }

    /// What is wrong with the row that begins here: that it has another number of cells, before all else.
    #[cold]
    fn placed(&mut self, error: Option<Error>, column: usize) -> Error {
        let (line, n_columns) = (Some(self.rows.n_lines + 1), self.names.len());
        let n_cells = self.rows.row().map(|cells| cells.len());
        let mut placed = match (error, n_cells) {
            (Some(error), n_cells) if n_cells.is_err() || n_cells == Ok(n_columns) => error,
            (_, n_cells) => {
                let found = match n_cells {
                    Ok(n_cells) => format!("has {n_cells}"),
                    Err(reason) => format!("has a cell that {reason}, behind the last"),
                };
                return Error::at(
                    Place {
                        line,
                        ..Place::default()
                    },
                    format!(
                        "{found} of {n_columns} cells; every row needs as many as the first line has"
                    ),
                );
            }
        };
        if let Error::Table {
            place,
            is_text,
            remedies,
            ..
        } = &mut placed
        {
            place.line = line;
            place.column = Some(self.names[column].clone());
            // Categories need no remedy of a stray text, and numbers none of categories.
            *is_text &= self.is_mostly_text(column);
            remedies.retain(|remedy| !*is_text || remedy.setting != "missing");
        }
        placed
    }

    /// Whether at least half of the column's cells in this piece are neither missing nor numbers. If not, one of them is a
    /// mistake or a spelling of a missing cell, and no category.
    fn is_mostly_text(&self, column: usize) -> bool {
        let dialect = self.rows.dialect;
        let (mut n_numbers, mut n_texts) = (0, 0);
        for row in Rows::new(self.rows.text, dialect).map_while(std::result::Result::ok) {
            let cell = row.get(column).and_then(|cell| cell.text().ok());
            match cell.unwrap_or_default() {
                text if dialect.number(&text).is_some() => n_numbers += 1,
                text if text.is_empty() || dialect.word(&text, true).is_some() => {}
                _ => n_texts += 1,
            }
        }
        n_texts >= n_numbers
    }
}

fn unplaced(reason: impl Into<String>) -> Error {
    Error::at(Place::default(), reason)
}

/// The finite number that begins at `text[at]`, and where it ends. What follows it is the caller's to judge.
fn plain_number(text: &[u8], mut at: usize) -> Option<(f64, usize)> {
    while text.get(at) == Some(&b' ') {
        at += 1;
    }
    let (value, length) = fast_float2::parse_partial::<f64, _>(&text[at..]).ok()?;
    value.is_finite().then_some((value, at + length))
}

/// Where what follows a cell that ends at `at` begins, if it is closed: by a separator, the last one by the line's end.
fn closed(text: &[u8], mut at: usize, is_last: bool, dialect: &Dialect) -> Option<usize> {
    while text.get(at) == Some(&b' ') && dialect.separator != b' ' {
        at += 1;
    }
    match text.get(at) {
        Some(byte) if *byte == dialect.separator => (!is_last).then_some(at + 1),
        Some(b'\r') if matches!(text.get(at + 1), None | Some(b'\n')) => {
            is_last.then_some(text.len().min(at + 2))
        }
        Some(b'\n') => is_last.then_some(at + 1),
        Some(_) => None,
        None => is_last.then_some(at),
    }
}

/// What is wrong with a cell that is not a finite number.
#[cold]
fn not_a_number(text: &str, dialect: &Dialect) -> Error {
    let told = shown(text);
    let error = |reason| unplaced(format!("`{told}` {reason}"));
    let pointed = dialect.pointed(text);
    if pointed.parse::<f64>().is_ok() {
        return error(match text.contains(['n', 'N']) {
            true => "is not finite; every cell needs a finite number",
            false => "is beyond the largest number of 64 bits, 1.8e308; rescale the column",
        });
    }
    let mut error = error("is not a number");
    let comma = text
        .find(',')
        .filter(|_| pointed == text && !text.contains('.'));
    if let Some(comma) = comma
        && text.replace(',', ".").parse::<f64>().is_ok()
    {
        // `1,450` may as well be a thousand and more.
        let is_either = text.len() - comma == 4 && !text.starts_with(['0', '-', ',']);
        let effects = ["reads it", "takes the comma for a decimal point"];
        return error.or(Remedy::new("decimal", ",", effects[usize::from(is_either)]));
    }
    if let Error::Table { is_text, .. } = &mut error {
        *is_text = true;
    }
    match text.len() < 20 && !text.contains(|char: char| char == ',' || char.is_control()) {
        true => error.or(Remedy::new("missing", text, "takes it for a missing cell")),
        false => error,
    }
}
