//! How a file is written, found in its first lines: the separator, the names of the columns.

use super::cell::{Dialect, Rows};
use crate::error::{Error, Place, Remedy, Result, listed, shown, some_of};
use crate::options::{MISSING, TextOptions};
use crate::reader::Columns;
use std::collections::{HashMap, HashSet};
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
    let dialect = dialect(&text[mark..], options)?;
    let mut rows = Rows::new(text, &dialect);
    rows.at = mark;
    if !rows.skip_blank_lines() {
        let reason = "the file is empty; it needs a header line of column names, then rows";
        return Err(Error::file(path, reason));
    }
    let place = Place::line(path, rows.n_lines + 1);
    let mut start = (rows.at, rows.n_lines);
    let refused = |reason| Error::at(place.clone(), reason);
    let mut first = Vec::new();
    for (cell, number) in rows
        .row()
        .map_err(|reason| refused(reason.to_owned()))?
        .iter()
        .zip(1..)
    {
        let text = cell
            .text()
            .map_err(|reason| refused(format!("the name of column {number}: {reason}")));
        first.push(text?.into_owned());
    }
    if options.header != Some(false) {
        start = (rows.at, rows.n_lines);
        if !rows.skip_blank_lines() {
            return Err(Error::file(
                path,
                "holds a header and no rows; add at least one",
            ));
        }
    }
    let sample = sample(rows);
    let mut columns = match options.header {
        Some(false) => numbered(&first, &sample),
        header => {
            place_names(&mut first, &sample);
            if header.is_none()
                && let Some(number) = number_above_numbers(&first, &sample, &dialect)
            {
                return Err(like_data(place, number));
            }
            if first.iter().all(String::is_empty) {
                return Err(refused("holds no column names".to_owned()));
            }
            named(first)
        }
    };
    let separator = match dialect.separator {
        b'\t' => "tabs".to_owned(),
        separator => format!("`{}`", char::from(separator)),
    };
    if options.separator.is_none() && dialect.separator != b',' {
        let notice = format!("cells are separated by {separator}");
        columns.notices.insert(0, notice);
    }
    let (start, n_lines) = start;
    Ok(Header {
        columns,
        dialect,
        start,
        n_lines,
    })
}

/// The error of a first line that may be a row, with a `number` above numbers.
fn like_data(place: Place, number: &str) -> Error {
    let reason = format!(
        "the first line looks like data (`{}` above numbers)",
        shown(number)
    );
    let error = Error::at(place, reason).or(Remedy::new("no_header", "", "reads it as a row"));
    error.or(Remedy::new("header", "", "takes it as names"))
}

/// The texts of the next rows, as far as they can be read.
fn sample(rows: Rows<'_>) -> Vec<Vec<String>> {
    let rows = rows.take(LOOKED_AT).map_while(std::result::Result::ok);
    let text = |cell: &super::cell::Cell<'_>| cell.text().unwrap_or_default().into_owned();
    rows.map(|row| row.iter().map(text).collect()).collect()
}

/// The dialect that was asked for, or the one that fits the first lines best.
fn dialect(text: &[u8], options: &TextOptions) -> Result<Dialect> {
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
    let missing = options.missing.clone();
    let missing = missing.unwrap_or_else(|| MISSING.map(str::to_owned).to_vec());
    let of = |separator| Dialect::new(separator, has_comma, &missing);
    if let Some(separator) = options.separator {
        let is_fit = |byte: &u8| {
            matches!(byte, b' ' | b'\t') || byte.is_ascii_punctuation() && !b"\".+-".contains(byte)
        };
        let reason = "cannot separate cells; a comma, `;`, `|`, a tab or another sign of ASCII can";
        let separator = u8::try_from(separator).ok().filter(is_fit);
        return separator
            .map(of)
            .ok_or_else(|| refused("separator", reason));
    }
    // The last of those that fit best: a comma if it fits, unless it is in the numbers.
    let (candidates, preferred) = if has_comma {
        (*b",|\t;", b';')
    } else {
        (*b"|\t;,", b',')
    };
    let best = candidates.into_iter().max_by_key(|separator| {
        let (how_well, n_cells) = fit(text, &of(*separator));
        (how_well, how_well == 2 && *separator == preferred, n_cells)
    });
    let best = best.filter(|best| fit(text, &of(*best)).1 > 1);
    Ok(of(best.unwrap_or(b',')))
}

/// How well a dialect fits the first lines, and how many cells the first has: 2 if all have as many, 1 if the others have
/// one more, as those with names of rows do.
fn fit(text: &[u8], dialect: &Dialect) -> (u8, usize) {
    let rows = Rows::new(text, dialect).take(LOOKED_AT + 1);
    let mut counts = rows.map(|row| row.map_or(0, |row| row.len()));
    let n_cells = counts.next().unwrap_or(0);
    let others: Vec<usize> = counts.collect();
    let all = |n: usize| n > 1 && others.iter().all(|n_others| *n_others == n);
    (
        if all(n_cells) {
            2
        } else {
            u8::from(all(n_cells + 1))
        },
        n_cells,
    )
}

/// Gives rows that have one cell more than the first line a column without a name: the first, of their names, or the last,
/// behind a separator at the end of each. Takes away one that only the first line has.
fn place_names(first: &mut Vec<String>, rows: &[Vec<String>]) {
    let all = |n| !rows.is_empty() && rows.iter().all(|row| row.len() == n);
    let n_cells = first.len();
    if all(n_cells + 1) {
        first.insert(
            if rows.iter().all(|row| row[n_cells].is_empty()) {
                n_cells
            } else {
                0
            },
            String::new(),
        );
    } else if n_cells > 1 && all(n_cells - 1) && first[n_cells - 1].is_empty() {
        first.pop();
    }
}

/// A cell of the first line that is a number, if each cell above a column of numbers is one, or missing.
fn number_above_numbers<'t>(
    first: &'t [String],
    rows: &[Vec<String>],
    dialect: &Dialect,
) -> Option<&'t String> {
    let is_number = |text: &&String| dialect.number(text).is_some();
    let is_either = |text: &&String| is_number(text) || dialect.word(text, false).is_some();
    let of_numbers = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .filter(|text| !text.is_empty());
        cells.clone().all(|text| is_either(&text)) && cells.clone().any(|text| is_number(&text))
    };
    let above = first
        .iter()
        .enumerate()
        .filter(|(column, _)| of_numbers(*column))
        .map(|(_, text)| text);
    above
        .clone()
        .find(is_number)
        .filter(|_| above.clone().all(|text| is_either(&text)))
}

/// Columns called by these names, each once; those without one are hidden.
pub(crate) fn named(first: Vec<String>) -> Columns {
    let mut columns = Columns::named(first);
    let unnamed = (0..columns.names.len())
        .filter(|column| columns.names[*column].is_empty())
        .collect();
    hide(&mut columns, unnamed);
    let (mut seen, mut copies) = (HashSet::new(), HashMap::new());
    for (name, number) in columns.names.iter_mut().zip(1..) {
        let text = name.clone();
        let copy = copies.entry(text.clone()).or_insert(1);
        while !seen.insert(name.clone()) {
            *copy += 1;
            *name = format!("{text}_{copy}");
        }
        if *name != text {
            let (text, name) = (shown(&text), shown(name));
            columns.notices.push(format!(
                "column {number} is called `{name}`: another one is `{text}`"
            ));
        }
    }
    columns
}

/// Columns called by their places. An empty last one stands behind a separator at the end of each line.
fn numbered(first: &[String], rows: &[Vec<String>]) -> Columns {
    let n_columns = first.len();
    let mut columns = Columns::named((1..=n_columns).map(|number| format!("#{number}")).collect());
    let mut last = rows
        .iter()
        .filter_map(|row| row.get(n_columns - 1))
        .chain(first.last());
    if n_columns > 1 && last.all(String::is_empty) {
        hide(&mut columns, vec![n_columns - 1]);
    }
    columns
}

/// Leaves out columns that have no name, unless they are named by their places.
fn hide(columns: &mut Columns, unnamed: Vec<usize>) {
    for column in &unnamed {
        columns.names[*column] = format!("#{}", column + 1);
        columns.is_hidden[*column] = true;
    }
    let names = listed(unnamed.iter().map(|column| &columns.names[*column]));
    let numbers = some_of(unnamed.iter().map(|column| (column + 1).to_string()));
    columns.notices.extend(match unnamed.len() {
        0 => None,
        1 => Some(format!(
            "column {numbers} has no name and is left out; {names} names it"
        )),
        _ => Some(format!(
            "columns {numbers} have no names and are left out; {names} name them"
        )),
    });
}
