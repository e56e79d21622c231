//! How a file is written, found in its first lines: the separator, the names of the columns.

use super::cell::{Cell, Dialect, Rows};
use crate::error::{Error, Place, Remedy, Result, listed, shown, some_of};
use crate::options::{MISSING, TextOptions};
use crate::reader::Columns;
use std::collections::HashSet;
use std::path::Path;

/// Lines that are looked at beside the first.
const LOOKED_AT: usize = 20;

/// What the first lines say.
pub(super) struct Header {
    pub(super) columns: Columns,
    pub(super) dialect: Dialect,
    /// Where the rows begin.
    pub(super) start: usize,
    /// Lines before them.
    pub(super) n_lines: u64,
}

/// Looks at the first lines of `text`, the file `path`.
pub(super) fn read(path: &Path, text: &[u8], options: &TextOptions) -> Result<Header> {
    let mark = if text.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let (dialect, separator) = dialect(&text[mark..], options)?;
    let mut rows = Rows {
        text,
        dialect: &dialect,
        at: mark,
        n_lines: 0,
    };
    if !rows.skip_blank_lines() {
        let reason = "the file is empty; it needs a header line of column names, then rows";
        return Err(Error::file(path, reason));
    }
    let (first, before) = (rows.at, rows.n_lines);
    let place = Place::line(path, before + 1);
    let row = rows
        .row()
        .map_err(|reason| Error::at(place.clone(), reason))?;
    let (second, after) = (rows.at, rows.n_lines);
    if options.header != Some(false) && !rows.skip_blank_lines() {
        return Err(Error::file(
            path,
            "holds a header and no rows; add at least one",
        ));
    }
    let sample = rows
        .take(LOOKED_AT)
        .map_while(std::result::Result::ok)
        .collect();
    let names = Names::new(row, sample, options.header == Some(false));
    if options.header.is_none()
        && let Some(number) = names.number_above_numbers(&dialect)
    {
        let reason = format!("the first line looks like data (`{number}` above numbers)");
        let error = Error::at(place, reason).or(Remedy::new("no_header", "", "reads it as a row"));
        return Err(error.or(Remedy::new("header", "", "takes it as names")));
    }
    let mut columns = match options.header {
        Some(false) => names.numbered(),
        _ => names.named().map_err(|reason| Error::at(place, reason))?,
    };
    columns.notices.splice(0..0, separator);
    let (start, n_lines) = match options.header {
        Some(false) => (first, before),
        _ => (second, after),
    };
    Ok(Header {
        columns,
        dialect,
        start,
        n_lines,
    })
}

/// The dialect that was asked for or that fits, and a notice of its separator.
fn dialect(text: &[u8], options: &TextOptions) -> Result<(Dialect, Option<String>)> {
    let refused = |setting, reason: &str| Error::Setting {
        setting,
        reason: reason.to_owned(),
        remedies: Vec::new(),
    };
    let has_comma = match options.decimal {
        None | Some('.') => false,
        Some(',') => true,
        Some(_) => return Err(refused("decimal", "is neither a point nor a comma")),
    };
    let of = |separator| {
        let usual = || MISSING.map(str::to_owned).to_vec();
        let missing = options.missing.clone().unwrap_or_else(usual);
        Dialect::new(separator, has_comma, missing.into_iter())
    };
    if let Some(separator) = options.separator {
        let is_fit = |byte: &u8| {
            byte.is_ascii_punctuation() && !b"\".+-".contains(byte) || b" \t".contains(byte)
        };
        let reason = "cannot separate cells; a comma, `;`, `|`, a tab or another sign of ASCII can";
        return match u8::try_from(separator).ok().filter(is_fit) {
            Some(separator) => Ok((of(separator), None)),
            None => Err(refused("separator", reason)),
        };
    }
    let candidates = if has_comma { b";\t|," } else { b",;\t|" };
    let found = candidates.map(|separator| {
        let dialect = of(separator);
        let rows = Rows {
            text,
            dialect: &dialect,
            at: 0,
            n_lines: 0,
        };
        (separator, Fit::of(rows.take(LOOKED_AT + 1)))
    });
    // The first of those that fit best, but for the comma before all that fit as well.
    let best = found.into_iter().rev().max_by_key(|(separator, fit)| {
        (
            fit.how,
            *separator == b',' && !has_comma && fit.how == How::Same,
            fit.n_cells,
        )
    });
    let separator = match best {
        Some((separator, fit)) if fit.n_cells > 1 => separator,
        _ => b',',
    };
    let told = match separator {
        b',' => None,
        b'\t' => Some("cells are separated by tabs".to_owned()),
        other => Some(format!("cells are separated by `{}`", char::from(other))),
    };
    Ok((of(separator), told))
}

/// How a separator splits the first lines.
struct Fit {
    how: How,
    /// Cells of the first line.
    n_cells: usize,
}

/// From worst to best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Apart,
    /// The rows have one cell more than the header, their names.
    NamedRows,
    Same,
}

impl Fit {
    fn of<'t>(
        rows: impl Iterator<Item = std::result::Result<Vec<Cell<'t>>, &'static str>>,
    ) -> Self {
        let counts: Vec<usize> = rows.map(|row| row.map_or(0, |row| row.len())).collect();
        let n_cells = counts.first().copied().unwrap_or(0);
        let all = |n: usize| n > 1 && counts.iter().skip(1).all(|n_cells| *n_cells == n);
        let how = match () {
            () if all(n_cells) => How::Same,
            () if all(n_cells + 1) && n_cells > 0 => How::NamedRows,
            () => How::Apart,
        };
        Self { how, n_cells }
    }
}

/// The first line, and those that follow it.
struct Names<'t> {
    /// A cell for each column; none for a column without a place in the line.
    first: Vec<Option<Cell<'t>>>,
    rows: Vec<Vec<Cell<'t>>>,
}

impl<'t> Names<'t> {
    fn new(first: Vec<Cell<'t>>, rows: Vec<Vec<Cell<'t>>>, is_row: bool) -> Self {
        let n_cells = first.len();
        let mut first: Vec<_> = first.into_iter().map(Some).collect();
        let ends_empty =
            |row: &Vec<Cell<'_>>| row.last().is_some_and(|cell| cell.content().is_empty());
        let all = |n: usize| !is_row && !rows.is_empty() && rows.iter().all(|row| row.len() == n);
        if all(n_cells + 1) {
            // Names of rows, or a comma behind each row.
            first.insert(
                if rows.iter().all(ends_empty) {
                    n_cells
                } else {
                    0
                },
                None,
            );
        } else if n_cells > 1
            && all(n_cells - 1)
            && first[n_cells - 1]
                .as_ref()
                .is_some_and(|cell| cell.content().is_empty())
        {
            first.pop();
        }
        Self { first, rows }
    }

    /// Columns called by their places, of a file without names. An empty last one is behind a comma at each line's end.
    fn numbered(self) -> Columns {
        let n_columns = self.first.len();
        let mut columns =
            Columns::named((1..=n_columns).map(|place| format!("#{place}")).collect());
        let cells = self
            .rows
            .iter()
            .map(|row| row.last())
            .chain([self.first[n_columns - 1].as_ref()]);
        if n_columns > 1 && cells.flatten().all(|cell| cell.content().is_empty()) {
            hide(&mut columns, &[n_columns - 1]);
        }
        columns
    }

    /// Columns called by the cells of the first line.
    fn named(self) -> std::result::Result<Columns, String> {
        let (mut names, mut seen, mut unnamed) = (Vec::new(), HashSet::new(), Vec::new());
        let mut notices = Vec::new();
        for (column, cell) in self.first.iter().enumerate() {
            let text = cell.as_ref().map_or(Ok("".into()), Cell::text);
            let text =
                text.map_err(|reason| format!("the name of column {}: {reason}", column + 1))?;
            let mut name = text.clone().into_owned();
            if name.is_empty() {
                unnamed.push(column);
                name = format!("#{}", column + 1);
            }
            let mut copies = 1;
            while !seen.insert(name.clone()) {
                copies += 1;
                name = format!("{text}_{copies}");
            }
            if copies > 1 {
                let (text, name) = (shown(&text), shown(&name));
                notices.push(format!(
                    "column {} is called `{name}`, another one is `{text}`",
                    column + 1
                ));
            }
            names.push(name);
        }
        let mut columns = Columns {
            notices,
            ..Columns::named(names)
        };
        hide(&mut columns, &unnamed);
        match unnamed.len() == columns.names.len() {
            true => Err("holds no column names".to_owned()),
            false => Ok(columns),
        }
    }

    /// A cell of the first line that is a number, if each cell above a column of numbers is.
    fn number_above_numbers(&self, dialect: &Dialect) -> Option<String> {
        let text = |cell: &Cell<'t>| cell.text().unwrap_or_default();
        let is_missing = |cell: &Cell<'_>| dialect.missing(cell.content()).is_some();
        let is_number = |cell: &Cell<'t>| dialect.number(&text(cell)).is_some();
        let is_either = |cell: &Cell<'t>| is_number(cell) || is_missing(cell);
        let of_numbers = |column: &usize| {
            let cells = || {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(*column))
                    .filter(|cell| !cell.content().is_empty())
            };
            cells().all(is_either) && cells().any(is_number)
        };
        let above = (0..self.first.len())
            .filter(of_numbers)
            .map(|column| self.first[column].as_ref());
        let above: Vec<_> = above.collect::<Option<_>>()?;
        let number = above.iter().find(|cell| is_number(cell))?;
        above
            .iter()
            .all(|cell| is_either(cell))
            .then(|| shown(&text(number)))
    }
}

/// Leaves columns out that have no name, unless they are named by their places.
fn hide(columns: &mut Columns, unnamed: &[usize]) {
    for column in unnamed {
        columns.is_hidden[*column] = true;
    }
    let names = listed(unnamed.iter().map(|column| &columns.names[*column]));
    let places = some_of(unnamed.iter().map(|column| (column + 1).to_string()));
    columns.notices.extend(match unnamed.len() {
        0 => None,
        1 => Some(format!(
            "column {places} has no name and is left out; {names} names it"
        )),
        _ => Some(format!(
            "columns {places} have no names and are left out; {names} name them"
        )),
    });
}
