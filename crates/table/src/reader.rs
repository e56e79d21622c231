//! What a reader of a format gives: the names of the columns at once, their cells when they are asked for.

use crate::error::{Result, listed, shown, some_of};
use arrow_array::ArrayRef;
use neuralnet::data::{Lines, TableValues};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How the cells of a column are read from a format without types, such as CSV. Formats with types give every column as
/// it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers: `Float64`, a null for a missing cell. `True` and `False`, `yes` and `no` are 1 and 0; any other text
    /// is an error.
    Number,
    /// Texts as they are written: `LargeUtf8`, a null for a missing cell.
    Text,
    /// Texts as they are written, those that elsewhere count as missing too: `LargeUtf8`, a null for an empty cell.
    Verbatim,
    /// What all cells together are: `Int64`, `UInt64` or `Float64` if each is a number written plainly, `Boolean` if
    /// each is `True` or `False`, otherwise `LargeUtf8`, so that `01` stays what it is.
    Inferred,
}

/// Consecutive rows of the columns that were asked for, in that order.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// One array for each column, each of `n_rows`: texts are `LargeUtf8`, and there are neither dictionaries nor bytes.
    /// A missing cell is a null, or NaN among floating-point numbers, which may be infinite too.
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) n_rows: usize,
    /// Where the rows stand in the table, the first of them row 0 here: their lines if it is a file of lines, otherwise
    /// how many rows come before them.
    pub(crate) places: Lines,
}

impl Batch {
    /// Rows of a table without lines, of which `first_row` come before these.
    pub(crate) fn without_lines(columns: Vec<ArrayRef>, n_rows: usize, first_row: usize) -> Self {
        let mut places = Lines::default();
        places.push(0, first_row as u64);
        Self {
            columns,
            n_rows,
            places,
        }
    }
}

/// What a format says of its columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    /// Their names, each once. A column without a name is called `#N` by its place, from 1.
    pub(crate) names: Vec<String>,
    /// Whether each row stands in a line of a text, which is told then.
    pub(crate) has_lines: bool,
    /// Whether decimals in its texts have a comma.
    pub(crate) has_comma: bool,
    /// Whether a column is used only if it is named: unnamed ones, and indices that the format marks.
    pub(crate) is_hidden: Vec<bool>,
    /// The columns that are targets unless others are named; empty for the last one that is not hidden.
    pub(crate) targets: Vec<usize>,
    /// Whether the targets are classes, though they may be numbers, as the labels of pictures are.
    pub(crate) targets_are_classes: bool,
    /// What was made of the file that its owner should know: a sentence each.
    pub(crate) notices: Vec<String>,
}

impl Columns {
    /// Columns called by these names, each once; a column without a name is called by its place, and hidden. No name
    /// that is made up is one that another column was given.
    pub(crate) fn named(names: Vec<String>) -> Self {
        let is_hidden: Vec<bool> = names.iter().map(String::is_empty).collect();
        let mut taken: HashSet<String> = names.iter().cloned().collect();
        let (mut given, mut copies, mut renamed) = (HashSet::new(), HashMap::new(), Vec::new());
        let each = (1..).zip(names).map(|(number, name)| {
            if name.is_empty() {
                return free_name(format!("#{number}"), &mut taken, &mut copies);
            }
            if given.insert(name.clone()) {
                return name;
            }
            let name = free_name(name, &mut taken, &mut copies);
            renamed.push(format!("column {number} is called `{}`", shown(&name)));
            name
        });
        let mut columns = Self {
            names: each.collect(),
            ..Self::default()
        };
        columns.hide(is_hidden);
        if !renamed.is_empty() {
            let renamed = some_of(renamed);
            let notice = format!("names that stand there twice get a number: {renamed}");
            columns.notices.push(notice);
        }
        columns
    }

    /// Hides columns that have no name of their own, with a notice.
    pub(crate) fn hide(&mut self, is_hidden: Vec<bool>) {
        let names = self.names.iter().zip(&is_hidden);
        let hidden = names.filter_map(|(name, is_hidden)| is_hidden.then_some(name));
        let hidden: Vec<&String> = hidden.collect();
        if !hidden.is_empty() {
            let names = listed(hidden);
            let notice = format!(
                "columns without a name are called by their places, and are features only if asked for: {names}"
            );
            self.notices.push(notice);
        }
        self.is_hidden = is_hidden;
    }
}

/// The name `text`, or the first of `text_2`, `text_3` and so on that is not taken; it is from then on.
fn free_name(
    text: String,
    taken: &mut HashSet<String>,
    copies: &mut HashMap<String, usize>,
) -> String {
    let mut name = text.clone();
    let copy = copies.entry(text.clone()).or_insert(1);
    while !taken.insert(name.clone()) {
        *copy += 1;
        name = format!("{text}_{copy}");
    }
    name
}

/// A table whose columns are known, and whose rows are read when they are asked for.
pub(crate) trait Reader: Send {
    /// The names of its columns, and what the format says of them.
    fn columns(&self) -> &Columns;

    /// Reads the columns `wanted`, each with the kind of its cells, of the next rows: about `n_rows` of them, or all
    /// for `usize::MAX`, in as many batches as suit the format. No batch comes after the last row. Every call has to
    /// ask for the same columns.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or holds a text where a number is asked for; the first such place in the
    /// file is named.
    fn read(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Vec<Batch>>;

    /// Bytes of the table, unpacked.
    fn n_bytes(&self) -> u64;

    /// The numbers of the next rows, `n_rows` at most, to be used where they lie, if they can be. They are next still,
    /// until [`skip`](Self::skip) leaves them behind.
    fn in_place(&self, _n_rows: usize) -> Option<InPlace> {
        None
    }

    /// Leaves behind the next `n_rows` rows, which were used where they lie.
    ///
    /// # Errors
    /// If the file was changed.
    fn skip(&mut self, _n_rows: usize) -> Result<()> {
        Ok(())
    }

    /// The texts that counted as missing cells of the column `column` so far.
    fn missing_texts(&self, _column: usize) -> Vec<String> {
        Vec::new()
    }

    /// What was made of the rows so far that their owner should know, each once.
    fn take_notices(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// Values of a file used where they lie: rows of `width`. Whether they are finite is not known yet.
pub(crate) struct InPlace {
    pub(crate) values: Arc<TableValues>,
    pub(crate) width: usize,
    /// The row of the file that the first of them is.
    pub(crate) first_row: usize,
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn a_name_that_is_made_up_is_nobody_elses() {
        let columns =
            |names: Vec<&str>| Columns::named(names.into_iter().map(str::to_owned).collect());
        let three = columns(vec!["y", "y_2", "y", "y"]);
        assert_eq!(three.names, ["y", "y_2", "y_3", "y_4"]);
        assert_eq!(columns(vec!["y", "y", "y_2"]).names, ["y", "y_3", "y_2"]);
        let unnamed = columns(vec!["", "#1", "", "a"]);
        assert_eq!(unnamed.names, ["#1_2", "#1", "#3", "a"]);
        assert_eq!(unnamed.is_hidden, [true, false, true, false]);
        let many = columns(vec!["y"; 100_000]);
        assert_eq!(many.names[99_999], "y_100000");
        assert_eq!(many.notices.len(), 1, "{:?}", many.notices);
    }
}
