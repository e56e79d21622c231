//! What was made of cells that their owner should know.

use super::cell::Dialect;
use crate::error::{shown, some_of};
use crate::wide::WHOLE;
use std::collections::BTreeMap;

/// What was made of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// It is the word of the dialect with this index.
    Word(usize),
    /// It is a text without the white space at its ends.
    Trimmed,
    /// It is the number nearest to its digits, of which a float64 has fewer.
    Rounded,
}

/// How many cells of each column, known by its place, were changed in which way.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<(Change, usize), usize>);

impl Tally {
    /// Counts a cell of the column `column`.
    pub(super) fn count(&mut self, change: Change, column: usize) {
        *self.0.entry((change, column)).or_default() += 1;
    }

    /// Forgets the cells of the column `column` that were trimmed: they turned out to be no texts.
    pub(super) fn forget_trimmed(&mut self, column: usize) {
        self.0.remove(&(Change::Trimmed, column));
    }

    /// Looks for digits of the cell `text` of a column of numbers that are not in its `value`, until one has some.
    pub(super) fn number(&mut self, column: usize, text: &str, value: f64) {
        if !self.0.contains_key(&(Change::Rounded, column)) && loses_digits(text, value) {
            self.count(Change::Rounded, column);
        }
    }

    /// The texts that are missing cells of the column `column`.
    pub(super) fn missing_texts(&self, column: usize, dialect: &Dialect) -> Vec<String> {
        let of_column = self.0.keys().filter(|(_, other)| *other == column);
        let words = of_column.filter_map(|(change, _)| match change {
            Change::Word(word) => Some(&dialect.words[*word]),
            _ => None,
        });
        let missing = words.filter(|word| word.value.is_none());
        missing.map(|word| word.text.clone()).collect()
    }

    /// Adds what was made of other rows.
    pub(super) fn add(&mut self, other: Self) {
        for (of, n_cells) in other.0 {
            *self.0.entry(of).or_default() += n_cells;
        }
    }

    /// What the owner of the table should know, a sentence each; `names` are those of its columns.
    pub(super) fn notices(&self, dialect: &Dialect, names: &[String]) -> Vec<String> {
        let columns: Vec<_> = self.0.iter().collect();
        let notices = columns.chunk_by(|((one, _), _), ((other, _), _)| one == other);
        let notices = notices.flat_map(|columns| {
            let names = columns.iter().map(|((_, column), _)| shown(&names[*column]));
            let counted = columns.iter().zip(names.clone());
            let counted = some_of(counted.map(|((_, n_cells), name)| format!("{n_cells} of `{name}`")));
            match columns[0].0.0 {
                Change::Word(word) => {
                    let word = &dialect.words[word];
                    let value = word.value.map(|value| value.to_string());
                    let value = value.as_deref().unwrap_or("missing");
                    let text = shown(&word.text);
                    vec![format!("cells that are `{text}` count as {value}: {counted}")]
                }
                Change::Trimmed => {
                    vec![format!("white space at the ends of texts is left out: {counted}")]
                }
                Change::Rounded => {
                    let of_column = |name| format!("column `{name}` has numbers of more digits than float64, which become the nearest");
                    names.map(of_column).collect()
                }
            }
        });
        notices.collect()
    }
}

/// Whether a number is so large that its fraction is lost, and perhaps some of its integer.
pub(super) fn is_wide(value: f64) -> bool {
    value.abs() >= WHOLE
}

/// Whether the text of a float64 has digits that the float64 has not: more than 17, or those of a wide number. Of a
/// number with a fraction or an exponent, the fewest digits that give it back are as many as a program writes.
pub(super) fn loses_digits(text: &str, value: f64) -> bool {
    let digits = |text: &str| {
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        digits.trim_matches('0').to_owned()
    };
    let n_digits = text.bytes().filter(u8::is_ascii_digit).count();
    if n_digits <= 17 && !is_wide(value) {
        return false;
    }
    let written = digits(text);
    let is_integer = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    (is_wide(value) || written.len() > 17)
        && (is_integer || written != digits(&format!("{value:e}")))
        && written != digits(&format!("{value:.0}"))
}
