//! What was made of cells that their owner should know.

use super::cell::Dialect;
use crate::error::{shown, some_of};
use std::collections::{BTreeMap, BTreeSet};

/// 2^53: from here on not every integer is a float64.
const WIDE: f64 = 9_007_199_254_740_992.0;

/// What was made of the cells of each column, which is known by its place.
#[derive(Default)]
pub(super) struct Tally {
    /// How many cells are which word of the dialect in which column.
    words: BTreeMap<(usize, usize), usize>,
    /// How many texts of a column lost white space at their ends.
    trimmed: BTreeMap<usize, usize>,
    /// Columns with an integer past 2^53 that is no float64; of those whose type was inferred, with any number of more
    /// digits than float64 has.
    lost_digits: BTreeSet<usize>,
}

impl Tally {
    /// Counts cells of the column `column` that are the word `word`.
    pub(super) fn word(&mut self, word: usize, column: usize, n_cells: usize) {
        *self.words.entry((word, column)).or_default() += n_cells;
    }

    /// Counts texts of the column `column` that lost white space at their ends.
    pub(super) fn trimmed(&mut self, column: usize, n_cells: usize) {
        *self.trimmed.entry(column).or_default() += n_cells;
    }

    /// Forgets the texts of the column `column`, whose cells turned out to be something else.
    pub(super) fn forget_trimmed(&mut self, column: usize) {
        self.trimmed.remove(&column);
    }

    /// Takes note of the column `column`, whose cells hold more digits than their numbers.
    pub(super) fn lost_digits(&mut self, column: usize) {
        self.lost_digits.insert(column);
    }

    /// Looks for digits of the cell `text` of a column of numbers that are not in its `value`.
    pub(super) fn wide_number(&mut self, column: usize, text: &str, value: f64) {
        if !self.lost_digits.contains(&column) && loses_digits(text, value) {
            self.lost_digits(column);
        }
    }

    /// Adds what was made of other rows.
    pub(super) fn add(&mut self, other: Self) {
        for ((word, column), n_cells) in other.words {
            self.word(word, column, n_cells);
        }
        for (column, n_cells) in other.trimmed {
            self.trimmed(column, n_cells);
        }
        self.lost_digits.extend(other.lost_digits);
    }

    /// What the owner of the table should know, a sentence each; `names` are those of its columns.
    pub(super) fn notices(&self, dialect: &Dialect, names: &[String]) -> Vec<String> {
        let counted =
            |column: &usize, n_cells: &usize| format!("{n_cells} of `{}`", shown(&names[*column]));
        let told = dialect.words.iter().enumerate().filter_map(|(nth, word)| {
            let mut cells = self.words.range((nth, 0)..(nth + 1, 0)).peekable();
            cells.peek()?;
            let cells = some_of(cells.map(|((_, column), n_cells)| counted(column, n_cells)));
            let value = word.value.map(|value| value.to_string());
            let value = value.as_deref().unwrap_or("missing");
            let word = shown(&word.text);
            Some(format!("cells that are `{word}` count as {value}: {cells}"))
        });
        let lost = self.lost_digits.iter().map(|column| {
            format!(
                "column `{}` has numbers of more digits than float64, which become the nearest",
                shown(&names[*column])
            )
        });
        let trimmed = self.trimmed.iter();
        let trimmed = some_of(trimmed.map(|(column, n_cells)| counted(column, n_cells)));
        let trimmed = (!trimmed.is_empty())
            .then(|| format!("white space at the ends of texts is left out: {trimmed}"));
        told.chain(trimmed).chain(lost).collect()
    }
}

/// Whether a number is so large that not every integer near it is a float64.
pub(super) fn is_wide(value: f64) -> bool {
    value.abs() >= WIDE
}

/// Whether the text of a float64 has digits that the float64 has not: more than 17, or those of a whole number past 2^53.
pub(super) fn loses_digits(text: &str, value: f64) -> bool {
    /// 9007199254740993 has the fewest digits that a float64 may lose.
    const SHORTEST: usize = 16;
    if text.len() < SHORTEST {
        return false;
    }
    let digits = |text: &str| {
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let digits = mantissa.chars().filter(char::is_ascii_digit);
        let digits: String = digits.collect();
        digits.trim_matches('0').to_owned()
    };
    let may_lose = is_wide(value) || text.bytes().filter(u8::is_ascii_digit).count() > 17;
    if !may_lose {
        return false;
    }
    let written = digits(text);
    (is_wide(value) || written.len() > 17)
        && written != digits(&format!("{value:e}"))
        && written != digits(&format!("{value:.0}"))
}
