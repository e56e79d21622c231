//! How a file is written, found in its first lines: the separator, the names of the columns.

use super::cell::{Dialect, Rows};
use crate::error::{Error, Place, Remedy, Result, shown};
use crate::options::{MISSING, TextOptions};
use crate::reader::Columns;
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
    let mut rows = Rows::new(text, mark, &dialect);
    if !rows.skip_blank_lines() {
        let reason = "the file is empty; it needs a header line of column names, then rows";
        return Err(Error::file(path, reason));
    }
    let place = Place::line(path, rows.n_lines + 1);
    let refused = |reason: String| Error::at(place.clone(), reason);
    let mut start = (rows.at, rows.n_lines);
    let cells = rows
        .row()
        .map_err(|reason| refused(format!("a cell {reason}")))?;
    let names = cells.iter().zip(1..).map(|(cell, number)| {
        let name = cell.text().map(String::from);
        name.map_err(|reason| refused(format!("the name of column {number}: {reason}")))
    });
    let mut first = names.collect::<Result<Vec<String>>>()?;
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
            let number = number_above_numbers(&first, &sample, &dialect);
            if let Some(number) = number.filter(|_| header.is_none()) {
                return Err(like_data(place, number));
            }
            if first.iter().all(String::is_empty) {
                return Err(refused("holds no column names".to_owned()));
            }
            Columns::named(first)
        }
    };
    if options.separator.is_none() && dialect.separator != b',' && columns.names.len() > 1 {
        let separator = match dialect.separator {
            b'\t' => "tabs".to_owned(),
            b' ' => "spaces".to_owned(),
            separator => format!("`{}`", char::from(separator)),
        };
        let notice = format!("cells are separated by {separator}");
        columns.notices.insert(0, notice);
    }
    (columns.has_lines, columns.has_comma) = (true, dialect.has_comma);
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
    let number = shown(number);
    let reason = format!("the first line looks like data (`{number}` above numbers)");
    let error = Error::at(place, reason).or(Remedy::new("header", "false", "reads it as a row"));
    error.or(Remedy::new("header", "true", "takes it as names"))
}

/// The texts of the next rows, as far as they can be read.
fn sample(rows: Rows<'_>) -> Vec<Vec<String>> {
    let rows = rows.take(LOOKED_AT).map_while(std::result::Result::ok);
    let texts = rows.map(|row| {
        let texts = row
            .iter()
            .map(|cell| cell.text().unwrap_or_default().into_owned());
        texts.collect()
    });
    texts.collect()
}

/// The dialect that was asked for, or the one that fits the first lines best.
fn dialect(text: &[u8], options: &TextOptions) -> Result<Dialect> {
    let refused = |setting, reason: &str| Error::setting(setting, reason);
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
    let preferred = if has_comma { b';' } else { b',' };
    let fits = b"|\t;,".map(|separator| {
        let (how_well, n_cells) = fit(text, &of(separator));
        let is_preferred = separator == preferred;
        // One that fits well may be in the numbers or the texts, unless it is the usual one.
        (
            how_well,
            how_well == 2 && is_preferred,
            n_cells,
            is_preferred,
            separator,
        )
    });
    let best = fits.into_iter().max().filter(|best| best.2 > 1);
    // Texts have spaces too, so these separate cells only if the lines agree on their number, and nothing else separates
    // any, or only a tab does between cells that several spaces separate.
    let spaces = of(b' ');
    let (how_well, n_cells) = fit(text, &spaces);
    Ok(match best {
        Some((.., b'\t')) if how_well == 2 && has_spaces(text) => spaces,
        Some((.., separator)) => of(separator),
        None if how_well > 0 && n_cells > 1 => spaces,
        None => of(preferred),
    })
}

/// Whether the first line has several spaces between texts.
fn has_spaces(text: &[u8]) -> bool {
    let first = text.trim_ascii_start().split(|byte| *byte == b'\n').next();
    let mut pairs = first.unwrap_or_default().trim_ascii_end().windows(2);
    pairs.any(|pair| pair == b"  ")
}

/// How well a dialect fits the first lines, and how many cells the first has: 2 if all have as many, 1 if the others
/// have one more, as those with names of rows do.
fn fit(text: &[u8], dialect: &Dialect) -> (u8, usize) {
    let rows = Rows::new(text, 0, dialect).take(LOOKED_AT + 1);
    let mut counts = rows.map(|row| row.map_or(0, |row| row.len()));
    let n_cells = counts.next().unwrap_or(0);
    let others: Vec<usize> = counts.collect();
    let all = |n: usize| n > 1 && others.iter().all(|n_others| *n_others == n);
    let how_well = if all(n_cells) {
        2
    } else {
        u8::from(all(n_cells + 1))
    };
    (how_well, n_cells)
}

/// Gives rows that have one cell more than the first line a column without a name: the first, of their names, or the
/// last, behind a separator at the end of each. Takes away one that only the first line has.
fn place_names(first: &mut Vec<String>, rows: &[Vec<String>]) {
    let all = |n| !rows.is_empty() && rows.iter().all(|row| row.len() == n);
    let n_cells = first.len();
    if all(n_cells + 1) {
        let is_behind = rows.iter().all(|row| row[n_cells].is_empty());
        first.insert(if is_behind { n_cells } else { 0 }, String::new());
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
    let is_above_numbers = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let mut cells = cells.filter(|text| !text.is_empty());
        cells.clone().all(|text| is_either(&text)) && cells.any(|text| is_number(&text))
    };
    let above = first.iter().enumerate();
    let mut above = above.filter_map(|(column, text)| is_above_numbers(column).then_some(text));
    let is_data = above.clone().all(|text| is_either(&text));
    above.find(is_number).filter(|_| is_data)
}

/// Columns called by their places. An empty last one stands behind a separator at the end of each line.
fn numbered(first: &[String], rows: &[Vec<String>]) -> Columns {
    let last = first.len() - 1;
    let names = (1..=first.len()).map(|number| format!("#{number}"));
    let mut columns = Columns::named(names.collect());
    let mut cells = rows
        .iter()
        .filter_map(|row| row.get(last))
        .chain(first.last());
    if last > 0 && cells.all(String::is_empty) {
        columns.hide((0..=last).map(|column| column == last).collect());
    }
    columns
}
