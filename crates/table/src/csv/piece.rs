//! The rows of a piece of a CSV file, which begins and ends with whole lines.
//!
//! A cell may be quoted as a whole, a quote within it is then doubled; a line ends wherever one does. Whitespace
//! around a cell does not count.

use crate::columns::shown;
use crate::table::NOT_A_NUMBER;
use memchr::{memchr, memchr2};
use neuralnet::data::Lines;
use std::borrow::Cow;
use std::collections::HashMap;

/// What becomes of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Skipped,
    /// Numbers, in this column of the values; `or_text` where a text would do as well.
    Number { slot: usize, or_text: bool },
    /// The codes of texts, in this column of the values.
    Text { slot: usize },
}

/// What is wrong with a piece, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// Counted from the first of the piece, 1.
    pub(super) line: u64,
    /// None where it is the whole line.
    pub(super) column: Option<usize>,
    pub(super) reason: String,
    pub(super) cause: Cause,
}

/// What a fault is, where that decides what is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A text in a column that may be of texts as well.
    TextInstead,
    /// A text in a column of numbers.
    NotANumber,
    Other,
}

/// What is wrong with a cell.
struct Problem {
    text: String,
    cause: Cause,
}

impl From<&str> for Problem {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            cause: Cause::Other,
        }
    }
}

/// Different texts, numbered as they come.
#[derive(Debug, Default)]
pub(super) struct Texts<'t> {
    pub(super) texts: Vec<Cow<'t, str>>,
    codes: HashMap<Cow<'t, str>, usize>,
}

impl<'t> Texts<'t> {
    pub(super) fn code(&mut self, text: Cow<'t, str>) -> usize {
        if let Some(code) = self.codes.get(&text) {
            return *code;
        }
        let code = self.texts.len();
        self.texts.push(text.clone());
        self.codes.insert(text, code);
        code
    }
}

/// What there is to say of the rows, as [`Cells`](crate::table::Cells) has it.
#[derive(Debug)]
pub(super) struct Piece<'t> {
    pub(super) n_rows: usize,
    pub(super) n_lines: u64,
    pub(super) n_empty: Vec<usize>,
    pub(super) texts: Vec<Texts<'t>>,
    pub(super) lines: Lines,
}

impl<'t> Piece<'t> {
    /// Reads `text`, whose columns are `roles`, into the first of the rows `values` of `width`, of which there are as
    /// many as lines.
    pub(super) fn read(
        text: &'t [u8],
        roles: &[Role],
        width: usize,
        values: &mut [f32],
    ) -> Result<Self, Fault> {
        let mut piece = Self {
            n_rows: 0,
            n_lines: 0,
            n_empty: vec![0; width],
            texts: (0..width).map(|_| Texts::default()).collect(),
            lines: Lines::default(),
        };
        let mut at = 0;
        while at < text.len() {
            piece.n_lines += 1;
            if text[at].is_ascii_whitespace() {
                let end = line_end(text, at);
                if text[at..end].trim_ascii().is_empty() {
                    at = end + 1;
                    continue;
                }
            }
            let row = &mut values[piece.n_rows * width..][..width];
            at = piece.row(text, at, roles, row)?;
            piece.lines.push(piece.n_rows, piece.n_lines);
            piece.n_rows += 1;
        }
        Ok(piece)
    }

    /// Reads the row that begins at `line_start` into `values`, and says where the next one begins.
    fn row(
        &mut self,
        text: &'t [u8],
        line_start: usize,
        roles: &[Role],
        values: &mut [f32],
    ) -> Result<usize, Fault> {
        let mut at = line_start;
        for (column, role) in roles.iter().enumerate() {
            let is_last = column + 1 == roles.len();
            if let Role::Number { slot, .. } = *role {
                let mut here = at;
                skip_spaces(text, &mut here);
                if let Some(value) = number(text, &mut here)
                    && close(text, &mut here, is_last)
                {
                    values[slot] = value;
                    at = here;
                    continue;
                }
            }
            let read = Cell::read(text, at).and_then(|cell| {
                at = cell.end;
                self.cell(&cell, *role, values)
            });
            let closed = read.is_ok() && close(text, &mut at, is_last);
            if !closed {
                return Err(self.fault(text, line_start, roles.len(), column, read.err()));
            }
        }
        Ok(at)
    }

    fn cell(&mut self, cell: &Cell<'t>, role: Role, values: &mut [f32]) -> Result<(), Problem> {
        let (slot, value) = match role {
            Role::Skipped => return Ok(()),
            Role::Number { slot, .. } | Role::Text { slot } if cell.content.is_empty() => {
                self.n_empty[slot] += 1;
                (slot, f32::NAN)
            }
            Role::Number { slot, or_text } => (slot, finite(cell.content, or_text)?),
            Role::Text { slot } => {
                let code = self.texts[slot].code(cell.text()?);
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a piece has fewer than 2²⁴ cells"
                )]
                let code = code as f32;
                (slot, code)
            }
        };
        values[slot] = value;
        Ok(())
    }

    /// What is wrong with the row that begins at `at`: that it has another number of cells, before all else.
    #[cold]
    fn fault(
        &self,
        text: &[u8],
        line_start: usize,
        n_columns: usize,
        column: usize,
        reason: Option<Problem>,
    ) -> Fault {
        let line = self.n_lines;
        let n_cells = n_cells(text, line_start);
        match reason {
            Some(reason) if n_cells.is_none_or(|n_cells| n_cells == n_columns) => Fault {
                line,
                column: Some(column),
                reason: reason.text,
                cause: reason.cause,
            },
            _ => Fault {
                line,
                column: None,
                reason: match n_cells {
                    Some(n_cells) => format!(
                        "has {n_cells} of {n_columns} cells; every row needs as many as the header has"
                    ),
                    None => format!(
                        "has more than the {n_columns} cells of the header, the last of them with an unclosed quote"
                    ),
                },
                cause: Cause::Other,
            },
        }
    }
}

/// Reads the finite number that begins at `text[*at]` and moves `at` behind it. What follows it is the caller's to
/// judge.
fn number(text: &[u8], at: &mut usize) -> Option<f32> {
    let (value, length) = fast_float2::parse_partial::<f32, _>(&text[*at..]).ok()?;
    *at += length;
    value.is_finite().then_some(value)
}

/// A cell without what surrounds it.
struct Cell<'t> {
    content: &'t [u8],
    /// Whether a quote within it is doubled.
    is_quoted: bool,
    /// The comma or line end after it, or the end of the text.
    end: usize,
}

impl<'t> Cell<'t> {
    /// Reads the cell that begins at `text[at]`.
    fn read(text: &'t [u8], mut at: usize) -> Result<Self, Problem> {
        skip_blanks(text, &mut at);
        if text.get(at) != Some(&b'"') {
            let end = memchr2(b',', b'\n', &text[at..]).map_or(text.len(), |end| at + end);
            return Ok(Self {
                content: text[at..end].trim_ascii(),
                is_quoted: false,
                end,
            });
        }
        let start = at + 1;
        at = start;
        loop {
            match memchr2(b'"', b'\n', &text[at..]).map(|next| at + next) {
                Some(quote) if text[quote] == b'"' => {
                    if text.get(quote + 1) == Some(&b'"') {
                        at = quote + 2;
                        continue;
                    }
                    at = quote + 1;
                    break;
                }
                _ => {
                    return Err(
                        "begins with a quote that its line does not close; close it (a line end within quotes cannot be read)"
                            .into(),
                    );
                }
            }
        }
        let content = text[start..at - 1].trim_ascii();
        skip_blanks(text, &mut at);
        match text.get(at) {
            None | Some(b',' | b'\n') => Ok(Self {
                content,
                is_quoted: true,
                end: at,
            }),
            Some(_) => Err(
                "goes on after its closing quote; a quote that is part of a text is written twice"
                    .into(),
            ),
        }
    }

    fn text(&self) -> Result<Cow<'t, str>, Problem> {
        let text = utf8(self.content)?;
        if text.contains(char::is_control) {
            return Err("the text holds control characters; remove them".into());
        }
        Ok(match self.is_quoted && text.contains("\"\"") {
            true => Cow::Owned(text.replace("\"\"", "\"")),
            false => Cow::Borrowed(text),
        })
    }
}

fn utf8(cell: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(cell)
        .map_err(|_| Problem::from("the cell is not UTF-8; save the file as UTF-8"))
}

/// The cell as the nearest f32.
fn finite(cell: &[u8], or_text: bool) -> Result<f32, Problem> {
    let text = utf8(cell)?;
    let reason = match text.parse::<f32>() {
        Ok(value) if value.is_finite() => return Ok(value),
        Ok(value) if value.is_infinite() && !text.to_ascii_lowercase().contains("inf") => format!(
            "`{}` is too large for f32, whose largest is {:e}; rescale the column",
            shown(text),
            f32::MAX
        ),
        Ok(_) => format!(
            "`{}` is not finite; every cell needs a finite number",
            shown(text)
        ),
        Err(_) => {
            return Err(Problem {
                text: format!("`{}` {NOT_A_NUMBER}", shown(text)),
                cause: if or_text {
                    Cause::TextInstead
                } else {
                    Cause::NotANumber
                },
            });
        }
    };
    Err(reason.as_str().into())
}

/// How many cells the line that begins at `at` has; none where a quote is misplaced.
fn n_cells(text: &[u8], mut at: usize) -> Option<usize> {
    let mut n_cells = 0;
    loop {
        at = Cell::read(text, at).ok()?.end;
        n_cells += 1;
        if text.get(at) != Some(&b',') {
            return Some(n_cells);
        }
        at += 1;
    }
}

/// Moves behind what closes a cell: a comma, or of the last one the line's end; false where it is something else.
fn close(text: &[u8], at: &mut usize, is_last: bool) -> bool {
    skip_spaces(text, at);
    let n_bytes = match (text.get(*at), is_last) {
        (Some(b','), false) | (Some(b'\n'), true) => 1,
        (Some(b'\r'), true) if matches!(text.get(*at + 1), None | Some(b'\n')) => 2,
        (None, true) => 0,
        _ => return false,
    };
    *at += n_bytes;
    true
}

fn skip_spaces(text: &[u8], at: &mut usize) {
    while text.get(*at) == Some(&b' ') {
        *at += 1;
    }
}

/// All whitespace but the line's end.
fn skip_blanks(text: &[u8], at: &mut usize) {
    while text
        .get(*at)
        .is_some_and(|byte| byte.is_ascii_whitespace() && *byte != b'\n')
    {
        *at += 1;
    }
}

fn line_end(text: &[u8], at: usize) -> usize {
    memchr(b'\n', &text[at..]).map_or(text.len(), |end| at + end)
}
