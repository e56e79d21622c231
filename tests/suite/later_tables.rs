//! A model takes later tables as it took that of its training: columns by the names they were given, missing cells by the
//! texts that stood for them; what is passed through stays as it is written.

use crate::common::{assert_refused, neuralnet, neuralnet_json, scratch};
use std::fs;
use std::path::PathBuf;

fn file(name: &str, content: &str) -> String {
    let path = PathBuf::from(scratch()).join("later_tables").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A model of the table `content`, trained with `flags`.
fn model(name: &str, content: &str, flags: &[&str]) -> String {
    let table = file(&format!("{name}.csv"), content);
    let model = file(&format!("{name}.safetensors"), "");
    let args = ["train", &table, "--backend", "cpu", "-o", &model, "--force"];
    let output = neuralnet(&[&args[..], flags].concat());
    assert!(output.status.success(), "{output:?}");
    model
}

/// The predictions of the last column, and what is said beside them.
fn predicted(args: &[&str]) -> (Vec<f64>, String) {
    let output = neuralnet(&[&["predict"], args].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().skip(1);
    let last = lines.map(|line| line.rsplit(',').next().unwrap().parse().unwrap());
    (last.collect(), String::from_utf8(output.stderr).unwrap())
}

fn assert_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    let near = |(found, expected): (&f64, &f64)| (found - expected).abs() < 1e-4;
    assert!(
        found.iter().zip(expected).all(near),
        "{found:?} for {expected:?}"
    );
}

#[test]
fn no_name_that_is_made_up_takes_the_place_of_a_given_one() {
    let line = "\n0,1\n1,3\n2,5\n3,7\n4,9\n";
    let of_copies = model("copies", &format!("x_2,y{line}"), &[]);
    let copies = file("copies_later.csv", "x,x,x_2\n7,70,1\n8,80,2\n");
    assert_near(&predicted(&[&of_copies, &copies]).0, &[3.0, 5.0]);
    let of_places = model("places", &line[1..], &["--no-header"]);
    let places = file("places_later.csv", ",#1\n9,1\n8,2\n");
    assert_near(&predicted(&[&of_places, &places]).0, &[3.0, 5.0]);
}

#[test]
fn texts_that_stood_for_a_missing_cell_do_so_in_later_tables() {
    let table = "x,y\n0,1\n1,3\n-999,5\n3,7\n4,9\n";
    let flags = ["--missing=-999", "--impute", "mean"];
    let of_gaps = model("gaps", table, &flags);
    let later = file("gaps_later.csv", "x\n-999\n2\n");
    let (filled, told) = predicted(&[&of_gaps, &later]);
    assert_near(&filled[..1], &filled[1..]);
    assert!(
        told.contains("1 missing cell of `x` filled with 2"),
        "{told}"
    );
    let (taken, _) = predicted(&[&of_gaps, &later, "--missing", "NA"]);
    assert!(taken[0] < -1000.0, "a flag has the last word: {taken:?}");
    // Formats with missing cells of their own have no such texts.
    let parquet = file("gaps_later.parquet", "");
    let dense = file("gaps_dense.csv", "x\n2\n");
    assert!(
        neuralnet(&["convert", &dense, &parquet, "--force"])
            .status
            .success()
    );
    assert_near(&predicted(&[&of_gaps, &parquet]).0, &filled[1..]);
    // A model that another one starts from hands them on.
    let again = file("gaps_again.safetensors", "");
    let table = file("gaps.csv", table);
    let args = [
        "train",
        &table,
        "--init",
        &of_gaps,
        "--iterations",
        "0",
        "-o",
        &again,
        "--force",
    ];
    neuralnet_json(&args);
    assert_near(&predicted(&[&again, &later]).0, &filled);
}

#[test]
fn columns_that_are_passed_through_are_as_they_are_written() {
    let of_line = model("line", "x,y\n0,1\n1,3\n2,5\n3,7\n4,9\n", &[]);
    let later = file("line_later.csv", "country,x\nNA,1\nNone,2\n,3\nyes,4\n");
    let output = neuralnet(&["predict", &of_line, &later, "--id", "country"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let first = text.lines().map(|line| line.split(',').next().unwrap());
    assert!(first.eq(["country", "NA", "None", "", "yes"]), "{text}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_weight_is_neither_a_feature_nor_a_target() {
    let of_line = model("weights", "x,y\n0,1\n1,3\n2,5\n3,7\n4,9\n", &[]);
    let later = file("weights_later.csv", "x,y\n1,3\n2,5\n3,9\n");
    for column in ["x", "y"] {
        let needed = format!("the model needs column `{column}` as a feature or a target");
        let args = ["evaluate", &of_line, &later, "--sample-weight", column];
        assert_refused(&args, 2, &["--sample-weight", &needed]);
    }
}
