//! From a CSV file to predictions: reads a table, trains a classifier, saves it, and uses it on new rows. Run it with
//! `cargo run --example table`.
#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use neuralnet::{Hardware, Model, TrainConfig, train};
use neuralnet_table::{ModelOptions, TableOptions, open, open_for};
use std::error::Error;
use std::fs;

const EXAMS: &str = "hours,slept,passed\n1,4,no\n2,8,no\n3,5,no\n4,7,yes\n5,5,yes\n6,8,yes\n";
/// Columns are found by name, so their order does not matter, nor do columns that the model does not know.
const STUDENTS: &str = "slept,name,hours\n6,Ann,2.5\n5,Bob,5.5\n";

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("neuralnet-table-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let exams = folder.join("exams.csv");
    let students = folder.join("students.csv");
    fs::write(&exams, EXAMS)?;
    fs::write(&students, STUDENTS)?;

    // `passed` holds texts, so its values are classes: `no` is 0 and `yes` is 1.
    let options = TableOptions::with_targets(&["passed"]);
    let dataset = open(&exams.to_string_lossy(), &options)?.standardised(true);
    let config = TrainConfig {
        l2: 0.1,
        ..TrainConfig::lbfgs()
    };
    let trained = train(&dataset, &config, &Hardware::cpu())?;
    let path = folder.join("exam.safetensors");
    Model::new(&dataset, &config, &trained).save(&path)?;

    let model = Model::open(&path)?;
    let new = open_for(
        &model,
        &students.to_string_lossy(),
        &ModelOptions::default(),
    )?;
    let predictions = model.predict(&new, 0..new.n_samples());
    println!("probability of `yes`: {predictions:.3?}");
    assert!(predictions[0] < 0.5 && predictions[1] > 0.5, "Bob passes");
    fs::remove_dir_all(&folder)?;
    Ok(())
}
