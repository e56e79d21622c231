//! What is told of cells that were altered.

use super::{File, all};
use crate::options::TextOptions;
use crate::reader::{Kind, Reader};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

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
        assert_eq!(are_digits_lost(number, Kind::Inferred), is_lost, "{number}");
    }
}

#[test]
fn integers_that_become_the_nearest_float64_are_told() {
    for (number, is_lost) in [
        (" 9007199254740993 ", true),
        ("\"-9007199254740993\"", true),
        ("1700000000000000001", true),
        ("1700000000000001000", true),
        ("1.700000000000001e18", false),
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

#[test]
fn white_space_at_the_ends_of_texts_is_told() {
    let text =
        "a, b ,\" c \"\r\n x,\" y\", 1 \r\nx ,z,\" 2\"\r\nx, \" NA \" ,\" \"\r\n NA ,  ,3\r\n";
    for kind in [Kind::Text, Kind::Inferred] {
        let mut csv = File::new(text)
            .open(&TextOptions::default())
            .expect("a header");
        assert_eq!(csv.columns().names, ["a", "b", "c"]);
        let batches = all(&mut csv, kind).expect("rows");
        let columns = &batches[0].columns;
        let texts = |column: usize| {
            columns[column]
                .as_string::<i64>()
                .iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(0), [Some("x"), Some("x"), Some("x"), None]);
        assert_eq!(texts(1), [Some("y"), Some("z"), None, None]);
        if kind == Kind::Text {
            assert_eq!(texts(2), [Some("1"), Some("2"), None, Some("3")]);
        } else {
            let numbers = columns[2].as_primitive::<Int64Type>().iter();
            assert_eq!(
                numbers.collect::<Vec<_>>(),
                [Some(1), Some(2), None, Some(3)]
            );
        }
        assert_eq!(
            csv.take_notices(),
            [
                "cells that are `NA` count as missing: 1 of `a`, 1 of `b`",
                "white space at the ends of texts is left out: 2 of `a`, 1 of `b`"
            ]
        );
    }
    let mut csv = File::new("a,b\nx\r,1\ny,2\r\n")
        .open(&TextOptions::default())
        .expect("a header");
    all(&mut csv, Kind::Inferred).expect("rows");
    assert_eq!(
        csv.take_notices(),
        ["white space at the ends of texts is left out: 1 of `a`"],
        "a carriage return that ends no line"
    );
    let mut csv = File::new("a\n True\nFalse \n")
        .open(&TextOptions::default())
        .expect("a header");
    all(&mut csv, Kind::Inferred).expect("rows");
    assert!(csv.take_notices().is_empty(), "booleans are no texts");
}
