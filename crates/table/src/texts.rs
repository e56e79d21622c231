//! The different texts of a column.

use std::collections::HashMap;

/// Codes are kept as f32, which counts no further.
const MOST: usize = 1 << 24;

/// The texts of a column in the order in which they were first seen, which is that of their codes.
#[derive(Debug, Default)]
pub(super) struct Texts {
    codes: HashMap<String, f32>,
    texts: Vec<String>,
}

impl Texts {
    /// The code of `text`.
    ///
    /// # Errors
    /// Where there are more different texts than codes.
    pub(super) fn code(&mut self, text: &str) -> Result<f32, String> {
        if let Some(code) = self.codes.get(text) {
            return Ok(*code);
        }
        if self.texts.len() == MOST {
            return Err(format!(
                "is the text after {MOST} different ones, and no more can be told apart; leave the column out"
            ));
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 2²⁴, which is exact")]
        let code = self.texts.len() as f32;
        self.codes.insert(text.to_owned(), code);
        self.texts.push(text.to_owned());
        Ok(code)
    }

    /// The texts in the order of their codes.
    pub(super) fn into_inner(self) -> Vec<String> {
        self.texts
    }
}
