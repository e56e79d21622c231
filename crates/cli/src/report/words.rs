//! Numbers and counts as people read them.

use indicatif::HumanCount;

pub(super) fn counted(n: usize, what: &str) -> String {
    format!(
        "{} {what}{}",
        HumanCount(n as u64),
        if n == 1 { "" } else { "s" }
    )
}

pub(super) fn iterations(n: u64) -> String {
    format!(
        "{} iteration{}",
        HumanCount(n),
        if n == 1 { "" } else { "s" }
    )
}

/// Eight decimals where they say what the number is, otherwise as many digits.
pub(super) fn number(x: f64) -> String {
    if x == 0.0 || (1e-4..1e6).contains(&x.abs()) {
        format!("{x:.8}")
    } else {
        format!("{x:.8e}")
    }
}

/// A setting as briefly as it can be written.
pub(super) fn rate(x: f64) -> String {
    if (1e-4..1e6).contains(&x) {
        x.to_string()
    } else {
        format!("{x:e}")
    }
}

pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.1} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}
