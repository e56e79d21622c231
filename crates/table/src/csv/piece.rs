//! The rows of a piece of a file, which begins and ends where rows do.

use super::cell::{Cell, Dialect, Rows, closing_quote};
use crate::error::{Remedy, shown};
use crate::reader::Kind;
use arrow_array::ArrayRef;
use arrow_array::builder::{Float64Builder, StringBuilder};
use memchr::{memchr, memchr_iter, memchr2, memrchr};
use neuralnet::data::Lines;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that one thread reads at a time, to the end of a row.
const PIECE_BYTES: usize = 1 << 18;

/// Where a piece ends that begins with a row at `start`, and how many lines were counted: behind about `PIECE_BYTES`, or
/// behind line `n_rows`, where no quotes are open. Lines are not counted if they need not be.
pub(super) fn end(text: &[u8], start: usize, n_rows: usize, separator: u8) -> (usize, usize) {
    let window = &text[start..text.len().min(start + PIECE_BYTES)];
    if n_rows == usize::MAX
        && memchr(b'"', window).is_none()
        && let Some(end) = memrchr(b'\n', window)
    {
        return (start + end + 1, 0);
    }
    let (mut at, mut n_lines) = (start, 0);
    while let Some(next) = memchr2(b'"', b'\n', &text[at..]).map(|next| at + next) {
        at = next + 1;
        if text[next] == b'\n' {
            n_lines += 1;
            if n_lines == n_rows || at - start >= PIECE_BYTES {
                return (at, n_lines);
            }
        } else if opens_cell(&text[start..next], separator) {
            at = closing_quote(text, at).map_or(text.len(), |quote| quote + 1);
        }
    }
    (text.len(), n_lines)
}

/// Whether a quote after `before`, outside quotes, opens a cell: another one is a letter like any other.
fn opens_cell(before: &[u8], separator: u8) -> bool {
    let is_blank =
        |byte: &&u8| byte.is_ascii_whitespace() && **byte != b'\n' && **byte != separator;
    let last = before.iter().rev().find(|byte| !is_blank(byte));
    last.is_none_or(|last| *last == separator || *last == b'\n')
}

/// What is wrong with a piece, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// Counted from the first of the piece, 1.
    pub(super) line: u64,
    /// None if it is the whole row.
    pub(super) column: Option<usize>,
    pub(super) reason: String,
    pub(super) is_text: bool,
    pub(super) remedies: Vec<Remedy>,
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self {
            line: 0,
            column: None,
            reason,
            is_text: false,
            remedies: Vec::new(),
        }
    }
}

/// What the cells of a column were taken for.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How many of them are each of the texts for a missing cell; empty if none is.
    pub(super) missing: Vec<u64>,
    has_true_or_false: bool,
    has_yes_or_no: bool,
}

impl Tally {
    fn miss(&mut self, spelling: usize) {
        if self.missing.len() <= spelling {
            self.missing.resize(spelling + 1, 0);
        }
        self.missing[spelling] += 1;
    }

    /// 1 or 0 for a word that is one of them, however its case.
    fn truth(&mut self, word: &str) -> Option<f64> {
        let at = ["false", "true", "no", "yes"]
            .iter()
            .position(|usual| word.eq_ignore_ascii_case(usual))?;
        self.has_true_or_false |= at < 2;
        self.has_yes_or_no |= at >= 2;
        Some(if at % 2 == 1 { 1.0 } else { 0.0 })
    }

    /// The words that were read as numbers.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> {
        let words = [
            (self.has_true_or_false, "True and False"),
            (self.has_yes_or_no, "yes and no"),
        ];
        words
            .into_iter()
            .filter_map(|(is_met, words)| is_met.then_some(words))
    }

    pub(super) fn take_on(&mut self, other: &Self) {
        let n_spellings = self.missing.len().max(other.missing.len());
        self.missing.resize(n_spellings, 0);
        for (all, n_cells) in self.missing.iter_mut().zip(&other.missing) {
            *all += n_cells;
        }
        self.has_true_or_false |= other.has_true_or_false;
        self.has_yes_or_no |= other.has_yes_or_no;
    }
}

/// A column that is read.
struct Sink {
    cells: Cells,
    tally: Tally,
}

enum Cells {
    Numbers(Float64Builder),
    Texts(StringBuilder),
}

impl Sink {
    fn new(kind: Kind, n_rows: usize) -> Self {
        let cells = match kind {
            Kind::Number => Cells::Numbers(Float64Builder::with_capacity(n_rows)),
            Kind::Text | Kind::Own => Cells::Texts(StringBuilder::with_capacity(n_rows, 0)),
        };
        Self {
            cells,
            tally: Tally::default(),
        }
    }

    fn push(&mut self, cell: &Cell<'_>, dialect: &Dialect) -> Result<(), Fault> {
        let spelling = dialect.missing(cell.content());
        if let Some(spelling) = spelling {
            self.tally.miss(spelling);
        }
        let is_missing = spelling.is_some() || cell.content().is_empty();
        match &mut self.cells {
            Cells::Texts(texts) if is_missing => texts.append_null(),
            Cells::Texts(texts) => texts.append_value(cell.text()?),
            Cells::Numbers(numbers) if is_missing => numbers.append_null(),
            Cells::Numbers(numbers) => {
                let text = cell.text()?;
                let Some(value) = dialect.number(&text).or_else(|| self.tally.truth(&text)) else {
                    return Err(not_a_number(&text, dialect));
                };
                match dialect.missing_number(value) {
                    None => numbers.append_value(value),
                    Some(spelling) => {
                        numbers.append_null();
                        self.tally.miss(spelling);
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> (ArrayRef, Tally) {
        let column: ArrayRef = match self.cells {
            Cells::Numbers(mut numbers) => Arc::new(numbers.finish()),
            Cells::Texts(mut texts) => Arc::new(texts.finish()),
        };
        (column, self.tally)
    }
}

/// The rows of a piece.
pub(super) struct Piece {
    /// Those that were asked for, in that order.
    pub(super) columns: Vec<ArrayRef>,
    pub(super) tallies: Vec<Tally>,
    pub(super) n_rows: usize,
    pub(super) n_lines: u64,
    /// Where the rows stand, from line 1 on.
    pub(super) lines: Lines,
}

impl Piece {
    /// Reads the columns `wanted` of all rows of `text`, each of `n_columns` cells.
    pub(super) fn read(
        text: &[u8],
        dialect: &Dialect,
        n_columns: usize,
        wanted: &[(usize, Kind)],
    ) -> Result<Self, Fault> {
        let n_lines = memchr_iter(b'\n', text).count() + 1;
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by_key(|slot| wanted[*slot].0);
        let sinks = order
            .iter()
            .map(|slot| Sink::new(wanted[*slot].1, n_lines))
            .collect();
        let places = order.iter().map(|slot| wanted[*slot].0);
        let mut reading = Reading {
            rows: Rows {
                text,
                dialect,
                at: 0,
                n_lines: 0,
            },
            is_plain: dialect.is_plain(),
            sinks_of: sinks_of(n_columns, &places.collect::<Vec<_>>()),
            sinks,
        };
        let (mut n_rows, mut lines) = (0, Lines::default());
        while reading.rows.skip_blank_lines() {
            lines.push(n_rows, reading.rows.n_lines + 1);
            reading.row()?;
            n_rows += 1;
        }
        let mut read: Vec<_> = order
            .into_iter()
            .zip(reading.sinks.into_iter().map(Sink::finish))
            .collect();
        read.sort_by_key(|(slot, _)| *slot);
        let (columns, tallies) = read.into_iter().map(|(_, column)| column).unzip();
        Ok(Self {
            columns,
            tallies,
            n_rows,
            n_lines: reading.rows.n_lines,
            lines,
        })
    }
}

/// Which of the sinks, of the columns `places` in rising order, are of each column.
fn sinks_of(n_columns: usize, places: &[usize]) -> Vec<Range<usize>> {
    let before = |column| places.partition_point(|place| *place < column);
    (0..n_columns)
        .map(|column| before(column)..before(column + 1))
        .collect()
}

/// A piece as it is read.
struct Reading<'t> {
    rows: Rows<'t>,
    is_plain: bool,
    sinks: Vec<Sink>,
    sinks_of: Vec<Range<usize>>,
}

impl Reading<'_> {
    /// Reads the row that begins here.
    fn row(&mut self) -> Result<(), Fault> {
        let (start, line) = (self.rows.at, self.rows.n_lines);
        for column in 0..self.sinks_of.len() {
            self.cell(column).map_err(|fault| {
                (self.rows.at, self.rows.n_lines) = (start, line);
                self.placed(fault, column)
            })?;
        }
        Ok(())
    }

    /// Reads the cell that begins here, and what closes it.
    fn cell(&mut self, column: usize) -> Result<(), Option<Fault>> {
        let is_last = column + 1 == self.sinks_of.len();
        let Rows {
            text,
            dialect,
            ref mut at,
            ref mut n_lines,
        } = self.rows;
        let sinks = &mut self.sinks[self.sinks_of[column].clone()];
        if self.is_plain
            && let [
                Sink {
                    cells: Cells::Numbers(numbers),
                    ..
                },
            ] = sinks
            && let Some((value, end)) = plain_number(text, *at)
            && let Some(next) = closed(text, end, is_last, dialect)
        {
            numbers.append_value(value);
            *at = next;
            *n_lines += u64::from(is_last);
            return Ok(());
        }
        let cell =
            Cell::read(text, *at, dialect).map_err(|reason| Fault::from(reason.to_owned()))?;
        for sink in sinks {
            sink.push(&cell, dialect)?;
        }
        *at = closed(text, cell.end, is_last, dialect).ok_or(None)?;
        *n_lines += cell.n_line_ends as u64 + u64::from(is_last);
        Ok(())
    }

    /// What is wrong with the row that begins here: that it has another number of cells, before all else.
    #[cold]
    fn placed(&mut self, fault: Option<Fault>, column: usize) -> Fault {
        let (start, line) = (self.rows.at, self.rows.n_lines + 1);
        let n_columns = self.sinks_of.len();
        let n_cells = self.rows.row().ok().map(|cells| cells.len());
        match fault {
            Some(mut fault) if n_cells.is_none_or(|n_cells| n_cells == n_columns) => {
                (self.rows.at, self.rows.n_lines) = (start, line - 1);
                if fault.is_text {
                    fault.is_text = self.is_mostly_text(column);
                    fault.remedies.retain(|_| !fault.is_text);
                }
                Fault {
                    line,
                    column: Some(column),
                    ..fault
                }
            }
            _ => Fault {
                line,
                ..Fault::from(match n_cells {
                    Some(n_cells) => format!(
                        "has {n_cells} of {n_columns} cells; every row needs as many as the first line has"
                    ),
                    None => format!(
                        "has more than the {n_columns} cells of the first line, the last of them with a misplaced quote"
                    ),
                })
            },
        }
    }

    /// Whether at least half of the column's cells in this piece are not numbers. If not, one of them is a mistake or a
    /// spelling of a missing cell, and no category.
    fn is_mostly_text(&self, column: usize) -> bool {
        let dialect = self.rows.dialect;
        let rows = Rows {
            at: 0,
            n_lines: 0,
            ..self.rows
        }
        .map_while(Result::ok);
        let cells =
            rows.filter_map(|mut cells| (column < cells.len()).then(|| cells.swap_remove(column)));
        let cells = cells
            .filter(|cell| !cell.content().is_empty() && dialect.missing(cell.content()).is_none());
        let is_number = |cell: &Cell<'_>| {
            cell.text()
                .is_ok_and(|text| dialect.number(&text).is_some())
        };
        let (numbers, texts): (Vec<_>, Vec<_>) = cells.partition(is_number);
        texts.len() >= numbers.len()
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
fn not_a_number(text: &str, dialect: &Dialect) -> Fault {
    let told = shown(text);
    let value: Option<f64> = dialect.pointed(text).parse().ok();
    if value.is_some() && !text.contains(['n', 'N']) {
        return format!(
            "`{told}` is too large, the largest number is {:e}; rescale the column",
            f64::MAX
        )
        .into();
    }
    if value.is_some() {
        return format!("`{told}` is not finite; every cell needs a finite number").into();
    }
    let fault = Fault::from(format!("`{told}` is not a number"));
    if let Some((whole, decimals)) = text.split_once(',')
        && !dialect.has_comma
        && !text.contains('.')
        && text
            .replace(',', ".")
            .parse::<f64>()
            .is_ok_and(f64::is_finite)
    {
        // `1,450` may as well be a thousand and more.
        let effect =
            match decimals.len() == 3 && !whole.starts_with(['0', '-']) && !whole.is_empty() {
                true => "takes the comma for a decimal point",
                false => "reads it",
            };
        return Fault {
            remedies: vec![Remedy::new("decimal", ",", effect)],
            ..fault
        };
    }
    let is_spelling =
        text.chars().count() < 20 && !text.contains(',') && !text.contains(char::is_control);
    let missing = || Remedy::new("missing", text, "takes it for a missing cell");
    Fault {
        is_text: true,
        remedies: is_spelling.then(missing).into_iter().collect(),
        ..fault
    }
}
