//! One cell: where it ends, what is in it, and the number it is.

use memchr::{memchr, memchr_iter, memchr2};
use std::borrow::Cow;

/// How the cells of a file are written.
pub(super) struct Dialect {
    pub(super) separator: u8,
    /// Whether decimals have a comma.
    has_comma: bool,
    pub(super) words: Vec<Word>,
    /// Whether every number that `fast_float2` finds at the start of a cell is one.
    pub(super) is_plain: bool,
}

/// A text that stands for something else.
#[derive(Clone)]
pub(super) struct Word {
    pub(super) text: String,
    /// The number it is, as -999 may be one for a missing cell: however it is written, then.
    number: Option<f64>,
    /// What it is among numbers; none if it is a missing cell, among texts too.
    pub(super) truth: Option<f64>,
}

impl Word {
    fn new(text: &str, number: Option<f64>, truth: Option<f64>) -> Self {
        Self {
            text: text.to_owned(),
            number,
            truth,
        }
    }
}

impl Dialect {
    pub(super) fn new(separator: u8, has_comma: bool, missing: &[String]) -> Self {
        let truths = [("true", 1.0), ("false", 0.0), ("yes", 1.0), ("no", 0.0)];
        let mut dialect = Self {
            separator,
            has_comma,
            words: truths
                .map(|(text, value)| Word::new(text, None, Some(value)))
                .to_vec(),
            is_plain: !has_comma && separator != b' ',
        };
        for text in missing {
            let number = dialect.number(text);
            dialect.is_plain &= number.is_none();
            dialect.words.push(Word::new(text, number, None));
        }
        dialect
    }

    /// The text with a point in its decimals.
    pub(super) fn pointed<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.has_comma {
            // A point parts thousands then: it may not be taken for one of decimals.
            true => text.replace('.', "?").replace(',', ".").into(),
            false => text.into(),
        }
    }

    /// The finite number that a text is.
    pub(super) fn number(&self, text: &str) -> Option<f64> {
        let text = self.pointed(text);
        let value = fast_float2::parse(&*text).or_else(|_| text.parse());
        value.ok().filter(|value: &f64| value.is_finite())
    }

    /// Which of the words a text is, in a column of numbers or another one.
    pub(super) fn word(&self, text: &str, is_number: bool) -> Option<usize> {
        let may_be = (is_number && !self.is_plain).then_some(text);
        let number = may_be.and_then(|text| self.number(text));
        self.words.iter().position(|word| match word.truth {
            None => word.text == text || number.is_some() && word.number == number,
            Some(_) => is_number && word.text.eq_ignore_ascii_case(text),
        })
    }

    /// Whether it is white space within a line.
    pub(super) fn is_blank(&self, byte: u8) -> bool {
        byte.is_ascii_whitespace() && byte != b'\n' && byte != self.separator
    }
}

/// A cell without white space around it, and without its quotes.
pub(super) struct Cell<'t> {
    content: &'t [u8],
    /// Whether a quote within it is doubled.
    is_quoted: bool,
    /// Line ends within it.
    pub(super) n_line_ends: usize,
    /// Where the separator or the line end after it stands, or the end of the text.
    pub(super) end: usize,
}

impl<'t> Cell<'t> {
    /// Reads the cell that begins at `text[at]`.
    pub(super) fn read(
        text: &'t [u8],
        mut at: usize,
        dialect: &Dialect,
    ) -> Result<Self, &'static str> {
        let skip_blanks = |mut at: usize| {
            while text.get(at).is_some_and(|byte| dialect.is_blank(*byte)) {
                at += 1;
            }
            at
        };
        let start = skip_blanks(at);
        if text.get(start) != Some(&b'"') {
            let end = memchr2(dialect.separator, b'\n', &text[start..]);
            let end = end.map_or(text.len(), |end| start + end);
            return Ok(Self {
                content: text[start..end].trim_ascii_end(),
                is_quoted: false,
                n_line_ends: 0,
                end,
            });
        }
        let Some(quote) = closing_quote(text, start + 1) else {
            return Err("begins with a quote that nothing closes; close it, or leave it out");
        };
        at = skip_blanks(quote + 1);
        let content = &text[start + 1..quote];
        match text.get(at) {
            Some(byte) if *byte != dialect.separator && *byte != b'\n' => Err(
                "goes on after its closing quote; a quote that is part of a text is written twice",
            ),
            _ => Ok(Self {
                content: content.trim_ascii(),
                is_quoted: true,
                n_line_ends: memchr_iter(b'\n', content).count(),
                end: at,
            }),
        }
    }

    /// The cell as a text; quotes allow for line ends and tabs.
    pub(super) fn text(&self) -> Result<Cow<'t, str>, String> {
        let Ok(text) = std::str::from_utf8(self.content) else {
            return Err("the cell is not UTF-8; save the file as UTF-8".to_owned());
        };
        let is_allowed = |char| self.is_quoted && matches!(char, '\t' | '\n' | '\r');
        let is_printed = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_printed && text.contains(|char: char| char.is_control() && !is_allowed(char)) {
            return Err("the text holds control characters; remove them".to_owned());
        }
        // Offsets of a column of texts have 32 bits.
        if text.len() > 1 << 30 {
            return Err("the text is longer than 1 GiB; leave the column out".to_owned());
        }
        Ok(match self.is_quoted && text.contains("\"\"") {
            true => Cow::Owned(text.replace("\"\"", "\"")),
            false => Cow::Borrowed(text),
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

/// The rows of a text, cell by cell: to look at, not to read a table.
pub(super) struct Rows<'t> {
    pub(super) text: &'t [u8],
    pub(super) dialect: &'t Dialect,
    /// Where the next row or blank line begins.
    pub(super) at: usize,
    /// Lines before that.
    pub(super) n_lines: u64,
}

impl<'t> Rows<'t> {
    pub(super) fn new(text: &'t [u8], dialect: &'t Dialect) -> Self {
        Self {
            text,
            dialect,
            at: 0,
            n_lines: 0,
        }
    }

    /// Moves to the next line that is not blank; false if there is none.
    pub(super) fn skip_blank_lines(&mut self) -> bool {
        loop {
            let line = &self.text[self.at..];
            match line.iter().position(|byte| !self.dialect.is_blank(*byte)) {
                Some(end) if line[end] == b'\n' => {
                    self.at += end + 1;
                    self.n_lines += 1;
                }
                is_there => return is_there.is_some(),
            }
        }
    }

    /// The cells of the row that begins here.
    pub(super) fn row(&mut self) -> Result<Vec<Cell<'t>>, &'static str> {
        let mut cells = Vec::new();
        loop {
            let cell = Cell::read(self.text, self.at, self.dialect)?;
            let is_last = self.text.get(cell.end) != Some(&self.dialect.separator);
            self.at = self.text.len().min(cell.end + 1);
            self.n_lines += cell.n_line_ends as u64 + u64::from(is_last);
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
