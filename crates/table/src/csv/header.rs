//! What the first lines of a file say: the names of the columns, and where the rows begin.

use super::cell::{Dialect, Rows};
use super::separator::{LOOKED_AT, dialect, fit};
use crate::error::{Error, Place, Remedy, Result, listed, shown};
use crate::numerals::are_thousands;
use crate::options::TextOptions;
use crate::reader::Columns;
use memchr::memchr;
use std::path::Path;

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
    let mut options = options.clone();
    let (start, mut notices) = begin(text, &mut options)?;
    let dialect = dialect(&text[start.0..], &options)?;
    let mut rows = Rows::new(text, start.0, &dialect);
    rows.n_lines = start.1;
    if !rows.skip_blank_lines() {
        let reason = "the file is empty; it needs a header line of column names, then rows";
        return Err(Error::file(path, reason));
    }
    let place = Place::line(path, rows.n_lines + 1);
    let mut start = (rows.at, rows.n_lines);
    let first = texts(&mut rows, &place)?;
    if options.header != Some(false) {
        start = (rows.at, rows.n_lines);
        if !rows.skip_blank_lines() {
            return Err(Error::file(
                path,
                "holds a header and no rows; add at least one",
            ));
        }
    }
    let sample = sample(&mut rows);
    refuse_title(&place, &first, &sample)?;
    let mut columns = match options.header {
        Some(false) => numbered(&first, &sample),
        _ => {
            let is_quoted = memchr(b'"', &text[start.0..rows.at]).is_some();
            let may_be_halves = dialect.separator == b',' && !is_quoted && are_integers(&sample);
            named(&place, first, &sample, (&dialect, may_be_halves), &options)?
        }
    };
    if options.separator.is_none() && dialect.separator != b',' && columns.names.len() > 1 {
        notices.insert(0, separated(dialect.separator));
    }
    if dialect.separator == b';' && options.decimal.is_none() {
        notices.extend(thousands(&columns.names, &sample));
    }
    columns.notices.splice(..0, notices);
    (columns.has_lines, columns.has_comma) = (true, dialect.has_comma);
    let (start, n_lines) = start;
    Ok(Header {
        columns,
        dialect,
        start,
        n_lines,
    })
}

/// Where the first line of cells begins and how many lines come before it, and what is said of what other programs put
/// before its cells: the line `sep=;` of Excel, which names the separator, and the `# ` of numpy.savetxt.
fn begin(text: &[u8], options: &mut TextOptions) -> Result<((usize, u64), Vec<String>)> {
    let mark = if text.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let line = text[mark..].split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    if let [b's', b'e', b'p', b'=', separator] | [b's', b'e', b'p', b'=', separator, b'\r'] = line {
        let separator = *options.separator.get_or_insert(char::from(*separator));
        let separator = u8::try_from(separator).unwrap_or_default();
        let notice = format!("{}; the line `sep=` is no row", separated(separator));
        return Ok((((mark + line.len() + 1).min(text.len()), 1), vec![notice]));
    }
    let fits = |at: usize| -> Result<bool> {
        Ok(fit(&text[at..], &dialect(&text[at..], options)?).0 == 2)
    };
    if line.starts_with(b"# ") && !fits(mark)? && fits(mark + 2)? {
        let notice = "`# ` before the first name is left out".to_owned();
        return Ok(((mark + 2, 0), vec![notice]));
    }
    Ok(((mark, 0), Vec::new()))
}

/// The cells of the line at `place`, which begins here.
fn texts(rows: &mut Rows<'_>, place: &Place) -> Result<Vec<String>> {
    let refused = |reason: String| Error::at(place.clone(), reason);
    let cells = rows
        .row()
        .map_err(|reason| refused(format!("a cell {reason}")))?;
    let names = cells.iter().zip(1..).map(|(cell, number)| {
        let name = cell.text().map(String::from);
        name.map_err(|reason| refused(format!("the name of column {number}: {reason}")))
    });
    names.collect()
}

/// Columns with the names that are the `first` line, at `place`; rows of two cells may be the halves of numbers.
fn named(
    place: &Place,
    mut first: Vec<String>,
    rows: &[Vec<String>],
    (dialect, may_be_halves): (&Dialect, bool),
    options: &TextOptions,
) -> Result<Columns> {
    let have_names = place_names(&mut first, rows);
    if have_names && may_be_halves && first.len() == 2 && options.separator.is_none() {
        return Err(like_halves(place, &rows[0]));
    }
    if options.header.is_none() {
        refuse_data(place, &first, rows, dialect)?;
    }
    if first.iter().all(String::is_empty) {
        return Err(Error::at(place.clone(), "holds no column names"));
    }
    let row_names = have_names.then(|| row_names(&first[1], may_be_halves));
    let mut columns = Columns::named(first);
    columns.notices.extend(row_names);
    hide_counts(&mut columns, rows);
    Ok(columns)
}

/// What is said of a separator that was found.
fn separated(separator: u8) -> String {
    let separator = match separator {
        b'\t' => "tabs".to_owned(),
        b' ' => "spaces".to_owned(),
        separator => format!("`{}`", char::from(separator)),
    };
    format!("cells are separated by {separator}")
}

/// Refuses a first line of fewer cells than the next ones agree on, by two or more: a title, or a comment.
fn refuse_title(place: &Place, first: &[String], rows: &[Vec<String>]) -> Result<()> {
    let (n_cells, n_next) = (first.len(), rows.first().map_or(0, Vec::len));
    if rows.len() < 2 || n_next < n_cells + 2 || rows.iter().any(|row| row.len() != n_next) {
        return Ok(());
    }
    let cells = if n_cells == 1 { "cell" } else { "cells" };
    let reason = format!(
        "has {n_cells} {cells}, and the next lines have {n_next}; remove it, or name every column"
    );
    Err(Error::at(place.clone(), reason))
}

/// Refuses a first line that may be a row: with a number above numbers, or made of texts that stand below it as well.
fn refuse_data(
    place: &Place,
    first: &[String],
    rows: &[Vec<String>],
    dialect: &Dialect,
) -> Result<()> {
    let reason = match number_above_numbers(first, rows, dialect) {
        Some(number) => format!("`{}` above numbers", shown(number)),
        None if stands_below(first, rows) => "all of its cells stand below it too".to_owned(),
        None => return Ok(()),
    };
    let reason = format!("the first line looks like data ({reason})");
    let error = Error::at(place.clone(), reason);
    let error = error.or(Remedy::new("header", "false", "reads it as a row"));
    Err(error.or(Remedy::new("header", "true", "takes it as names")))
}

/// Whether each cell of the first line stands in its column again. A line that repeats it as a whole is told where it is
/// read.
fn stands_below(first: &[String], rows: &[Vec<String>]) -> bool {
    let stands = |(column, text)| rows.iter().any(|row| row.get(column) == Some(text));
    let is_repeated = rows.iter().any(|row| row == first);
    first.len() > 1 && !is_repeated && first.iter().enumerate().all(stands)
}

/// Whether all cells are integers, as the halves of numbers with a decimal comma are.
fn are_integers(rows: &[Vec<String>]) -> bool {
    rows.iter().flatten().all(|text| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The error of a line with one name, above rows such as `row`, of two cells or one number with a decimal comma.
fn like_halves(place: &Place, row: &[String]) -> Error {
    let row = row.join(",");
    let error = Error::at(
        place.clone(),
        format!("has one name, and the rows have two cells, as `{row}`"),
    );
    let error = error.or(Remedy::new("decimal", ",", "reads a decimal comma"));
    let effect = "takes the first cell as the name of its row";
    error.or(Remedy::new("separator", ",", effect))
}

/// What is said of rows whose first cell is taken as their name, so that `name` is above their second.
fn row_names(name: &str, may_be_halves: bool) -> String {
    let hint = match may_be_halves {
        true => "; if their numbers have decimal commas, put `;` between the cells",
        false => "",
    };
    let name = shown(name);
    format!(
        "rows have one cell more than the first line: the first is the name of the row, and `{name}` is the second{hint}"
    )
}

/// Hides the first columns that count the rows and have the name that pandas gives to an index of a file without a mark.
fn hide_counts(columns: &mut Columns, rows: &[Vec<String>]) {
    let is_count = |column: usize, name: &str| {
        let mut numbered = rows.iter().zip(0..);
        name.starts_with("Unnamed: ")
            && numbered.all(|(row, number): (_, usize)| {
                row.get(column)
                    .is_some_and(|text| *text == number.to_string())
            })
    };
    for (column, name) in columns.names.iter().enumerate() {
        if columns.is_hidden[column] {
            continue;
        }
        if !is_count(column, name) {
            break;
        }
        columns.is_hidden[column] = true;
        let notice = format!(
            "column `{}` counts the rows, as an index of pandas does, and is a feature only if asked for",
            shown(name)
        );
        columns.notices.push(notice);
    }
}

/// What is said of numbers between semicolons, as decimal commas need them, whose points all stand where they part thousands.
fn thousands(names: &[String], rows: &[Vec<String>]) -> Option<String> {
    let pointed = |column: usize| {
        let cells = rows.iter().filter_map(move |row| row.get(column));
        cells.filter(|text| text.parse::<f64>().is_ok() && text.contains('.'))
    };
    let found: Vec<usize> = (0..names.len())
        .filter(|at| pointed(*at).next().is_some())
        .collect();
    let mut all = found.iter().flat_map(|column| pointed(*column));
    let example = all.clone().next()?;
    all.all(|text| are_thousands(&text.replace('.', ","))).then(|| {
        let names = listed(found.iter().map(|column| &names[*column]));
        format!("points are those of decimals, as in `{example}`; if they part thousands, leave them out: {names}")
    })
}

/// The texts of the next rows, as far as they can be read.
fn sample(rows: &mut Rows<'_>) -> Vec<Vec<String>> {
    let rows = rows.take(LOOKED_AT).map_while(std::result::Result::ok);
    let texts = rows.map(|row| {
        let texts = row
            .iter()
            .map(|cell| cell.text().unwrap_or_default().into_owned());
        texts.collect()
    });
    texts.collect()
}

/// Gives rows that have one cell more than the first line a column without a name: the first, of their names, or the
/// last, behind a separator at the end of each. Takes away one that only the first line has. Says whether rows have names.
fn place_names(first: &mut Vec<String>, rows: &[Vec<String>]) -> bool {
    let all = |n| !rows.is_empty() && rows.iter().all(|row| row.len() == n);
    let n_cells = first.len();
    if all(n_cells + 1) {
        let is_behind = rows.iter().all(|row| row[n_cells].is_empty());
        first.insert(if is_behind { n_cells } else { 0 }, String::new());
        return !is_behind;
    }
    if n_cells > 1 && all(n_cells - 1) && first[n_cells - 1].is_empty() {
        first.pop();
    }
    false
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
