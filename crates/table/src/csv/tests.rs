mod headers;
mod notices;
mod random;

use super::Csv;
use crate::error::{Error, Result};
use crate::options::TextOptions;
use crate::reader::{Batch, Kind, Reader};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A file that is removed after its test.
struct File(PathBuf);

impl File {
    fn new(text: impl AsRef<[u8]>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("table-{}-{number}.csv", std::process::id()));
        fs::write(&path, text).expect("a disk");
        Self(path)
    }

    fn open(&self, options: &TextOptions) -> Result<Csv> {
        let bytes = fs::read(&self.0).expect("was written");
        Csv::open(&self.0, bytes.into(), options)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn all(csv: &mut Csv, kind: Kind) -> Result<Vec<Batch>> {
    let wanted: Vec<_> = (0..csv.columns().names.len())
        .map(|column| (column, kind))
        .collect();
    csv.read(&wanted, usize::MAX)
}

/// The numbers of one column; NaN for a missing cell.
fn numbers(batches: &[Batch], column: usize) -> Vec<f64> {
    let cells = batches
        .iter()
        .flat_map(|batch| batch.columns[column].as_primitive::<Float64Type>());
    cells.map(|cell| cell.unwrap_or(f64::NAN)).collect()
}

/// The error of reading `text` as numbers, without its path.
fn refused(text: impl AsRef<[u8]>, options: &TextOptions) -> (String, Error) {
    let file = File::new(text);
    let read = file
        .open(options)
        .and_then(|mut csv| all(&mut csv, Kind::Number));
    let error = read.expect_err("cannot be read");
    let message = error.to_string().replace(&file.0.display().to_string(), "");
    (message, error)
}

#[test]
fn the_first_of_several_errors_is_told_with_its_line() {
    let rows: String = (0..90_000)
        .map(|row| format!("{row},\"a\nb\",1\n"))
        .collect();
    let text = format!("a,b,c\n{rows}1,x\n") + &rows + "1,2,\n1,2,q\n";
    let message = refused(&text, &TextOptions::default()).0;
    assert_eq!(message, ":2: column `b`: `a\\nb` is not a number");
    let mut csv = File::new(&text)
        .open(&TextOptions::default())
        .expect("a header");
    let error = csv
        .read(&[(2, Kind::Number)], usize::MAX)
        .expect_err("2 cells")
        .to_string();
    assert!(
        error.ends_with(":180002: has 2 of 3 cells; every row needs as many as the first line has"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_used_is_refused() {
    for (text, message) in [
        (
            "",
            ": the file is empty; it needs a header line of column names, then rows",
        ),
        ("a,b\n \n", ": holds a header and no rows; add at least one"),
        (
            "a,b\n1,2\n1\n",
            ":3: has 1 of 2 cells; every row needs as many as the first line has",
        ),
        (
            "a,b\n1,2,3\n4,5\n",
            ":2: has 3 of 2 cells; every row needs as many as the first line has",
        ),
        (
            "a,b\n1,\"2\"3\n",
            ":2: column `b`: goes on after its closing quote; a quote that is part of a text is written twice",
        ),
        (
            "a,b\n\n1,\"2\n",
            ":3: column `b`: begins with a quote that nothing closes; close it, or leave it out",
        ),
        (
            "a,b\n1,1e999\n",
            ":2: column `b`: `1e999` is beyond the largest number of 64 bits, 1.8e308; rescale the column",
        ),
        (
            "a,b\n1,-inf\n",
            ":2: column `b`: `-inf` is not finite; every cell needs a finite number",
        ),
        (
            "a,b\n1,x\u{1}\n",
            ":2: column `b`: the text holds control characters; remove them",
        ),
        (
            "a\u{7},b\n1,2\n",
            ":1: the name of column 1: the text holds control characters; remove them",
        ),
        (
            "a;b\n\"1,5\";2\n",
            ":2: column `a`: `1,5` is not a number; `decimal` , takes the comma for a decimal point",
        ),
        (
            "a;b\n1,450;2\n",
            ":2: column `a`: `1,450` is not a number; `decimal` , takes the comma for a decimal point",
        ),
        (
            "a,b\n$5,2\n",
            ":2: column `a`: `$5` is a number written with `$`; write plain numbers, as 1234.5",
        ),
        (
            "a,b\n\u{2013}0.5,2\n",
            ":2: column `a`: `\u{2013}0.5` begins with a dash that is no minus sign; write `-0.5`",
        ),
        (
            "1,a\n2,b\n3,c\n",
            ":1: the first line looks like data (`1` above numbers); `header` false reads it as a row; `header` true takes it as names",
        ),
    ] {
        assert_eq!(
            refused(text, &TextOptions::default()).0,
            message,
            "{text:?}"
        );
    }
    let latin = refused(b"a,b\n1,2\n1,caf\xe9\n", &TextOptions::default()).0;
    assert_eq!(
        latin,
        ":3: column `b`: the cell is not UTF-8; save the file as UTF-8"
    );
}

#[test]
fn missing_cells_truths_and_decimals_are_read_and_told() {
    let options = TextOptions {
        decimal: Some(','),
        missing: Some(vec!["-999".to_owned(), "?".to_owned()]),
        ..TextOptions::default()
    };
    let text = "a;b;c\n1,5;TRUE;?\n-999,0;no;?\n;yes;1\n";
    let mut csv = File::new(text).open(&options).expect("a header");
    let batches = all(&mut csv, Kind::Number).expect("numbers");
    let a = numbers(&batches, 0);
    assert_eq!(a[0].to_bits(), 1.5_f64.to_bits());
    assert!(a[1].is_nan() && a[2].is_nan(), "{a:?}");
    assert_eq!(numbers(&batches, 1), [1.0, 0.0, 1.0]);
    assert_eq!(
        csv.take_notices(),
        [
            "cells that are `True` count as 1: 1 of `b`",
            "cells that are `yes` count as 1: 1 of `b`",
            "cells that are `no` count as 0: 1 of `b`",
            "cells that are `-999` count as missing: 1 of `a`",
            "cells that are `?` count as missing: 2 of `c`",
        ]
    );
    assert!(csv.take_notices().is_empty(), "once");
    let mut single = File::new("a\n1,5\n").open(&options).expect("a header");
    let batches = all(&mut single, Kind::Number).expect("numbers");
    let cells = (single.columns().names.len(), numbers(&batches, 0));
    assert_eq!(cells, (1, vec![1.5]), "its commas separate no cells");
    // However the number is written, in a column that turns out to be of numbers too.
    let mut csv = File::new("a;b;c\n-999,0;-999;-999,0\n2;2,5;x\n")
        .open(&options)
        .expect("a header");
    let batches = all(&mut csv, Kind::Inferred).expect("rows");
    let columns = &batches[0].columns;
    assert_eq!(
        columns[0]
            .as_primitive::<Int64Type>()
            .iter()
            .collect::<Vec<_>>(),
        [None, Some(2)]
    );
    assert_eq!([columns[1].null_count(), columns[2].null_count()], [1, 0]);
    assert_eq!(
        csv.take_notices(),
        ["cells that are `-999` count as missing: 1 of `a`, 1 of `b`"]
    );
    assert!(
        refused("a;b\n1.5;2\n", &options)
            .0
            .contains("`1.5` is not a number"),
        "a point parts thousands"
    );
    let wrong = TextOptions {
        separator: Some('"'),
        ..TextOptions::default()
    };
    assert!(matches!(
        refused("a", &wrong).1,
        Error::Setting {
            setting: "separator",
            ..
        }
    ));
}

/// Over all batches: one cell of the last piece decides.
#[test]
fn columns_are_what_all_of_their_cells_are() {
    let rows = "7,18446744073709551615,0.5,True,01,1,NA,True\n".repeat(20_000);
    let text = format!(
        "a,b,c,d,e,f,g,h\n{rows}-7,1,1e5,False,2,9007199254740993.5,NA,False\n,,,,,,,\n12,3,-0,True,3,12345678901234567890123,,TRUE\n"
    );
    let mut csv = File::new(&text)
        .open(&TextOptions::default())
        .expect("a header");
    let batches = all(&mut csv, Kind::Inferred).expect("rows");
    assert!(batches.len() > 2, "several pieces");
    for batch in &batches {
        let types: Vec<String> = batch
            .columns
            .iter()
            .map(|column| column.data_type().to_string())
            .collect();
        assert_eq!(
            types.join(" "),
            "Int64 UInt64 Float64 Boolean LargeUtf8 LargeUtf8 Int64 LargeUtf8"
        );
    }
    let last = batches.last().expect("rows");
    assert_eq!(
        last.columns[0]
            .as_primitive::<Int64Type>()
            .value(last.n_rows - 1),
        12
    );
    assert_eq!(
        last.columns[5].as_string::<i64>().value(last.n_rows - 1),
        "12345678901234567890123"
    );
    assert!(last.columns[3].is_null(last.n_rows - 2), "an empty row");
    assert!(
        !csv.take_notices().concat().contains("digits"),
        "nothing is lost"
    );
}

#[test]
fn however_much_white_space_separates_aligned_cells() {
    let options = TextOptions {
        separator: Some(' '),
        ..TextOptions::default()
    };
    let text =
        " \"a b\"   c \t d\r\n  1     20  \t x\"y  \r\n\t100    3 \"a \"\"\nb\"\n   \n  5  -6 NA\n";
    let mut csv = File::new(text).open(&options).expect("a header");
    assert_eq!(csv.columns().names, ["a b", "c", "d"]);
    let wanted = [(0, Kind::Number), (1, Kind::Number), (2, Kind::Text)];
    let batches = csv.read(&wanted, usize::MAX).expect("three rows");
    assert_eq!(numbers(&batches, 0), [1.0, 100.0, 5.0]);
    assert_eq!(numbers(&batches, 1), [20.0, 3.0, -6.0]);
    let texts = batches[0].columns[2].as_string::<i64>();
    assert_eq!(
        texts.iter().collect::<Vec<_>>(),
        [Some("x\"y"), Some("a \"\nb"), None]
    );
    assert_eq!(
        csv.take_notices(),
        ["cells that are `NA` count as missing: 1 of `d`"]
    );
    assert_eq!(
        refused("a b\n1 2\n\n  3  \n", &options).0,
        ":4: has 1 of 2 cells; every row needs as many as the first line has"
    );
    assert_eq!(
        refused("a b\n1 \"2\"3\n", &options).0,
        ":2: column `b`: goes on after its closing quote; a quote that is part of a text is written twice"
    );
}
