//! The rows of a piece of a file, which begins and ends where rows do.

use super::cell::{Cell, Dialect, Rows, closing_quote};
use super::tally::{Change, Tally, is_wide};
use crate::error::{Error, Place, Remedy, Result, shown};
use crate::numerals::{self, is_nan, not_finite};
use crate::reader::{Batch, Kind};
use arrow_array::ArrayRef;
use arrow_array::builder::{Float64Builder, LargeStringBuilder};
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
        } else if dialect.opens_cell(&text[start..next]) {
            at = closing_quote(text, at).map_or(text.len(), |quote| quote + 1);
        }
    }
    (text.len(), n_counted)
}

/// The rows of a piece.
pub(super) struct Piece {
    /// The rows, the first of them row 0 in line 1 or after it.
    pub(super) batch: Batch,
    pub(super) tally: Tally,
    pub(super) n_lines: u64,
    /// Blank lines before the last row, and behind it.
    pub(super) n_blank: [u64; 2],
}

/// Reads the columns `wanted` of all rows of `text`, of as many cells as there are `names`.
///
/// # Errors
/// If a row cannot be read, the first; its line is counted from the first of the piece, 1.
pub(super) fn read(
    text: &[u8],
    dialect: &Dialect,
    names: &[String],
    wanted: &[(usize, Kind)],
) -> Result<Piece> {
    let most_rows = memchr_iter(b'\n', text).count() + 1;
    let mut slots = vec![Vec::new(); names.len()];
    for (slot, (column, _)) in wanted.iter().enumerate() {
        slots[*column].push(slot);
    }
    let cells = wanted
        .iter()
        .map(|(_, kind)| ColumnBuilder::new(*kind, most_rows));
    let mut reading = Reading {
        rows: Rows::new(text, 0, dialect),
        names,
        slots,
        cells: cells.collect(),
        tally: Tally::default(),
    };
    let (mut n_rows, mut lines) = (0, Lines::default());
    while reading.rows.skip_blank_lines() {
        lines.push(n_rows, reading.rows.n_lines + 1);
        reading.row()?;
        n_rows += 1;
    }
    let behind = &text[text.trim_ascii_end().len()..];
    let n_behind = (memchr_iter(b'\n', behind).count() as u64).saturating_sub(1);
    Ok(Piece {
        batch: Batch {
            columns: reading
                .cells
                .into_iter()
                .map(ColumnBuilder::finish)
                .collect(),
            n_rows,
            places: lines,
        },
        tally: reading.tally,
        n_lines: reading.rows.n_lines,
        n_blank: match n_rows {
            0 => [0, reading.rows.n_blank],
            _ => [reading.rows.n_blank.saturating_sub(n_behind), n_behind],
        },
    })
}

/// What a cell is.
enum Content {
    /// The word of the dialect with this index.
    Word(usize),
    Number(f64),
    Text,
    Missing,
}

/// The cells of a column.
enum ColumnBuilder {
    Numbers(Float64Builder),
    Texts(LargeStringBuilder),
    Verbatim(LargeStringBuilder),
}

impl ColumnBuilder {
    fn new(kind: Kind, n_rows: usize) -> Self {
        match kind {
            Kind::Number => Self::Numbers(Float64Builder::with_capacity(n_rows)),
            Kind::Text | Kind::Inferred => {
                Self::Texts(LargeStringBuilder::with_capacity(n_rows, 0))
            }
            Kind::Verbatim => Self::Verbatim(LargeStringBuilder::with_capacity(n_rows, 0)),
        }
    }

    /// Adds a cell, and says what it is.
    fn push(&mut self, text: &str, dialect: &Dialect) -> Result<Content> {
        let word = dialect.word(text, matches!(self, Self::Numbers(_)));
        match (self, word) {
            (Self::Verbatim(texts), _) => {
                texts.append_option(Some(text).filter(|text| !text.is_empty()));
                return Ok(Content::Text);
            }
            (Self::Numbers(numbers), Some(word)) => {
                numbers.append_option(dialect.words[word].value);
            }
            (Self::Texts(texts), Some(_)) => texts.append_null(),
            (Self::Numbers(numbers), None) if text.is_empty() => numbers.append_null(),
            (Self::Texts(texts), None) if text.is_empty() => texts.append_null(),
            (Self::Numbers(numbers), None) => match dialect.number(text) {
                Some(number) => {
                    numbers.append_value(number);
                    return Ok(Content::Number(number));
                }
                None => return Err(not_a_number(text, dialect)),
            },
            (Self::Texts(texts), None) => {
                texts.append_value(text);
                return Ok(Content::Text);
            }
        }
        Ok(word.map_or(Content::Missing, Content::Word))
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Numbers(mut numbers) => Arc::new(numbers.finish()),
            Self::Texts(mut texts) | Self::Verbatim(mut texts) => Arc::new(texts.finish()),
        }
    }
}

/// A piece as it is read.
struct Reading<'t> {
    rows: Rows<'t>,
    names: &'t [String],
    /// Where the cells of each column go.
    slots: Vec<Vec<usize>>,
    cells: Vec<ColumnBuilder>,
    tally: Tally,
}

impl Reading<'_> {
    /// Reads the row that begins here.
    fn row(&mut self) -> Result<()> {
        let (start, line) = (self.rows.at, self.rows.n_lines);
        for column in 0..self.slots.len() {
            let read = self.cell(column, start);
            if !matches!(read, Ok(is_last) if is_last == (column + 1 == self.slots.len())) {
                (self.rows.at, self.rows.n_lines) = (start, line);
                return Err(self.refused(read.err(), column));
            }
        }
        Ok(())
    }

    /// Reads the cell that begins here, of a row that begins at `row`, and says whether the row ends behind it.
    fn cell(&mut self, column: usize, row: usize) -> Result<bool> {
        let (dialect, rows) = (self.rows.dialect, &mut self.rows);
        let start = rows.at;
        if dialect.has_plain_numbers
            && let [slot] = self.slots[column][..]
            && let ColumnBuilder::Numbers(numbers) = &mut self.cells[slot]
            && let Some((value, end)) = plain_number(rows.text, start)
            && let Some(is_last) = rows.close(end)
        {
            numbers.append_value(value);
            if is_wide(value) {
                let text = String::from_utf8_lossy(&rows.text[start..end]);
                self.tally.number(column, &text, value);
            }
            return Ok(is_last);
        }
        let unplaced = |reason| Error::at(Place::default(), reason);
        let (cell, is_last) = rows.cell().map_err(unplaced)?;
        for (nth, slot) in self.slots[column].iter().enumerate() {
            let text = cell.text().map_err(unplaced)?;
            match self.cells[*slot].push(&text, dialect)? {
                Content::Text if *text == self.names[column] && self.repeats_names(row) => {
                    return Err(unplaced("is a name"));
                }
                Content::Word(word) if nth == 0 => {
                    self.tally.count(Change::Word(word), column);
                }
                Content::Number(value) if is_wide(value) => {
                    self.tally.number(column, &text, value);
                }
                // White space around a number means nothing.
                Content::Text
                    if nth == 0
                        && (cell.is_trimmed || cell.has_wide_blanks())
                        && dialect.number(&text).is_none() =>
                {
                    self.tally.count(Change::Trimmed, column);
                }
                _ => {}
            }
        }
        Ok(is_last)
    }

    /// Whether the cells of the row that begins at `row` are the names of the columns.
    #[cold]
    fn repeats_names(&self, row: usize) -> bool {
        let cells = Rows::new(self.rows.text, row, self.rows.dialect).row();
        let mut names = self.names.iter().zip(1..);
        let is_name = |cell: &Cell<'_>| {
            let text = cell.text().unwrap_or_default();
            names.next().is_some_and(|(name, number)| {
                text == **name || text.is_empty() && *name == format!("#{number}")
            })
        };
        cells.is_ok_and(|cells| cells.len() == self.names.len() && cells.iter().all(is_name))
    }

    /// The error of a row that repeats the first line, which may be a row too if all of its columns are of texts.
    fn repeated(&self) -> Error {
        let reason = "repeats the names of the columns; remove the line";
        let error = Error::at(Place::default(), reason);
        match self
            .cells
            .iter()
            .all(|cells| matches!(cells, ColumnBuilder::Texts(_)))
        {
            true => error.or(Remedy::new(
                "header",
                "false",
                "reads the first line as a row",
            )),
            false => error,
        }
    }

    /// What is wrong with the row that begins here: that it repeats the first line, or has another number of cells,
    /// before the `error` of one.
    #[cold]
    fn refused(&mut self, error: Option<Error>, column: usize) -> Error {
        let (line, n_columns) = (Some(self.rows.n_lines + 1), self.names.len());
        let is_repeated = self.repeats_names(self.rows.at);
        let n_cells = self.rows.row().map(|cells| cells.len());
        let (mut error, column) = match (error, n_cells) {
            _ if is_repeated => (self.repeated(), None),
            (Some(error), n_cells) if n_cells.is_err() || n_cells == Ok(n_columns) => {
                (error, Some(self.names[column].clone()))
            }
            (_, n_cells) => {
                let reason = match n_cells {
                    Ok(n_cells) => format!(
                        "has {n_cells} of {n_columns} cells; every row needs as many as the first line has"
                    ),
                    Err(reason) => format!("a cell behind the last one {reason}"),
                };
                (Error::at(Place::default(), reason), None)
            }
        };
        if let Error::Table { place, .. } = &mut error {
            (place.line, place.column) = (line, column);
        }
        error
    }
}

/// The finite number that begins at `text[at]`, and where it ends. What follows it is the caller's to judge.
fn plain_number(text: &[u8], mut at: usize) -> Option<(f64, usize)> {
    while text.get(at) == Some(&b' ') {
        at += 1;
    }
    let (value, length) = fast_float2::parse_partial::<f64, _>(&text[at..]).ok()?;
    value.is_finite().then_some((value, at + length))
}

/// What is wrong with a cell that is not a finite number.
#[cold]
fn not_a_number(text: &str, dialect: &Dialect) -> Error {
    let infinite = not_finite(&dialect.pointed(text));
    // A number within quotes has a comma of its own where commas separate cells too.
    let are_thousands = dialect.separator == b',' && numerals::are_thousands(text);
    let has_comma = !(dialect.has_comma || are_thousands || text.contains('.'))
        && text.replace(',', ".").parse::<f64>().is_ok();
    let disguise = numerals::disguise(text, dialect.has_comma).filter(|_| !has_comma);
    let remedy = match infinite {
        Some(_) if !is_nan(text) => None,
        None if has_comma => Some(Remedy::new(
            "decimal",
            ",",
            "takes the comma for a decimal point",
        )),
        None if disguise.is_some() => None,
        _ => Remedy::missing(text),
    };
    let is_text = infinite.is_none() && !has_comma && disguise.is_none();
    let reason = disguise.or_else(|| infinite.map(str::to_owned));
    let reason = reason.unwrap_or_else(|| "is not a number".to_owned());
    Error::Table {
        place: Box::default(),
        reason: format!("`{}` {reason}", shown(text)),
        is_text,
        remedies: remedy.into_iter().collect(),
    }
}
