//! Cells: where they end, what is in them, and the numbers they are.

use crate::numerals::pointed;
use memchr::{memchr, memchr_iter, memchr2, memchr3};
use std::borrow::Cow;

/// How the cells of a file are written.
pub(super) struct Dialect {
    /// A space stands for any white space within a line, however much of it: tables may be aligned.
    pub(super) separator: u8,
    /// Whether decimals have a comma.
    pub(super) has_comma: bool,
    pub(super) words: Vec<Word>,
    /// Whether a word, in letters of any size, begins with the byte, and whether one ends with it.
    begins_word: [bool; 256],
    ends_word: [bool; 256],
    /// Whether one of the words is a number.
    pub(super) has_numbers: bool,
    /// Whether every number that `fast_float2` finds at the start of a cell is one.
    pub(super) has_plain_numbers: bool,
}

/// A text that stands for something else.
pub(super) struct Word {
    pub(super) text: String,
    /// The number it is, as -999 may be one for a missing cell: however it is written, then.
    number: Option<f64>,
    /// What it is among numbers; none if it is a missing cell, among texts too.
    pub(super) value: Option<f64>,
}

impl Dialect {
    pub(super) fn new(separator: u8, has_comma: bool, missing: &[String]) -> Self {
        let truths = [("True", 1.0), ("False", 0.0), ("yes", 1.0), ("no", 0.0)];
        let mut dialect = Self {
            separator,
            has_comma,
            words: Vec::new(),
            begins_word: [false; 256],
            ends_word: [false; 256],
            has_numbers: false,
            has_plain_numbers: !has_comma,
        };
        let truths = truths.map(|(text, value)| Word {
            text: text.to_owned(),
            number: None,
            value: Some(value),
        });
        let missing = missing.iter().map(|text| Word {
            text: text.clone(),
            number: dialect.number(text),
            value: None,
        });
        dialect.words = truths.into_iter().chain(missing).collect();
        for word in &dialect.words {
            let bytes = word.text.as_bytes();
            for (is_of_word, byte) in [
                (&mut dialect.begins_word, bytes.first()),
                (&mut dialect.ends_word, bytes.last()),
            ] {
                for byte in byte.into_iter() {
                    is_of_word[usize::from(byte.to_ascii_lowercase())] = true;
                    is_of_word[usize::from(byte.to_ascii_uppercase())] = true;
                }
            }
        }
        dialect.has_numbers = dialect.words.iter().any(|word| word.number.is_some());
        dialect.has_plain_numbers &= !dialect.has_numbers;
        dialect
    }

    /// The text with a point in its decimals.
    pub(super) fn pointed<'t>(&self, text: &'t str) -> Cow<'t, str> {
        pointed(text, self.has_comma)
    }

    /// The finite number that a text is.
    pub(super) fn number(&self, text: &str) -> Option<f64> {
        let text = self.pointed(text);
        let value = fast_float2::parse(&*text).or_else(|_| text.parse());
        value.ok().filter(|value: &f64| value.is_finite())
    }

    /// Which of the words a text is, in a column of numbers or another one.
    pub(super) fn word(&self, text: &str, is_number: bool) -> Option<usize> {
        // Most cells are none.
        if let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().last())
            && !(self.begins_word[usize::from(first)] && self.ends_word[usize::from(last)])
            && !(is_number && self.has_numbers)
        {
            return None;
        }
        let number = is_number.then(|| self.missing_number(text)).flatten();
        number.or_else(|| {
            self.words.iter().position(|word| match word.value {
                None => word.text == text,
                Some(_) => is_number && word.text.eq_ignore_ascii_case(text),
            })
        })
    }

    /// Which of the words a text is as a number, however it is written.
    pub(super) fn missing_number(&self, text: &str) -> Option<usize> {
        let number = self.has_numbers.then(|| self.number(text)).flatten()?;
        let of_number = |word: &Word| word.number == Some(number);
        self.words.iter().position(of_number)
    }

    /// Whether any white space within a line separates cells.
    fn is_aligned(&self) -> bool {
        self.separator == b' '
    }

    /// Whether it is white space within a line that may stand before a cell.
    fn is_blank(&self, byte: u8) -> bool {
        let is_separator = byte == self.separator && !self.is_aligned();
        byte.is_ascii_whitespace() && byte != b'\n' && !is_separator
    }

    /// Whether a quote after `before`, outside quotes, opens a cell: another one is a letter like any other.
    pub(super) fn opens_cell(&self, before: &[u8]) -> bool {
        if self.is_aligned() {
            return before.last().is_none_or(u8::is_ascii_whitespace);
        }
        let mut before = before.iter().rev();
        let last = before.find(|byte| !self.is_blank(**byte));
        last.is_none_or(|last| *last == self.separator || *last == b'\n')
    }

    /// Where the cell without quotes ends that begins at `text[start]`.
    fn end_of_bare(&self, text: &[u8], start: usize) -> usize {
        let end = match self.is_aligned() {
            true => memchr3(b' ', b'\t', b'\n', &text[start..]),
            false => memchr2(self.separator, b'\n', &text[start..]),
        };
        end.map_or(text.len(), |end| start + end)
    }
}

/// A cell without white space around it, and without its quotes.
pub(super) struct Cell<'t> {
    content: &'t [u8],
    is_quoted: bool,
    /// Whether white space was left out: around a cell without quotes, or at its ends within them.
    pub(super) is_trimmed: bool,
}

impl<'t> Cell<'t> {
    /// Whether white space beyond ASCII, such as a no-break space, is left out at the ends of the text.
    pub(super) fn has_wide_blanks(&self) -> bool {
        let ends = [self.content.first(), self.content.last()];
        ends.into_iter().flatten().any(|byte| !byte.is_ascii())
            && str::from_utf8(self.content).is_ok_and(|text| text.trim().len() < text.len())
    }

    /// The cell as a text; quotes allow for line ends and tabs, and a quote within them is doubled.
    pub(super) fn text(&self) -> Result<Cow<'t, str>, &'static str> {
        let Ok(text) = std::str::from_utf8(self.content) else {
            return Err("the cell is not UTF-8; save the file as UTF-8");
        };
        let is_allowed = |char| self.is_quoted && matches!(char, '\t' | '\n' | '\r');
        let is_printed = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_printed && text.contains(|char: char| char.is_control() && !is_allowed(char)) {
            return Err("the text holds control characters; remove them");
        }
        let text = if is_printed { text } else { text.trim() };
        Ok(match self.is_quoted && text.contains("\"\"") {
            true => text.replace("\"\"", "\"").into(),
            false => text.into(),
        })
    }
}

/// The first quote from `at` on that is not doubled.
pub(super) fn closing_quote(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let quote = at + memchr(b'"', text.get(at..)?)?;
        if text.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

/// The rows of a text, cell by cell.
pub(super) struct Rows<'t> {
    pub(super) text: &'t [u8],
    pub(super) dialect: &'t Dialect,
    /// Where the next cell or blank line begins.
    pub(super) at: usize,
    /// Lines before that.
    pub(super) n_lines: u64,
    /// Blank lines among these.
    pub(super) n_blank: u64,
}

impl<'t> Rows<'t> {
    /// The rows from the byte `at` on.
    pub(super) fn new(text: &'t [u8], at: usize, dialect: &'t Dialect) -> Self {
        Self {
            text,
            dialect,
            at,
            n_lines: 0,
            n_blank: 0,
        }
    }

    /// Where the first byte from `at` on stands that is not white space within a line.
    fn skip_blanks(&self, at: usize) -> usize {
        let mut rest = self.text[at..].iter();
        let n_blanks = rest.position(|byte| !self.dialect.is_blank(*byte));
        n_blanks.map_or(self.text.len(), |n_blanks| at + n_blanks)
    }

    /// Moves to the next line that is not blank; false if there is none.
    pub(super) fn skip_blank_lines(&mut self) -> bool {
        loop {
            let end = self.skip_blanks(self.at);
            match self.text.get(end) {
                Some(b'\n') => {
                    (self.at, self.n_lines) = (end + 1, self.n_lines + 1);
                    self.n_blank += 1;
                }
                is_there => return is_there.is_some(),
            }
        }
    }

    /// Moves behind the separator or the line end after a cell that ends at `end`, and says whether the row ends there;
    /// none if something else follows.
    pub(super) fn close(&mut self, mut end: usize) -> Option<bool> {
        let is_aligned = self.dialect.is_aligned();
        match is_aligned {
            true => end = self.skip_blanks(end),
            false => {
                while self.text.get(end) == Some(&b' ') {
                    end += 1;
                }
            }
        }
        let is_separated = || self.text[..end].last().is_some_and(u8::is_ascii_whitespace);
        let (is_last, length) = match self.text.get(end) {
            Some(byte) if *byte == self.dialect.separator => (false, 1),
            Some(b'\n') => (true, 1),
            Some(b'\r') if self.text.get(end + 1) == Some(&b'\n') => (true, 2),
            Some(b'\r') if end + 1 == self.text.len() => (true, 1),
            None => (true, 0),
            Some(_) if is_aligned && is_separated() => (false, 0),
            Some(_) => return None,
        };
        self.at = end + length;
        self.n_lines += u64::from(is_last);
        Some(is_last)
    }

    /// The cell that begins here, and whether the row ends behind it.
    pub(super) fn cell(&mut self) -> Result<(Cell<'t>, bool), &'static str> {
        let text = self.text;
        let start = self.skip_blanks(self.at);
        let is_quoted = text.get(start) == Some(&b'"');
        let (content, end, is_trimmed) = if is_quoted {
            let quote = closing_quote(text, start + 1)
                .ok_or("begins with a quote that nothing closes; close it, or leave it out")?;
            let content = &text[start + 1..quote];
            self.n_lines += memchr_iter(b'\n', content).count() as u64;
            let bare = content.trim_ascii();
            let is_trimmed = bare.len() < content.len();
            (bare, self.skip_blanks(quote + 1), is_trimmed)
        } else {
            let end = self.dialect.end_of_bare(text, start);
            let content = text[start..end].trim_ascii_end();
            let behind = &text[start + content.len()..end];
            // A line may end in a carriage return and a line feed.
            let is_line_end = behind == b"\r" && text.get(end) != Some(&self.dialect.separator);
            let is_at_ends = start > self.at || !(behind.is_empty() || is_line_end);
            let is_trimmed = is_at_ends && !self.dialect.is_aligned();
            (content, end, is_trimmed)
        };
        let is_last = self.close(end).ok_or(
            "goes on after its closing quote; a quote that is part of a text is written twice",
        )?;
        let cell = Cell {
            content,
            is_quoted,
            is_trimmed,
        };
        Ok((cell, is_last))
    }

    /// The cells of the row that begins here.
    pub(super) fn row(&mut self) -> Result<Vec<Cell<'t>>, &'static str> {
        let mut cells = Vec::new();
        loop {
            let (cell, is_last) = self.cell()?;
            cells.push(cell);
            if is_last {
                return Ok(cells);
            }
        }
    }
}

impl<'t> Iterator for Rows<'t> {
    type Item = Result<Vec<Cell<'t>>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blank_lines().then(|| self.row())
    }
}
