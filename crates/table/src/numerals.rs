//! Numbers as people write them in texts.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// The one spelling of a number that is written plainly, so that `1`, `1.0` and `1e0` are the same; `None` for any
/// other text, among them `01` and `+1`, which are codes as often as numbers. Digits are kept, however many there are.
pub(crate) fn canonical(text: &str) -> Option<Cow<'_, str>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(places) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    if exponent.is_some() {
        let number: f64 = text
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())?;
        return Some(format!("{}", number + 0.0).into());
    }
    let places = places.trim_end_matches('0');
    let short = match (mantissa.contains('.'), places.is_empty()) {
        (true, true) => &text[..text.len() - digits.len() + whole.len()],
        (true, false) => &text[..text.len() - digits.len() + whole.len() + 1 + places.len()],
        (false, _) => text,
    };
    Some(if short == "-0" { "0" } else { short }.into())
}

/// A number as a text with a point in its decimals, which may have a comma there.
pub(crate) fn pointed(text: &str, has_comma: bool) -> Cow<'_, str> {
    match has_comma {
        // A point parts thousands then: it may not be taken for one of decimals.
        true => text.replace('.', "?").replace(',', ".").into(),
        false => text.into(),
    }
}

/// Why a text that is written as a number is none to compute with, if it is such a text.
pub(crate) fn not_finite(pointed: &str) -> Option<&'static str> {
    let number: f64 = pointed.parse().ok()?;
    match number.is_finite() {
        true => None,
        false if pointed.contains(['n', 'N']) => {
            Some("is not finite; every cell needs a finite number")
        }
        false => Some("is beyond the largest number of 64 bits, 1.8e308; rescale the column"),
    }
}

/// Whether a text stands for no number.
pub(crate) fn is_nan(text: &str) -> bool {
    text.parse().is_ok_and(f64::is_nan)
}

/// Whether commas stand where they part thousands, as in `1,010`, and not in `0,010` or `1,01`.
pub(crate) fn are_thousands(text: &str) -> bool {
    let mut groups = text.strip_prefix('-').unwrap_or(text).split(',');
    let has = |group: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_digit())
    };
    let begins = |group: &str| has(group, 1..=3) && !group.starts_with('0');
    text.contains(',') && groups.next().is_some_and(begins) && groups.all(|group| has(group, 3..=3))
}

/// Why a text is no number although it is meant as one, if it is such a text, and what to do; `has_comma` says what
/// separates decimals.
pub(crate) fn disguise(text: &str, has_comma: bool) -> Option<String> {
    const DASHES: [char; 4] = ['\u{2010}', '\u{2012}', '–', '−'];
    const SEPARATORS: [char; 6] = [' ', '\'', '’', '_', '\u{a0}', '\u{202f}'];
    let is_number = |text: &str| pointed(text, has_comma).parse().is_ok_and(f64::is_finite);
    if let Some(number) = text.strip_prefix(DASHES).filter(|number| is_number(number)) {
        return Some(format!(
            "begins with a dash that is no minus sign; write `-{number}`"
        ));
    }
    let (mark, example) = match has_comma {
        true => ('.', "1234,5"),
        false => (',', "1234.5"),
    };
    let within = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    if within.is_some_and(|text| !text.starts_with('-') && is_written(text, has_comma)) {
        return Some(format!(
            "is a negative number in parentheses; write plain numbers, as -{example}"
        ));
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let bare = unsigned.trim_matches(|c: char| is_sign(c) || c.is_whitespace());
    // A single comma may be one of decimals.
    let is_decimal = !has_comma && bare.matches(mark).count() == 1;
    let separates = |c: char| SEPARATORS.contains(&c) || c == mark;
    let mut groups = bare.split(|c| separates(c) && !(is_decimal && c == mark));
    // What else than thousands has a space or the like among its digits may be a range or a code.
    let are_thousands = groups.next().is_some()
        && groups.all(|group| {
            let end = group.find(|c: char| !c.is_ascii_digit());
            end.unwrap_or(group.len()) == 3
        });
    let found = text.chars().filter(|c| is_sign(*c) || separates(*c));
    let found: BTreeSet<String> = found
        .map(|c| match c {
            '\u{a0}' | '\u{202f}' => "a no-break space".to_owned(),
            c => format!("`{c}`"),
        })
        .collect();
    let is_disguised =
        !found.is_empty() && are_thousands && is_number(&bare.replace(separates, ""));
    is_disguised.then(|| {
        let found: Vec<String> = found.into_iter().collect();
        let found = found.join(" and ");
        format!("is a number written with {found}; write plain numbers, as {example}")
    })
}

/// Whether a text is a number, in disguise or not.
fn is_written(text: &str, has_comma: bool) -> bool {
    let number = pointed(text, has_comma).parse();
    number.is_ok_and(f64::is_finite) || disguise(text, has_comma).is_some()
}

/// Whether it is a sign of a currency, one of those that Unicode calls so, of a share, or of degrees.
fn is_sign(c: char) -> bool {
    matches!(c,
        '%' | '‰' | '°' | '$' | '¢'..='¥' | '\u{58f}' | '\u{60b}' | '\u{7fe}'..='\u{7ff}' | '\u{9f2}'..='\u{9f3}'
        | '\u{9fb}' | '\u{af1}' | '\u{bf9}' | '\u{e3f}' | '\u{17db}' | '\u{20a0}'..='\u{20cf}' | '\u{a838}'
        | '\u{fdfc}' | '\u{fe69}' | '\u{ff04}' | '\u{ffe0}'..='\u{ffe1}' | '\u{ffe5}'..='\u{ffe6}'
        | '\u{11fdd}'..='\u{11fe0}' | '\u{1e2ff}' | '\u{1ecb0}')
}

/// Why a text is a measurement rather than the name of a class, if it is a number with a unit, a date or a time.
pub(crate) fn measurement(text: &str, has_comma: bool) -> Option<String> {
    /// What stands before a number or behind it.
    const CURRENCIES: [&str; 20] = [
        "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "INR", "RUB", "BRL", "R$", "CAD", "AUD", "SEK",
        "NOK", "DKK", "PLN", "CZK", "HUF", "TRY", "kr",
    ];
    /// What stands behind a number.
    const UNITS: [&str; 24] = [
        "kg", "g", "mg", "lb", "lbs", "oz", "km", "m", "cm", "mm", "mi", "ft", "l", "ml", "s",
        "ms", "min", "h", "kWh", "W", "°C", "°F", "k", "K",
    ];
    if is_time(text) {
        let reason =
            "is a date or a time; write a number, such as days or seconds since a fixed one";
        return Some(reason.to_owned());
    }
    let is_number = |text: &str| is_written(text.trim(), has_comma);
    let before = CURRENCIES
        .iter()
        .find(|unit| text.strip_prefix(**unit).is_some_and(is_number));
    let mut behind = CURRENCIES.iter().chain(&UNITS);
    let unit =
        before.or_else(|| behind.find(|unit| text.strip_suffix(**unit).is_some_and(is_number)));
    unit.map(|unit| format!("is a number written with `{unit}`; write plain numbers"))
}

/// Whether it is a date or a time in the form of ISO 8601, as `2024-01-31`, `2024-01-31T23:59` or `9:30`.
fn is_time(text: &str) -> bool {
    let shape = text.replace(|c: char| c.is_ascii_digit(), "0");
    let time = match shape.strip_prefix("0000-00-00") {
        Some("") => return true,
        Some(rest) => rest.trim_start_matches(['T', ' ']),
        None => &shape,
    };
    (time.starts_with("00:00") || time.starts_with("0:00"))
        && time.bytes().all(|byte| b"0:.,+-Z".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{canonical, disguise, measurement};

    #[test]
    fn numbers_written_in_two_ways_are_one() {
        for (text, expected) in [
            ("1", Some("1")),
            ("1.0", Some("1")),
            ("1.50", Some("1.5")),
            ("-0.0", Some("0")),
            ("1e2", Some("100")),
            ("-12.25", Some("-12.25")),
            ("9007199254740993", Some("9007199254740993")),
            ("0.10", Some("0.1")),
            ("01", None),
            ("+1", None),
            ("1.", None),
            (".5", None),
            ("", None),
            ("-", None),
            ("1e999", None),
            ("x", None),
            ("1 ", None),
        ] {
            assert_eq!(canonical(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn numbers_in_disguise_are_told_from_texts() {
        for (text, part) in [
            (
                "$1,000",
                "a number written with `$` and `,`; write plain numbers, as 1234.5",
            ),
            ("-$5", "written with `$`;"),
            ("12 %", "a number written with ` ` and `%`;"),
            ("12,5", "written with `,`;"),
            ("1,234,567.5", "written with `,`;"),
            ("-1 234 567.5", "written with ` `;"),
            ("3\u{a0}000", "written with a no-break space;"),
            (
                "\u{2013}0.25",
                "a dash that is no minus sign; write `-0.25`",
            ),
            ("\u{2212}3", "write `-3`"),
        ] {
            assert!(disguise(text, false).unwrap().contains(part), "{text}");
        }
        for (text, part) in [
            ("€ 5,5", "` ` and `€`; write plain numbers, as 1234,5"),
            ("1.234,5", "written with `.`;"),
            ("\u{2013}0,5", "write `-0,5`"),
        ] {
            assert!(disguise(text, true).unwrap().contains(part), "{text}");
        }
        for (text, expected) in [
            ("5kg", Some("`kg`")),
            ("1,000 EUR", Some("`EUR`")),
            ("R$ 5", Some("`R$`")),
            ("20 °C", Some("`°C`")),
            ("2024-01-31T23:59:00Z", Some("a date or a time")),
            ("2024-01-31", Some("a date or a time")),
            ("9:30", Some("a date or a time")),
            ("kg", None),
            ("Q4", None),
            ("5 kgs", None),
            ("2:1", None),
            ("2024-01", None),
            ("12", None),
        ] {
            let told = measurement(text, false);
            assert_eq!(told.is_some(), expected.is_some(), "{text}");
            assert!(
                told.unwrap_or_default()
                    .contains(expected.unwrap_or_default()),
                "{text}"
            );
        }
        for text in [
            "12",
            "a,b",
            "18_24",
            "12 5",
            "18\u{2013}24",
            "\u{2013}",
            "%",
            "1,2,3",
            "1%2",
        ] {
            assert_eq!(disguise(text, false), None, "{text}");
        }
    }
}
