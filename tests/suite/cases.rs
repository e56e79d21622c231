//! Tables as people meet them, each of a kind that other tools read wrongly in silence or refuse without a way on, with
//! what a sensible person expects of it. Beside each case stand its neighbours.

use crate::common::{neuralnet, neuralnet_json, parameters, scratch};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, DurationSecondArray, Float64Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use zip::write::{SimpleFileOptions, ZipWriter};

/// A file of its own.
fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    let path = PathBuf::from(scratch()).join("cases").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What a command says on stderr, and its exit code.
fn said(args: &[&str]) -> (Option<i32>, String) {
    let output = neuralnet(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    (output.status.code(), stderr)
}

/// Trains on a file of this content on the CPU, expects the exit code, and all of `parts` on stderr.
#[track_caller]
fn assert_said(name: &str, content: impl AsRef<[u8]>, flags: &[&str], code: i32, parts: &[&str]) {
    let path = file(name, content);
    let args = [&["train", &path, "--backend", "cpu"], flags].concat();
    let (found, stderr) = said(&args);
    assert_eq!(found, Some(code), "{args:?}: {stderr}");
    for part in parts {
        assert!(
            stderr.contains(part),
            "{args:?}: `{part}` is not in: {stderr}"
        );
    }
}

/// The JSON of a training on a file of this content.
fn trained(name: &str, content: impl AsRef<[u8]>, flags: &[&str]) -> Value {
    let path = file(name, content);
    neuralnet_json(&[&["train", &path, "--backend", "cpu"], flags].concat())
}

/// The names at a place of the data set's description.
fn names(json: &Value, key: &str) -> Vec<String> {
    let names = json["dataset"][key].as_array().unwrap();
    names
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

fn classes(json: &Value) -> Vec<String> {
    let names = json["dataset"]["classes"]["names"].as_array().unwrap();
    names
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn labels_are_kept_as_they_are_written() {
    let of = |name: &str, labels: &[&str]| {
        let rows = labels
            .iter()
            .enumerate()
            .map(|(x, label)| format!("{x},{label}\n"));
        classes(&trained(
            name,
            format!("x,site\n{}", rows.collect::<String>()),
            &["--classes"],
        ))
    };
    for (labels, expected) in [
        (
            &["16777216", "16777217", "16777300", "16777216"][..],
            &["16777216", "16777217", "16777300"][..],
        ),
        (&["00501", "1", "01", "1"], &["00501", "01", "1"]),
        (
            &["9007199254740993", "9007199254740992", "9007199254740993"],
            &["9007199254740992", "9007199254740993"],
        ),
        (
            &["123456789012345678901", "123456789012345678902"],
            &["123456789012345678901", "123456789012345678902"],
        ),
        (
            &["20230103", "20230101", "20230102"],
            &["20230101", "20230102", "20230103"],
        ),
        // Numbers that are equal are one class, in the order of numbers.
        (&["10", "2", "2.0", "1e1"], &["2", "10"]),
        (&["-1", "1", "-1.0"], &["-1", "1"]),
        (&["True", "False", "True"], &["False", "True"]),
        (
            &["TRue", "true", "FALSE", "True"],
            &["FALSE", "TRue", "True", "true"],
        ),
    ] {
        assert_eq!(of("labels.csv", labels), expected, "{labels:?}");
    }
    // Predictions have the same names.
    let table = file(
        "sites.csv",
        "x,site\n1,16777216\n1.2,16777216\n5,16777217\n5.2,16777217\n",
    );
    let model = file("sites.safetensors", "");
    said(&[
        "train",
        &table,
        "--classes",
        "--backend",
        "cpu",
        "-o",
        &model,
        "--force",
    ]);
    let output = neuralnet(&["predict", &model, &table]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("site,site=16777216,site=16777217\n16777216,"),
        "{text}"
    );
    let json = neuralnet_json(&["evaluate", &model, &table]);
    assert_eq!(json["n_samples"], 4);
}

#[test]
fn large_numbers_keep_their_digits() {
    // Unix seconds, a coordinate in metres, a price beside an even larger one, and milliseconds.
    for (name, first, step) in [
        ("seconds.csv", 1_700_000_000.0, 1.0),
        ("metres.csv", 5_412_345.25, 0.125),
        ("milliseconds.csv", 1_700_000_000_123.0, 250.0),
        ("small.csv", 0.0, 1e-9),
    ] {
        let row = |row: i32| {
            format!(
                "{},{}\n",
                first + step * f64::from(row),
                0.5 * f64::from(row) - 3.0
            )
        };
        let json = trained(
            name,
            format!("t,y\n{}", (0..20).map(row).collect::<String>()),
            &[],
        );
        let [slope, bias] = parameters(&json)[..] else {
            panic!("{json}")
        };
        assert!((slope * step - 0.5).abs() <= 1e-6, "{name}: {slope}");
        assert!((slope * first + bias + 3.0).abs() <= 1e-4, "{name}: {bias}");
        assert!(json["loss"].as_f64().unwrap() < 1e-9, "{name}: {json}");
    }
    let table = file(
        "target.csv",
        "x,y\n1,1000000000.25\n2,1000000000.5\n3,1000000000.75\n4,1000000001\n",
    );
    let model = file("target.safetensors", "");
    let (code, stderr) = said(&["train", &table, "--backend", "cpu", "-o", &model, "--force"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains("column `y` is kept as its difference from 10000000"),
        "{stderr}"
    );
    let output = neuralnet(&["predict", &model, &table]);
    let text = String::from_utf8(output.stdout).unwrap();
    let predictions: Vec<f64> = text
        .lines()
        .skip(1)
        .map(|line| line.parse().unwrap())
        .collect();
    for (row, y) in predictions.iter().enumerate() {
        let expected = 1e9 + 0.25 * (row as f64 + 1.0);
        assert!((y - expected).abs() < 1e-4, "{text}");
    }
    let json = neuralnet_json(&["evaluate", &model, &table]);
    let mean = json["measured"][0]["baseline"]["mean"].as_f64().unwrap();
    assert!((mean - 1_000_000_000.625).abs() < 1e-4, "{json}");
}

#[test]
fn what_rounding_costs_is_said() {
    for (values, part) in [
        (["1e30", "1", "2", "3"], None),
        (
            ["16777217", "16777219", "16777221", "16777223"],
            Some("is kept as its difference from 16777220"),
        ),
    ] {
        let rows: String = values
            .iter()
            .zip(["0", "1", "0", "1"])
            .map(|(x, y)| format!("{x},{y}\n"))
            .collect();
        let path = file("rounding.csv", format!("x,y\n{rows}"));
        let (_, stderr) = said(&["train", &path, "--backend", "cpu"]);
        match part {
            Some(part) => assert!(stderr.contains(part), "{stderr}"),
            None => assert!(!stderr.contains("column `x`"), "{stderr}"),
        }
    }
    // Without a bias a column keeps its zero, and loses its digits: said.
    let rows: String = (0..20)
        .map(|row| format!("{},{row}\n", 1_700_000_000 + row))
        .collect();
    assert_said(
        "no_bias.csv",
        format!("t,y\n{rows}"),
        &["--no-bias"],
        0,
        &["rounding to f32 moves a value by"],
    );
    let rows: String = (0..20)
        .map(|row| format!("{},0,-1\n{},1,{row}\n", 0, 1_700_000_000 + row))
        .collect();
    assert_said(
        "seen.csv",
        format!("seen,ever,y\n{rows}"),
        &[],
        0,
        &["column `seen`: of 21 different values 2 are left different in f32"],
    );
    assert_said(
        "tiny.csv",
        "x,z,y\n1,1e-170,5\n2,2e-170,3\n3,9e-170,2\n",
        &[],
        0,
        &[
            "column `z`: rounding to f32 moves a value by 1",
            "column `z` has one value only in f32",
        ],
    );
    assert_said(
        "tiny_target.csv",
        "x,y\n1,1e-170\n2,2e-170\n3,9e-170\n",
        &[],
        2,
        &["column `y`: the target is the same in every row once it is rounded to f32; rescale it"],
    );
}

#[test]
fn missing_cells_are_found_and_counted() {
    let table = "Ozone,Temp\n41,67\n36,72\nNA,74\n18,62\n23,65\nNA,56\n28,66\n19,59\n";
    assert_said(
        "na.csv",
        table,
        &["--impute", "median"],
        0,
        &[
            "cells that are `NA` count as missing: 2 of `Ozone`",
            "2 missing cells of `Ozone` filled with 25.5",
        ],
    );
    assert_said(
        "na.csv",
        table,
        &[],
        2,
        &[
            "na.csv:4: column `Ozone`: the cell is missing (2 of `Ozone` in all); --impute mean, median or zero",
        ],
    );
    for missing in ["?", "null", "NaN", "N/A", "None", ""] {
        let table = table.replace("NA", missing);
        assert_said(
            "na.csv",
            table,
            &["--impute", "mean"],
            0,
            &["2 missing cells of `Ozone` filled with 27.5"],
        );
    }
    assert_said(
        "na.csv",
        table.replace("NA", "-999"),
        &["--impute", "mean", "--missing", "-999"],
        0,
        &["2 missing cells of `Ozone`"],
    );
    assert_said(
        "na.csv",
        table.replace("NA", "none given"),
        &[],
        2,
        &[
            "`none given` is not a number",
            "--missing 'none given' counts it as missing",
        ],
    );
    let classes = "x,z,y\n1,2,no\n4,1,yes\n3,4,NA\n5,2,yes\n2,3,no\n";
    assert_said(
        "na_class.csv",
        classes,
        &[],
        2,
        &[
            ":4: column `y`: the target is missing (1 in 5 rows); `NA` counts as missing",
            "; --missing= (an empty list) keeps such texts; --drop-missing-targets",
        ],
    );
    let json = trained("na_class.csv", classes, &["--missing="]);
    assert_eq!(self::classes(&json), ["NA", "no", "yes"]);
    assert_said(
        "na_category.csv",
        "k,y\nNone,1\nb,2\n?,4\n",
        &["--one-hot", "k"],
        2,
        &["`None`, `?` count as missing; --missing= (an empty list) keeps"],
    );
    let numbers = file("na_number.csv", "x,y\n1,2\n2,NA\n3,4\n");
    let told = said(&["train", &numbers]).1;
    assert!(!told.contains("--missing="), "{told}");
    for missing in [
        "\\N",
        "#DIV/0!",
        "#NAME?",
        "NaT",
        "Nan",
        "1.#QNAN",
        "-nan(ind)",
    ] {
        let table = format!("x,y\n1,u\n2,{missing}\n3,v\n4,u\n");
        assert_said(
            "na_class.csv",
            table,
            &[],
            2,
            &["the target is missing (1 in 4 rows)"],
        );
    }
    for missing in ["none", "-", ".", "missing"] {
        let table = format!("x,y\n1,u\n2,{missing}\n3,v\n4,u\n");
        assert_eq!(self::classes(&trained("na_class.csv", table, &[])).len(), 3);
    }
    assert_said(
        "nan.csv",
        "x,y\nnan,1\n2,2\n3,4\n",
        &["--missing", "x"],
        2,
        &[
            "`nan` is not finite",
            "--missing x,nan counts it as missing",
        ],
    );
    let json = trained("na_class.csv", classes, &["--drop-missing-targets"]);
    assert_eq!(
        (json["dataset"]["n_samples"].as_u64(), self::classes(&json)),
        (Some(4), vec!["no".to_owned(), "yes".to_owned()])
    );
    assert_said(
        "na_target.csv",
        "x,y\n1,2\n2,\n3,4\n",
        &["--drop-missing-targets"],
        0,
        &["1 of 3 rows have no target, and are left out"],
    );
}

#[test]
fn a_first_line_of_data_is_not_a_header() {
    let flowers = "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,versicolor\n6.4,3.2,versicolor\n";
    assert_said(
        "flowers.csv",
        flowers,
        &[],
        2,
        &[
            "flowers.csv:1: the first line looks like data",
            "--no-header",
            "--header",
        ],
    );
    let json = trained("flowers.csv", flowers, &["--no-header"]);
    assert_eq!(json["dataset"]["n_samples"], 4);
    assert_eq!(
        (names(&json, "inputs"), names(&json, "targets")),
        (
            vec!["#1".to_owned(), "#2".to_owned()],
            vec!["#3".to_owned()]
        )
    );
    assert_said(
        "numbers.csv",
        "1,2,0\n2,3,1\n3,1,0\n",
        &[],
        2,
        &["--no-header"],
    );
    // Years are names.
    let json = trained(
        "years.csv",
        "2019,2020,2021\n1,2,0\n2,3,1\n3,1,0\n",
        &["--header"],
    );
    assert_eq!(names(&json, "inputs"), ["2019", "2020"]);
    let json = trained("mixed.csv", "id,2020,y\n1,2,0\n2,3,1\n3,1,0\n", &[]);
    assert_eq!(
        names(&json, "inputs"),
        ["id", "2020"],
        "one name is enough for a header"
    );
    let texts = "x,s,n,e\nb,y,n,p\nf,s,w,e\n";
    let below = "x,s,n,e\nx,y,n,p\nf,s,w,e\nb,s,w,e\nx,y,n,e\n";
    assert_said(
        "mushrooms.csv",
        below,
        &["--one-hot", "x,s,n"],
        2,
        &[
            "mushrooms.csv:1: the first line looks like data (all of its cells stand below it too); --no-header",
        ],
    );
    let repeated = "repeats the names of the columns; remove the line";
    for (table, flags, line, no_header) in [
        (texts.repeat(6), &["--one-hot", "x,s,n"][..], 4, true),
        (
            "a,b,y\n1,2,u\n2,3,v\n".repeat(2),
            &["--missing", "a"],
            4,
            false,
        ),
        (
            format!("{}k,y\n", "k,y\n".to_owned() + &"u,1\nv,2\n".repeat(40)),
            &["--one-hot", "k"],
            82,
            true,
        ),
    ] {
        let (code, told) = said(&[&["train", &file("twice.csv", &table)], flags].concat());
        assert_eq!(code, Some(2), "{table}: {told}");
        assert!(
            told.contains(&format!("twice.csv:{line}: {repeated}")),
            "{told}"
        );
        assert_eq!(told.contains("--no-header"), no_header, "{told}");
    }
    let json = trained(
        "twice.csv",
        texts.repeat(6),
        &["--no-header", "--one-hot", "#1,#2,#3"],
    );
    assert_eq!(json["dataset"]["n_samples"], 18);
}

/// Lines above the names, and names of rows.
#[test]
fn what_stands_before_the_cells_is_told() {
    let halves = "x\n0,0\n0,5\n1,0\n1,5\n";
    let quoted = "x\n\"1\",0\n\"2\",5\n";
    let names = "rows have one cell more than the first line: the first is the name of the row, and `x` is the second";
    for (table, flags, code, part) in [
        (
            halves,
            &[][..],
            2,
            "halves.csv:1: has one name, and the rows have two cells, as `0,0`; --decimal , reads a decimal comma; --separator , takes the first cell",
        ),
        (halves, &["--decimal", ","], 0, "4 rows of 1 column"),
        (halves, &["--separator", ","], 0, names),
        (quoted, &[], 0, names),
    ] {
        let output = file("halves.parquet", "");
        let args = ["convert", &file("halves.csv", table), &output, "--force"];
        let (found, told) = said(&[&args[..], flags].concat());
        assert_eq!(found, Some(code), "{flags:?}: {told}");
        assert!(told.contains(part), "{flags:?}: {told}");
    }
    for (table, code, parts) in [
        (
            "x,y\n3,6,3\n1,2,5\n2,4,1\n",
            0,
            &["`x` is the second; if their numbers have decimal commas, put `;` between the cells"]
                [..],
        ),
        (
            "sep=;\r\nx;y\r\n1;2\r\n2;3\r\n3;5\r\n",
            0,
            &["cells are separated by `;`; the line `sep=` is no row"],
        ),
        (
            "sep=\t\nx\ty\n1\tu\n2\tv\n3\t\n",
            2,
            &["table.csv:5: column `y`"],
        ),
        (
            "Report\nx,z,y\n1,2,3\n2,3,1\n",
            2,
            &["table.csv:1: has 1 cell, and the next lines have 3; remove it"],
        ),
        (
            "# x z y\n1 2 3\n2 3 1\n3 3 2\n",
            0,
            &["`# ` before the first name is left out"],
        ),
        (
            "x y\n1\n2\n",
            2,
            &[
                "has no column left to be a feature: its columns are `x y`",
                "--separator CHARACTER",
            ],
        ),
        (
            ",y\n1,4\n2,5\n",
            2,
            &["--features '#1' takes one that was left out"],
        ),
        (
            "x (m,s);y (k,g)\n0,5;2,25\n0,7;3,25\n",
            2,
            &["column `x (m,s)`: `0,5` is not a number; --decimal ,"],
        ),
        (
            "x;y\n1.010;2.5\n1.500;3\n2.000;4\n",
            0,
            &["separated by `;`"],
        ),
        (
            "x;y\n1.010;2\n1.500;3\n2.000;4\n",
            0,
            &[
                "points are those of decimals, as in `1.010`; if they part thousands, leave them out: `x`",
            ],
        ),
        (
            ",Unnamed: 0,Unnamed: 0.1,x,y\n0,0,0,5,1\n1,1,1,6,2\n2,2,2,8,5\n",
            0,
            &[
                "column `Unnamed: 0` counts the rows",
                "column `Unnamed: 0.1` counts",
            ],
        ),
    ] {
        assert_said("table.csv", table, &[], code, parts);
    }
    let json = trained("table.csv", "Unnamed: 0,x,y\n0,5,1\n1,6,2\n2,8,5\n", &[]);
    assert_eq!(self::names(&json, "inputs"), ["x"]);
    let json = trained("table.csv", "Unnamed: 0,x,y\n3,5,1\n1,6,2\n2,8,5\n", &[]);
    assert_eq!(self::names(&json, "inputs"), ["Unnamed: 0", "x"]);
    for (table, flags) in [
        ("x;y\n1.010;2.5\n1.500;3\n2.000;4\n", &[][..]),
        ("x;y\n1.010;2\n1.500;3\n2.000;4\n", &["--decimal", "."]),
    ] {
        let told = said(&[&["train", &file("table.csv", table)], flags].concat()).1;
        assert!(!told.contains("thousands"), "{told}");
    }
}

/// In a table of one column, where a blank line may have been a row.
#[test]
fn blank_lines_of_one_column_are_counted() {
    let rows: String = (0..200_000).map(|row| format!("{row}\n")).collect();
    for (table, part) in [
        (
            "\nx\n\n1\n\n\n2\n3\n\n\n".to_owned(),
            Some("3 blank lines are no rows"),
        ),
        ("x\n1\n\n2".to_owned(), Some("1 blank line is no row")),
        (
            format!("x\n{rows}\n{rows}\n\n"),
            Some("1 blank line is no row"),
        ),
        ("x\n1\n\"\"\n2\n\n".to_owned(), None),
        ("x,y\n1,2\n\n2,3\n".to_owned(), None),
    ] {
        let output = file("blank.parquet", "");
        let (code, told) = said(&["convert", &file("blank.csv", table), &output, "--force"]);
        assert_eq!(code, Some(0), "{told}");
        match part {
            Some(part) => assert!(told.contains(part), "{told}"),
            None => assert!(!told.contains("blank line"), "{told}"),
        }
    }
}

/// Classes that only look alike to a program.
#[test]
fn texts_that_look_alike_are_told() {
    let blanks = "x,y\n1,a\u{a0}\n2,b\n3,\u{3000}a\n4 ,b\n5\u{a0},\"b \"\n";
    assert_eq!(classes(&trained("blanks.csv", blanks, &[])), ["a", "b"]);
    assert_said(
        "blanks.csv",
        blanks,
        &[],
        0,
        &["white space at the ends of texts is left out: 3 of `y`"],
    );
    assert_said(
        "case.csv",
        "x,k,y\n1,a,True\n2,A,TRUE\n3,a,True\n4,b,False\n",
        &["--one-hot", "k"],
        0,
        &[
            "column `k` has the categories `A` and `a`, which differ in case alone",
            "column `y` has the classes `TRUE` and `True`, which differ in case alone",
        ],
    );
}

#[test]
fn targets_that_are_hardly_targets_are_refused() {
    let money = "rooms,price\n1,\"$1,000\"\n2,\"$1,450\"\n3,\"$2,100\"\n4,\"$2,600\"\n";
    assert_said(
        "money.csv",
        money,
        &[],
        2,
        &[
            ":2: column `price`: `$1,000` is a number written with `$` and `,`",
            "--classes",
        ],
    );
    assert_said(
        "percent.csv",
        "x,y\n1,12%\n2,15%\n3,9%\n",
        &[],
        2,
        &["written with `%`"],
    );
    assert_said(
        "comma.csv",
        "x,y\n1,\"1,5\"\n2,\"2,5\"\n3,\"0,5\"\n",
        &[],
        2,
        &["--decimal ,"],
    );
    assert_said(
        "thousands.csv",
        "x,y\n1,1 000\n2,2 500\n3,3 100\n",
        &[],
        2,
        &["written with ` `"],
    );
    for (unit, part) in [
        ("(#)", "a negative number in parentheses"),
        ("₹#", "a number written with `₹`"),
        ("R$ #", "`R$`"),
        ("# kr", "`kr`"),
        ("CHF #", "`CHF`"),
        ("#kg", "`kg`"),
        ("#°", "`°`"),
        ("#‰", "`‰`"),
        ("#k", "`k`"),
        ("1:#", "a date or a time"),
        ("2024-01-#", "a date or a time"),
        ("(#%)", "in parentheses"),
    ] {
        let rows =
            (10..14).map(|number| format!("{number},{}\n", unit.replace('#', &number.to_string())));
        let table = format!("x,y\n{}", rows.collect::<String>());
        assert_said("units.csv", &table, &[], 2, &[part, "--classes"]);
        assert_eq!(
            classes(&trained("units.csv", table, &["--classes"])).len(),
            4
        );
    }
    for class in ["Q#", "v#", "class #", "#+", "<#", "#-20", "#th", "#:1"] {
        let rows = (10..14)
            .map(|number| format!("{number},{}\n", class.replace('#', &number.to_string())));
        let table = format!("x,y\n{}", rows.collect::<String>());
        assert_eq!(
            classes(&trained("units.csv", table, &[])).len(),
            4,
            "{class}"
        );
    }
    let races: String = (0..30)
        .map(|row| format!("{row},{}k\n", 5 + row % 3))
        .collect();
    let races = trained("races.csv", format!("x,y\n{races}"), &[]);
    assert_eq!(
        classes(&races),
        ["5k", "6k", "7k"],
        "few, of many rows each"
    );
    assert_said(
        "parentheses.csv",
        "x,y\n(110),1\n2,2\n3,4\n",
        &[],
        2,
        &["`(110)` is a negative number in parentheses; write plain numbers, as -1234.5; --drop x"],
    );
    let digits = "label,pixel0,pixel1,pixel2\n5,0,200,0\n0,10,0,0\n4,0,90,0\n1,30,7,0\n";
    assert_said(
        "digits.csv",
        digits,
        &[],
        2,
        &[
            "column `pixel2`: the target is 0 in every row",
            "`label`, `pixel0`, `pixel1`",
            "--target COLUMN",
        ],
    );
    assert_eq!(
        names(
            &trained("digits.csv", digits, &["--target", "label"]),
            "targets"
        ),
        ["label"]
    );
    let names: String = (0..60).map(|row| format!("{row},person {row}\n")).collect();
    assert_said(
        "people.csv",
        format!("x,name\n{names}"),
        &[],
        2,
        &[
            "60 different texts in 60 rows, which are hardly classes",
            "--classes",
        ],
    );
    assert_said(
        "codes.csv",
        "x,code\n1,00501\n2,00501\n3,1\n4,1\n",
        &[],
        2,
        &["leading zero", "--classes"],
    );
}

#[test]
fn columns_without_a_name_are_left_out_and_can_be_named() {
    let table = "\"\",\"x1\",\"x2\",\"y\"\n\"1\",1,2,0\n\"2\",2,1,1\n\"3\",3,3,0\n\"4\",4,2,1\n";
    assert_said(
        "r.csv",
        table,
        &[],
        0,
        &[
            "columns without a name are called by their places, and are features only if asked for: `#1`",
        ],
    );
    for (flags, expected) in [
        (&[][..], &["x1", "x2"][..]),
        (&["--drop", "#1"], &["x1", "x2"]),
        (&["--features", "#2,#3"], &["x1", "x2"]),
        (&["--features", "#1"], &["#1"]),
    ] {
        assert_eq!(
            names(&trained("r.csv", table, flags), "inputs"),
            expected,
            "{flags:?}"
        );
    }
    // R's write.table, and a comma too many at the end of each line.
    let json = trained(
        "write_table.txt",
        "x1 x2 y\n1 1 2 0\n2 2 1 1\n3 3 3 0\n",
        &["--separator", " "],
    );
    assert_eq!(names(&json, "inputs"), ["x1", "x2"]);
    let json = trained("trailing.csv", "A,B,C,\n1,4,0,\n2,5,1,\n3,6,0,\n", &[]);
    assert_eq!(
        (names(&json, "inputs"), names(&json, "targets")),
        (vec!["A".to_owned(), "B".to_owned()], vec!["C".to_owned()])
    );
    let json = trained("twice.csv", "a,a,y\n1,4,0\n2,5,1\n", &[]);
    assert_eq!(names(&json, "inputs"), ["a", "a_2"]);
    let comma = "x,\"price, $\",y\n1,2,0\n2,3,1\n3,1,0\n";
    assert_eq!(
        names(
            &trained("comma.csv", comma, &["--drop", "price, $"]),
            "inputs"
        ),
        ["x"]
    );
    assert_eq!(
        names(
            &trained(
                "comma.csv",
                comma,
                &["--drop", "x", "--features", "price, $"]
            ),
            "inputs"
        ),
        ["price, $"]
    );
}

#[test]
fn unknown_categories_are_errors_or_zeros() {
    let cities = file(
        "cities.csv",
        "city,x,y\nParis,1,no\nRome,2,yes\nParis,3,no\nOslo,4,yes\n",
    );
    let new = file("cities_new.csv", "city,x\nParis,1\nBerlin,2\nRome,3\n");
    let model = file("cities.safetensors", "");
    said(&[
        "train",
        &cities,
        "--one-hot",
        "city",
        "--backend",
        "cpu",
        "-o",
        &model,
        "--force",
    ]);
    let (code, stderr) = said(&["predict", &model, &new]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("cities_new.csv:3: column `city`: `Berlin` is not known to the model")
            && stderr.contains("--unknown-category zero"),
        "{stderr}"
    );
    let output = neuralnet(&[
        "predict",
        &model,
        &new,
        "--unknown-category",
        "zero",
        "--id",
        "city",
    ]);
    let (text, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(
        text.starts_with("city,y,y=no,y=yes\nParis,no,")
            && text.contains("\nBerlin,")
            && text.lines().count() == 4,
        "{text}"
    );
    assert!(
        stderr.contains("1 cell holds a text that the model does not know"),
        "{stderr}"
    );
    // The target beside its predictions: no two columns of a file have one name.
    let beside = file("beside.csv", "");
    let args = [
        "predict", &model, &cities, "--id", "y", "-o", &beside, "--force",
    ];
    let told = said(&args).1;
    assert!(told.contains("column 2 is called `y_2`"), "{told}");
    let text = fs::read_to_string(&beside).unwrap();
    assert!(text.starts_with("y,y_2,y=no,y=yes\nno,no,"), "{text}");
    // Numbers stay numbers where a format has them.
    let typed = file("typed.parquet", "");
    let back = file("typed.csv", "");
    let numbered = file("numbered.parquet", "");
    let table = file("numbered.csv", "id,city,x\n7,Paris,1\n8,Paris,2\n");
    said(&["convert", &table, &numbered, "--force"]);
    said(&[
        "predict", &model, &numbered, "--id", "id", "-o", &typed, "--force",
    ]);
    let told = said(&["convert", &typed, &back, "--force"]).1;
    assert!(!told.contains("texts that are all numbers"), "{told}");
    let text = fs::read_to_string(&back).unwrap();
    assert!(text.starts_with("id,y,y=no,y=yes\n7,no,"), "{text}");
    // A number written in two ways is one category.
    let grades = file(
        "grades.csv",
        "grade,x,y\n1,1,no\n2,2,yes\n1,3,no\n3,4,yes\n",
    );
    let again = file("grades_again.csv", "grade,x\n1.0,1\n2.0,2\n3.00,4\n");
    let model = file("grades.safetensors", "");
    said(&[
        "train",
        &grades,
        "--one-hot",
        "grade",
        "--backend",
        "cpu",
        "-o",
        &model,
        "--force",
    ]);
    let (code, stderr) = said(&["predict", &model, &again]);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn separators_decimals_and_encodings_are_found_or_asked_for() {
    let table = "a;b;y\n1,5;2,3;0\n2,5;1,0;1\n3,1;0,5;0\n";
    assert_said(
        "semicolons.csv",
        table,
        &[],
        2,
        &["`1,5` is not a number", "--decimal ,"],
    );
    assert_said(
        "semicolons.csv",
        table,
        &["--decimal", ","],
        0,
        &["cells are separated by `;`"],
    );
    for (separator, name) in [("\t", "tabs.tsv"), ("|", "pipes.txt"), (";", "points.csv")] {
        let table = "a,b,y\n1.5,2.3,0\n2.5,1.0,1\n3.1,0.5,0\n".replace(',', separator);
        assert_eq!(
            names(&trained(name, table, &[]), "inputs"),
            ["a", "b"],
            "{name}"
        );
    }
    let plain = "x,y\n1,0\n2,1\n3,0\n";
    let expected = parameters(&trained("plain.csv", plain, &[]));
    let wide =
        |order: fn(u16) -> [u8; 2]| plain.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    for (name, bytes) in [
        ("bom.csv", [b"\xef\xbb\xbf", plain.as_bytes()].concat()),
        (
            "utf16_bom.csv",
            [vec![0xff, 0xfe], wide(u16::to_le_bytes)].concat(),
        ),
        (
            "utf16_be.csv",
            [vec![0xfe, 0xff], wide(u16::to_be_bytes)].concat(),
        ),
        ("utf16.csv", wide(u16::to_le_bytes)),
        ("cr.csv", plain.replace('\n', "\r").into_bytes()),
        ("crlf.csv", plain.replace('\n', "\r\n").into_bytes()),
    ] {
        assert_eq!(parameters(&trained(name, bytes, &[])), expected, "{name}");
    }
}

/// A remedy that is told is one that helps.
#[test]
fn remedies_fit_what_is_wrong() {
    let held: String = (0..20)
        .map(|row| format!("{row},{},{}.5\n", if row == 3 { "1" } else { "" }, row % 7))
        .collect();
    let held = format!("x,z,y\n{held}");
    for (table, flags, code, part, not) in [
        (
            "x;y\n+1,5;1,5\n2;+2,5\n3;2,75\n",
            &["--decimal", ","][..],
            0,
            "",
            "--decimal",
        ),
        (
            "x,y\n\"1,010\",2\n\"2,020\",3\n3,4\n",
            &[],
            2,
            "`1,010` is a number written with `,`; write plain numbers",
            "--decimal",
        ),
        (
            "x,y\n1,\"2,010\"\n2,\"3,000\"\n3,\"4,111\"\n",
            &[],
            2,
            "`2,010` is a number written with `,`; write plain numbers",
            "--decimal",
        ),
        (
            "x,y\n\"0,010\",2\n\"2,020\",3\n3,4\n",
            &[],
            2,
            "--decimal ,",
            "write plain numbers",
        ),
        (
            "x,y\n1,\"n,a\"\n2,5\n3,6\n",
            &[],
            2,
            "`n,a` is not a number",
            "--missing",
        ),
        (
            "x,y\n1,1e400\n2,5\n3,6\n",
            &[],
            2,
            "beyond the largest number",
            "--missing",
        ),
        (
            &held,
            &["--impute", "mean", "--validation", "0.25"],
            2,
            "every cell is missing in the rows to train on",
            "--impute",
        ),
    ] {
        let path = file("remedies.csv", table);
        let (found, stderr) = said(&[&["train", &path, "--backend", "cpu"], flags].concat());
        assert_eq!(found, Some(code), "{table}: {stderr}");
        assert!(
            stderr.contains(part) && !stderr.contains(not),
            "{table}: {stderr}"
        );
    }
    let integers: ArrayRef = Arc::new(Int64Array::from_iter_values((1 << 53)..(1 << 53) + 4));
    let y: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 5.0]));
    let batch = RecordBatch::try_from_iter([("x", integers), ("y", y)]).unwrap();
    let wide = parquet(&batch, Compression::SNAPPY, None);
    let lost = "column `x` has integers past 2^53, which become the nearest float64";
    let kept = "column `x` is kept as its difference from 9007199254740992";
    assert_said("wide.parquet", &wide, &["--no-bias"], 0, &[lost]);
    let model = file("wide.safetensors", "");
    let flags = ["--l2", "0", "--output", &model, "--force"];
    assert_said("wide.parquet", &wide, &flags, 0, &[kept]);
    let output = neuralnet(&["predict", &model, &file("wide.parquet", wide)]);
    let predictions = String::from_utf8(output.stdout).unwrap();
    let predictions = predictions.lines().skip(1).map(|line| line.parse::<f64>());
    // The line of least squares through (0, 1), (1, 2), (2, 3), (3, 5).
    for (prediction, expected) in predictions.zip([0.8, 2.1, 3.4, 4.7]) {
        let error = (prediction.unwrap() - expected).abs();
        assert!(error < 1e-3, "{error} from {expected}");
    }
    let lost = "column `x` has numbers of more digits than float64, which become the nearest";
    let text = "x,y\n1700000000000000001,1\n1700000000000000513,2\n1700000000000001025,4\n";
    assert_said("wide.csv", text, &[], 0, &[lost]);
}

#[test]
fn line_ends_within_quotes_are_part_of_a_text() {
    let table = "x,note,y\n1,\"first\nsecond\",0\n2,b,1\n3,c,0\n";
    assert_eq!(
        trained("lines.csv", table, &["--drop", "note"])["dataset"]["n_samples"],
        3
    );
    assert_said(
        "lines.csv",
        table.replace("3,c", "z,c"),
        &["--drop", "note"],
        2,
        &["lines.csv:5: column `x`: `z` is not a number"],
    );
    assert_said(
        "open.csv",
        "x,note,y\n1,\"first\n2,b,1\n",
        &["--drop", "note"],
        2,
        &["open.csv:2: column `note`", "quote"],
    );
    assert_said(
        "misplaced.csv",
        "x,note,y\n1,\"a\"b,0\n2,b,1\n",
        &["--drop", "note"],
        2,
        &["misplaced.csv:2: column `note`", "quote"],
    );
}

#[test]
fn booleans_are_0_and_1_in_every_format() {
    let truths = [true, false, false, true, false, true];
    let y = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    let spelled = |yes: &str, no: &str| {
        let rows = truths
            .iter()
            .zip(y)
            .map(|(truth, y)| format!("{},{y}\n", if *truth { yes } else { no }));
        format!("a,y\n{}", rows.collect::<String>())
    };
    let batch = RecordBatch::try_from_iter([
        (
            "a",
            Arc::new(BooleanArray::from(truths.to_vec())) as ArrayRef,
        ),
        ("y", Arc::new(Float64Array::from(y.to_vec()))),
    ]);
    let expected = parameters(&trained(
        "truths.parquet",
        parquet(&batch.unwrap(), Compression::SNAPPY, None),
        &[],
    ));
    for (yes, no) in [
        ("True", "False"),
        ("TRUE", "FALSE"),
        ("yes", "no"),
        ("1", "0"),
    ] {
        assert_eq!(
            parameters(&trained("truths.csv", spelled(yes, no), &[])),
            expected,
            "{yes}"
        );
    }
    assert_said(
        "truths.csv",
        spelled("True", "False"),
        &[],
        0,
        &["cells that are `True` count as 1: 3 of `a`"],
    );
    assert_said(
        "mixed.csv",
        spelled("True", "maybe"),
        &[],
        2,
        &["`maybe` is not a number"],
    );
}

/// A Parquet file of one batch, with what pandas says of its index.
fn parquet(batch: &RecordBatch, codec: Compression, pandas: Option<&str>) -> Vec<u8> {
    let metadata = pandas.map(|text| vec![KeyValue::new("pandas".to_owned(), text.to_owned())]);
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_key_value_metadata(metadata)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn no_flag_counts_an_empty_text_as_missing() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", "2", "", "4"]));
    let batch = RecordBatch::try_from_iter([("a", texts.clone()), ("y", texts)]).unwrap();
    assert_said(
        "empty.parquet",
        parquet(&batch, Compression::SNAPPY, None),
        &[],
        2,
        &["row 2, column `a`: `` is not a number; --one-hot a makes"],
    );
}

#[test]
fn parquet_as_pandas_writes_it_is_read() {
    let column = |numbers: &[f64]| Arc::new(Float64Array::from(numbers.to_vec())) as ArrayRef;
    let (a, y) = ([1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 1.0]);
    let plain = RecordBatch::try_from_iter([("a", column(&a)), ("y", column(&y))]).unwrap();
    let expected = parameters(&trained(
        "plain.parquet",
        parquet(&plain, Compression::UNCOMPRESSED, None),
        &[],
    ));
    for codec in [
        Compression::ZSTD(ZstdLevel::default()),
        Compression::BROTLI(Default::default()),
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
    ] {
        assert_eq!(
            parameters(&trained("codec.parquet", parquet(&plain, codec, None), &[])),
            expected,
            "{codec}"
        );
    }
    let index = Arc::new(Int64Array::from(vec![7, 3, 5, 1])) as ArrayRef;
    let indexed = RecordBatch::try_from_iter([
        ("a", column(&a)),
        ("y", column(&y)),
        ("__index_level_0__", index),
    ])
    .unwrap();
    let pandas = r#"{"index_columns": ["__index_level_0__"], "columns": []}"#;
    let bytes = parquet(&indexed, Compression::SNAPPY, Some(pandas));
    assert_said(
        "index.parquet",
        &bytes,
        &[],
        0,
        &["the index `__index_level_0__` that pandas keeps is a feature only if asked for"],
    );
    assert_eq!(parameters(&trained("index.parquet", &bytes, &[])), expected);
    // Integers are what they are.
    let ids = [16_777_217, 4_294_967_295, 9_007_199_254_740_993];
    let ids = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef),
        ("y", column(&[0.0, 1.0, 0.0])),
    ]);
    let input = file(
        "ids.parquet",
        parquet(&ids.unwrap(), Compression::SNAPPY, None),
    );
    let output = file("ids.csv", "");
    let (code, stderr) = said(&["convert", &input, &output, "--force"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(
        fs::read_to_string(&output).unwrap(),
        "id,y\n16777217,0\n4294967295,1\n9007199254740993,0\n"
    );
}

/// A model that was trained on small numbers has no number near these, from which they could be told apart.
#[test]
fn integers_that_a_model_cannot_tell_apart_are_told() {
    let ids = |first: i64| Arc::new(Int64Array::from_iter_values(first..first + 4)) as ArrayRef;
    let y = || Arc::new(Float64Array::from(vec![0.5, 1.5, 3.0, 2.0])) as ArrayRef;
    let [small, wide] = [("small.parquet", 1), ("wide.parquet", (1 << 53) + 1)]
        .map(|(name, first)| pair(name, ids(first), y()));
    let model = file("ids.safetensors", "");
    let args = ["train", &small, "--backend", "cpu", "-o", &model, "--force"];
    assert_eq!(said(&args).0, Some(0));
    let told = "column `d` has integers past 2^53, which become the nearest float64";
    for args in [
        &["predict", &model, &wide][..],
        &["evaluate", &model, &wide],
        &[
            "train",
            &small,
            "--validation-data",
            &wide,
            "--backend",
            "cpu",
        ],
    ] {
        let (code, stderr) = said(args);
        assert_eq!(
            (code, stderr.matches(told).count()),
            (Some(0), 1),
            "{stderr}"
        );
    }
}

/// A table of a feature and a target.
fn pair(name: &str, d: ArrayRef, y: ArrayRef) -> String {
    let batch = RecordBatch::try_from_iter([("d", d), ("y", y)]).unwrap();
    file(name, parquet(&batch, Compression::SNAPPY, None))
}

#[test]
fn a_model_takes_dates_and_timestamps_in_the_unit_of_its_training() {
    let days = [19_000, 19_010, 19_040, 19_100, 19_103];
    let dates = || Arc::new(Date32Array::from(days.to_vec())) as ArrayRef;
    let times = || -> ArrayRef {
        let ticks = days.map(|day| i64::from(day) * 86_400_000_000);
        Arc::new(TimestampMicrosecondArray::from(ticks.to_vec()))
    };
    let seconds =
        || -> ArrayRef { Arc::new(DurationSecondArray::from(days.map(i64::from).to_vec())) };
    let numbers = || Arc::new(Float64Array::from(days.map(f64::from).to_vec())) as ArrayRef;
    let file = |name: &str| file(name, "");
    let run = |args: &[&str]| {
        let output = neuralnet(args);
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), stdout, stderr)
    };
    let texts = self::file("texts.csv", "d,y\n2022-01-08,1\n");
    let (of_days, of_times) = (
        pair("days.parquet", dates(), dates()),
        pair("times.parquet", times(), times()),
    );
    for (trained, other, whole) in [
        (
            &of_days,
            &of_times,
            "timestamps, converted to days since 1970",
        ),
        (
            &of_times,
            &of_days,
            "dates, converted to seconds since 1970",
        ),
    ] {
        let model = file("dates.safetensors");
        let args = [
            "train",
            trained,
            "--backend",
            "cpu",
            "-o",
            &model,
            "--force",
        ];
        assert_eq!(run(&args).0, Some(0));
        for command in ["predict", "evaluate"] {
            let (expected, (code, found, told)) = (
                run(&[command, &model, trained]),
                run(&[command, &model, other]),
            );
            assert_eq!(code, Some(0), "{told}");
            let rows = |text: &str| {
                text.replace(other.as_str(), "")
                    .replace(trained.as_str(), "")
            };
            assert_eq!(rows(&found), rows(&expected.1), "{command} {other}");
            assert!(
                told.contains(&format!("column `d` holds {whole}")),
                "{told}"
            );
            assert!(!expected.2.contains("column `d` holds"), "{}", expected.2);
        }
        let (code, _, told) = run(&[
            "train",
            trained,
            "--backend",
            "cpu",
            "--validation-data",
            other,
        ]);
        assert!(
            code == Some(0) && told.contains(&format!("column `y` holds {whole}")),
            "{told}"
        );
        let (code, _, told) = run(&["train", other, "--backend", "cpu", "--init", &model]);
        assert!(
            code == Some(0) && told.contains(&format!("column `y` holds {whole}")),
            "{told}"
        );
        let (code, _, told) = run(&[
            "predict",
            &model,
            &pair("spans.parquet", seconds(), dates()),
        ]);
        assert!(
            code == Some(2)
                && told.contains(
                    "spans.parquet: column `d`: holds durations, and the model was trained on"
                ),
            "{told}"
        );
        let (code, _, told) = run(&[
            "predict",
            &model,
            &pair("plain.parquet", numbers(), dates()),
        ]);
        assert!(
            code == Some(0) && told.contains("column `d` holds numbers, taken as"),
            "{told}"
        );
        let (code, _, told) = run(&["predict", &model, &texts]);
        assert!(code == Some(2) && !told.contains("--missing"), "{told}");
        let part = "`2022-01-08` is not a number; the model knows";
        assert!(told.contains(part) && told.contains("Parquet"), "{told}");
    }
    let model = file("numbers.safetensors");
    let plain = pair("plain.parquet", numbers(), numbers());
    run(&["train", &plain, "--backend", "cpu", "-o", &model, "--force"]);
    let told = run(&["evaluate", &model, &of_days]).2;
    for column in ["d", "y"] {
        let part = format!(
            "column `{column}` holds dates, taken as days since 1970: the model knows it as numbers"
        );
        assert!(told.contains(&part), "{told}");
    }
}

#[test]
fn advice_can_be_followed() {
    let gaps = "a,b,y\n1,bad,1\n2,NA,2\n3,4,3\n5,6,9\n";
    let numbers: ArrayRef = Arc::new(StringArray::from(vec!["0.5", "1.5", "2.5"]));
    let y: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 4.0]));
    let decimals: ArrayRef = Arc::new(StringArray::from(vec!["1,5", "2,5", "3,5"]));
    for (missing, advised) in [
        ("no", "--missing no,bad counts"),
        ("bad", "--missing bad,NA counts"),
    ] {
        assert_said(
            "gaps.csv",
            gaps,
            &["--impute", "mean", "--missing", missing],
            2,
            &[advised],
        );
    }
    assert_said(
        "gaps.csv",
        gaps,
        &["--impute", "mean", "--missing", "bad,NA"],
        0,
        &[],
    );
    for (name, data, flags, part) in [
        (
            "weight.csv",
            file("weight.csv", "a,w,y\n1,heavy,1\n2,1,2\n3,1,3\n"),
            &["--sample-weight", "w"][..],
            "`heavy` is not a number\n",
        ),
        (
            "weights.csv",
            file("weights.csv", "a,w,b,y\n1,1,0,1\n2,3,1,3\n3,2,2,2\n"),
            &["--sample-weight", "w,b"],
            "--sample-weight: names 2 columns; name one",
        ),
        (
            "texts.parquet",
            pair("texts.parquet", numbers.clone(), numbers.clone()),
            &[],
            "`0.5` is a text, and not a number",
        ),
        (
            "decimals.parquet",
            pair("decimals.parquet", y.clone(), decimals),
            &[],
            "write plain numbers, as 1234.5; --classes",
        ),
        (
            "truths.csv",
            file("truths.csv", "a,y\n1,no\n2,yes\n3,no\n"),
            &["--activation", "softmax", "--classes"],
            "and there is one; take --activation sigmoid",
        ),
    ] {
        let args = [&["train", &data, "--backend", "cpu"], flags].concat();
        let (code, told) = said(&args);
        assert_eq!(code, Some(2), "{name}: {told}");
        assert!(told.contains(part), "{name}: {told}");
    }
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![19_000, 19_001, 19_000, 19_001]));
    let y: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 5.0]));
    let told = said(&[
        "train",
        &pair("dates.parquet", dates, y),
        "--backend",
        "cpu",
        "--one-hot",
        "d",
    ])
    .1;
    assert!(!told.contains("holds dates"), "{told}");
}

/// Where a format has a type for numbers, texts are none.
#[test]
fn typed_texts_of_a_target_are_classes() {
    let d: ArrayRef = Arc::new(Float64Array::from_iter_values((0..30).map(f64::from)));
    let y = (0..30).map(|row| Some(["1", "2", "3"][row % 3]));
    let y: ArrayRef = Arc::new(y.collect::<StringArray>());
    let path = pair("digits.parquet", d, y);
    let json = neuralnet_json(&["train", &path, "--backend", "cpu"]);
    assert_eq!(classes(&json), ["1", "2", "3"]);
    let told = said(&["train", &path, "--backend", "cpu"]).1;
    assert!(
        told.contains("column `y` is of texts, so its numbers are classes"),
        "{told}"
    );
}

/// An array of `<f4` as NumPy writes it.
fn npy(shape: &str, numbers: &[f32]) -> Vec<u8> {
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    let mut bytes = b"\x93NUMPY\x01\0\x76\0".to_vec();
    bytes.extend(format!("{text:<117}\n").bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    bytes
}

fn npz(arrays: &[(&str, &str, &[f32])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, shape, numbers) in arrays {
        archive
            .start_file(format!("{name}.npy"), SimpleFileOptions::default())
            .unwrap();
        archive.write_all(&npy(shape, numbers)).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn arrays_as_numpy_keeps_them_are_read() {
    let x: Vec<f32> = (0..16).map(|i| ((i * 7) % 16) as f32).collect();
    let y = [0.0, 1.0, 1.0, 0.0_f32];
    let one_hot = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0_f32];
    for (names_of, y_shape, y, targets) in [
        (("X", "y"), "(4,)", &y[..], &["y"][..]),
        (("x_train", "y_train"), "(4, 1)", &y, &["y"]),
        (("inputs", "targets"), "(4, 2)", &one_hot, &["y0", "y1"]),
        (("arr_0", "arr_1"), "(4,)", &y, &["y"]),
        (("data", "target"), "(4,)", &y, &["y"]),
    ] {
        let bytes = npz(&[(names_of.0, "(4, 4)", &x), (names_of.1, y_shape, y)]);
        let json = trained("arrays.npz", &bytes, &[]);
        assert_eq!(names(&json, "inputs"), ["0", "1", "2", "3"], "{names_of:?}");
        assert_eq!(names(&json, "targets"), targets, "{names_of:?}");
        let pictures = npz(&[(names_of.0, "(4, 2, 2)", &x), (names_of.1, y_shape, y)]);
        assert_said(
            "pictures.npz",
            &pictures,
            &[],
            0,
            &["has the shape (4, 2, 2)"],
        );
        assert_eq!(
            parameters(&trained("pictures.npz", &pictures, &[])),
            parameters(&json),
            "{names_of:?}"
        );
    }
    let mut gap: Vec<f32> = x.clone();
    gap[2] = f32::NAN;
    assert_said(
        "nan.npy",
        npy("(4, 4)", &gap),
        &["--impute", "mean"],
        0,
        &["1 missing cell of `2` filled with"],
    );
    assert_said(
        "nan.npy",
        npy("(4, 4)", &gap),
        &[],
        2,
        &[
            "nan.npy: row 0, column `2`: the cell is missing",
            "--impute",
        ],
    );
    gap[2] = f32::INFINITY;
    assert_said(
        "inf.npy",
        npy("(4, 4)", &gap),
        &["--impute", "mean"],
        2,
        &["inf.npy: row 0, column `2`: inf is not finite"],
    );
}

#[test]
fn files_of_other_formats_are_named() {
    for (name, bytes, part) in [
        (
            "a.csv.bz2",
            &b"BZh91AY&SY\x01\x02\x03\x04"[..],
            "is compressed by bzip2",
        ),
        ("a.csv.xz", b"\xfd7zXZ\0\0\x04", "xz"),
        (
            "a.arff",
            b"@relation weather\n@attribute a real\n@data\n1\n",
            "ARFF",
        ),
        ("a.libsvm", b"1 1:0.5 3:2\n0 2:1\n", "LIBSVM"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"),
        ("a.xlsx", b"PK\x03\x04\x14\0\x06\0\x08\0\0\0", "CSV"),
        ("a.html", b"<!DOCTYPE html><html></html>", "HTML"),
        (
            "a.csv",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
            "Git LFS",
        ),
        ("a.pkl", b"\x80\x04\x95\x10\0\0\0\0\0\0\0", "pickle"),
        ("a.csv", b"\x89HDF\r\n\x1a\n", "HDF5"),
        (
            "a.parquet",
            b"x,y\n1,2\n",
            "is a text, as CSV is; give it a name that ends in .csv",
        ),
    ] {
        assert_said(name, bytes, &[], 2, &[part]);
    }
    let times = "5 10:30 11:45\n6 11:30 12:45\n7 9:15 10:00\n";
    assert_said("times.txt", times, &["--no-header"], 2, &["--one-hot '#2'"]);
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let twice = packed(&packed(b"x,y\n1,2\n2,3\n"));
    assert_said(
        "twice.csv.gz",
        twice,
        &[],
        2,
        &["is compressed twice; unpack it once by gzip"],
    );
}

/// The same table in every format gives the same weights, to the bit.
#[test]
fn a_format_changes_nothing() {
    let mut csv = "a,b,y\n".to_owned();
    for row in 0..50_i32 {
        let (a, b) = (
            f64::from((row * 37) % 50) / 7.0,
            f64::from((row * 11) % 50) - 25.25,
        );
        csv += &format!("{a},{b},{}\n", u8::from(a > 3.0 + b / 20.0));
    }
    let expected = parameters(&trained("same.csv", &csv, &[]));
    let input = file("same.csv", &csv);
    for ending in ["csv.gz", "csv.zst", "parquet", "feather", "npz"] {
        let output = file(&format!("same.{ending}"), "");
        let (code, stderr) = said(&["convert", &input, &output, "--force"]);
        assert_eq!(code, Some(0), "{stderr}");
        let json = neuralnet_json(&["train", &output, "--backend", "cpu"]);
        assert_eq!(parameters(&json), expected, "{ending}");
    }
}

/// The header of what a model predicts for its own table, and the cells of each row.
fn predicted(name: &str, table: &str, flags: &[&str]) -> (String, Vec<Vec<f64>>) {
    let (table, model) = (file(name, table), file("predicted.safetensors", ""));
    let output = ["--backend", "cpu", "-o", &model, "--force"];
    let (code, stderr) = said(&[&["train", &table], flags, &output].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let output = neuralnet(&["predict", &model, &table]);
    let text = String::from_utf8(output.stdout).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let cells = |row: &str| row.split(',').map(|cell| cell.parse().unwrap()).collect();
    (header.to_owned(), rows.lines().map(cells).collect())
}

/// A class that the file never held is never predicted: of shares between 0 and 1, of counts, and of a linear output
/// there is none.
#[test]
fn targets_of_0_and_1_are_predicted_with_a_class() {
    let table = |targets: [&str; 4], name: &str| {
        let rows = targets.iter().enumerate();
        let rows = rows.map(|(x, y)| format!("{x},{y}\n"));
        format!("x,{name}\n{}", rows.collect::<String>())
    };
    let (header, rows) = predicted("01.csv", &table(["0", "1", "0", "1"], "y"), &[]);
    assert_eq!(header, "y,y=1");
    let of_probability = rows.iter().map(|row| row[1] > 0.5);
    assert!(rows.iter().map(|row| row[0] > 0.0).eq(of_probability));
    assert!(rows[0][0] < 0.5 && rows[3][0] > 0.5, "{rows:?}");
    let two = table(["0,1", "0,1.0", "1,0", "1,0"], "y,z");
    let (header, rows) = predicted("01-two.csv", &two, &["--target", "y,z"]);
    assert_eq!(header, "y,y=1,z,z=1");
    let classes: Vec<_> = rows.iter().map(|row| (row[0], row[2])).collect();
    assert_eq!(classes, [(0.0, 1.0), (0.0, 1.0), (1.0, 0.0), (1.0, 0.0)]);
    for (name, targets, flags) in [
        ("shares.csv", ["0", "0.25", "0.75", "1"], &[][..]),
        ("counts.csv", ["0", "1", "2", "1"], &[]),
        (
            "linear.csv",
            ["0", "1", "0", "1"],
            &["--activation", "identity"],
        ),
    ] {
        let (header, rows) = predicted(name, &table(targets, "y"), flags);
        assert!(header == "y" && rows[0].len() == 1, "{name}: {header}");
    }
    let (table, model) = (
        file("01.csv", table(["0", "1", "0", "1"], "y")),
        "01.safetensors",
    );
    let (model, array) = (file(model, ""), file("01.npy", ""));
    said(&["train", &table, "--backend", "cpu", "-o", &model, "--force"]);
    let (code, stderr) = said(&["predict", &model, &table, "--output", &array, "--force"]);
    assert_eq!(code, Some(0), "{stderr}");
    let bytes = fs::read(array).unwrap();
    assert_eq!(bytes.len(), 128 + 4 * 8, "one probability a row");
}
