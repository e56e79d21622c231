//! What separates the cells of a file, found in its first lines.

use super::cell::{Cell, Dialect, Rows};
use crate::error::{Error, Result};
use crate::options::{MISSING, TextOptions};

/// Lines that are looked at beside the first.
pub(super) const LOOKED_AT: usize = 20;

/// The dialect that was asked for, or the one that fits the first lines best.
pub(super) fn dialect(text: &[u8], options: &TextOptions) -> Result<Dialect> {
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
    let preferred = match has_comma || has_decimal_commas(text, &missing) {
        true => b';',
        false => b',',
    };
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

/// Whether semicolons separate numbers, some of which have a comma, that commas would tear apart.
fn has_decimal_commas(text: &[u8], missing: &[String]) -> bool {
    let dialect = Dialect::new(b';', true, missing);
    let are_numbers = |row: Vec<Cell<'_>>| {
        let mut texts = row.iter().map(|cell| cell.text().unwrap_or_default());
        texts.all(|text| dialect.number(&text).is_some() || dialect.word(&text, true).is_some())
    };
    let rows = Rows::new(text, 0, &dialect).take(LOOKED_AT + 1).skip(1);
    fit(text, &dialect).0 == 2 && rows.map_while(std::result::Result::ok).all(are_numbers)
}

/// Whether the first line has several spaces between texts.
fn has_spaces(text: &[u8]) -> bool {
    let first = text.trim_ascii_start().split(|byte| *byte == b'\n').next();
    let mut pairs = first.unwrap_or_default().trim_ascii_end().windows(2);
    pairs.any(|pair| pair == b"  ")
}

/// How well a dialect fits the first lines, and how many cells the first has: 2 if all have as many, 1 if the others
/// have one more, as those with names of rows do.
pub(super) fn fit(text: &[u8], dialect: &Dialect) -> (u8, usize) {
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
