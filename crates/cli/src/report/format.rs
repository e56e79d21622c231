//! Numbers, counts and durations as text for people.

use indicatif::HumanCount;
use serde::Serialize;

/// A count with its noun, which is given in the singular and takes an `s` otherwise.
pub(super) fn counted(n: impl TryInto<u64>, what: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    let s = if n == 1 { "" } else { "s" };
    format!("{} {what}{s}", HumanCount(n))
}

/// The name of an enum's variant, as JSON and the command line have it.
pub(super) fn name(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("a variant without fields is a text"),
    }
}

/// A count of iterations.
pub(super) fn iterations(n: u64) -> String {
    counted(n, "iteration")
}

/// A number with eight decimals, or with an exponent if it is so small or large that these would not show it.
pub(super) fn number(x: f64) -> String {
    if x == 0.0 || (1e-4..1e6).contains(&x.abs()) {
        format!("{x:.8}")
    } else {
        format!("{x:.8e}")
    }
}

/// A number in the fewest digits that give it back.
pub(super) fn rate(x: f64) -> String {
    if x == 0.0 || (1e-4..1e6).contains(&x) {
        x.to_string()
    } else {
        format!("{x:e}")
    }
}

/// A name on one line: its control characters, which a terminal obeys, are escaped.
pub(super) fn shown(name: &str) -> String {
    let escaped = |letter: char| match letter.is_control() {
        true => letter.escape_debug().to_string(),
        false => letter.to_string(),
    };
    name.chars().map(escaped).collect()
}

/// The first three of some names in backticks, and how many more there are.
pub(super) fn quoted(names: &[&str]) -> String {
    const MOST: usize = 3;
    let first = names.iter().take(MOST);
    let first: Vec<String> = first.map(|name| format!("`{}`", shown(name))).collect();
    match names.len().saturating_sub(MOST) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// A duration in the unit that suits it, from nanoseconds to seconds.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.1} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{counted, rate};

    #[test]
    fn nothing_and_one_read_well() {
        assert_eq!([0.0, 1e-7, 0.25].map(rate), ["0", "1e-7", "0.25"]);
        let rows = [0, 1, 2000_u64].map(|n| counted(n, "row"));
        assert_eq!(rows, ["0 rows", "1 row", "2,000 rows"]);
    }
}
