//! What is told of cells that were altered.

use super::{File, all};
use crate::options::TextOptions;
use crate::reader::{Kind, Reader};

/// Whether a column of this number is said to have lost digits.
fn are_digits_lost(number: &str, kind: Kind) -> bool {
    let mut csv = File::new(format!("a\n{number}\n"))
        .open(&TextOptions::default())
        .expect("a header");
    all(&mut csv, kind).expect("a number");
    csv.take_notices()
        .concat()
        .contains("column `a` has numbers of more digits than float64")
}

#[test]
fn digits_that_a_column_of_its_own_type_has_not_are_told() {
    for (number, is_lost) in [
        ("9007199254740993.0", true),
        ("0.1234567890123456789", true),
        ("9007199254740992.0", false),
        ("1152921504606846976.0", false),
        ("-0.10000000000000001", false),
        ("100000000000000000000.0", false),
    ] {
        assert_eq!(are_digits_lost(number, Kind::Own), is_lost, "{number}");
    }
}

#[test]
fn integers_that_become_the_nearest_float64_are_told() {
    for (number, is_lost) in [
        (" 9007199254740993 ", true),
        ("\"-9007199254740993\"", true),
        ("1700000000000000001", true),
        ("9007199254740993.5", true),
        ("9007199254740991", false),
        ("9007199254740994", false),
        ("1152921504606846976", false),
        ("1.2345678901234567e+30", false),
        ("1e300", false),
    ] {
        assert_eq!(are_digits_lost(number, Kind::Number), is_lost, "{number}");
    }
}
