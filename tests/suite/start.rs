//! A training that starts from a model, on the same table or a later one.

use crate::common::{assert_refused, neuralnet, neuralnet_json, parameters, scratch};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

fn file(name: &str, content: &str) -> String {
    let path = PathBuf::from(scratch()).join("start").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Seconds, a port, a gap here and there, a class and a number, from the second `since` on.
fn table(name: &str, seed: u64, since: f64, ports: &[&str]) -> String {
    let mut random = SmallRng::seed_from_u64(seed);
    let rows = (0..60).map(|row| {
        let (time, x): (f64, f64) = (random.random_range(0.0..86_400.0), random.random());
        let x = if row % 9 == 5 {
            String::new()
        } else {
            x.to_string()
        };
        let port = ports[row % ports.len()];
        let passed = if random.random_range(0.0..86_400.0) < time {
            "yes"
        } else {
            "no"
        };
        format!(
            "{},{port},{x},{passed},{}\n",
            since + time.round(),
            500.0 + time / 1e4
        )
    });
    let rows: String = rows.collect();
    file(name, &format!("time,port,x,passed,points\n{rows}"))
}

/// Descents from a model go on where it ended: as far as one descent of all the iterations. They would not if the
/// encoding, the scaling or the offset of a column were another.
#[test]
fn a_descent_in_two_parts_is_one_descent() {
    let data = table("data.csv", 1, 1.7e9, &["S", "C", "Q"]);
    let model = file("model.safetensors", "");
    let encoding = ["--one-hot", "port", "--impute", "mean"];
    for (target, tolerances) in [
        (&["--target", "passed", "--drop", "points"], [1e-10, 1e-4]),
        (&["--target", "points", "--drop", "passed"], [1e-10, 1e-4]),
    ] {
        for (flags, tolerance) in [
            (&["--backend", "cpu"][..], tolerances[0]),
            (&["--backend", "cpu", "--no-standardise"], tolerances[0]),
            (&["--backend", "cpu", "--reduction", "sum"], tolerances[0]),
            (&["--backend", "gpu"], tolerances[1]),
            (
                &[
                    "--backend",
                    "cpu",
                    "--hidden",
                    "3",
                    "--optimizer",
                    "gradient-descent",
                ],
                tolerances[0],
            ),
            (
                &[
                    "--backend",
                    "gpu",
                    "--hidden",
                    "3",
                    "--optimizer",
                    "gradient-descent",
                ],
                tolerances[1],
            ),
        ] {
            let rate = match flags {
                [.., "--no-standardise"] => "1e-10",
                _ => "0.01",
            };
            let train = [&["train", &data, "--learning-rate", rate], flags].concat();
            let fresh = [&train[..], &encoding, target].concat();
            let whole = neuralnet_json(&[&fresh[..], &["--iterations", "50"]].concat());
            let first = ["--iterations", "20", "-o", &model, "--force"];
            let part = neuralnet_json(&[&fresh[..], &first].concat());
            let second = ["--iterations", "30", "--init", &model];
            let rest = neuralnet_json(&[&train[..], &second].concat());
            let (whole, part, rest) = (parameters(&whole), parameters(&part), parameters(&rest));
            let largest = whole.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            let moved = part.iter().zip(&whole).map(|(a, b)| (a - b).abs());
            assert!(
                moved.fold(0.0, f64::max) > 10.0 * tolerance * largest,
                "{flags:?} {target:?}: the second part hardly moves"
            );
            for (rest, whole) in rest.iter().zip(&whole) {
                let error = (rest - whole).abs() / largest;
                assert!(
                    error <= tolerance,
                    "{flags:?} {target:?}: {rest}, not {whole}"
                );
            }
        }
    }
}

/// A later table has other means, times and ports: it is encoded as the first one was, so the loss of no iteration is
/// what `evaluate` finds.
#[test]
fn a_later_table_is_encoded_as_the_first() {
    let first = table("first.csv", 2, 1.7e9, &["S", "C", "Q"]);
    let later = table("later.csv", 3, 1.71e9, &["C", "Q"]);
    let model = file("first.safetensors", "");
    let flags = ["--one-hot", "port", "--impute", "median", "--force", "-o"];
    for target in [
        ["--target", "passed", "--drop", "points"],
        ["--target", "points", "--drop", "passed"],
    ] {
        let train = ["train", &first, "--backend", "cpu"];
        neuralnet_json(&[&train[..], &flags, &[&model], &target].concat());
        let expected = neuralnet_json(&["evaluate", &model, &later]);
        let expected = expected["loss"].as_f64().unwrap();
        for (backend, tolerance) in [("cpu", 1e-6), ("gpu", 1e-5)] {
            let start = ["train", &later, "--init", &model, "--backend", backend];
            let json = neuralnet_json(&[&start[..], &["--iterations", "0"]].concat());
            let loss = json["data_loss"].as_f64().unwrap();
            assert!(
                (loss / expected - 1.0).abs() <= tolerance,
                "{backend}: {loss}, not {expected}"
            );
            let trained = neuralnet_json(&start);
            assert!(
                trained["loss"].as_f64().unwrap() < json["loss"].as_f64().unwrap(),
                "{trained}"
            );
        }
    }
}

#[test]
fn another_network_or_encoding_is_refused() {
    let data = table("refused.csv", 4, 0.0, &["S", "C"]);
    let model = file("refused.safetensors", "");
    let flags = ["--one-hot", "port", "--impute", "mean", "--drop", "points"];
    let train = ["train", &data, "--backend", "cpu", "--target", "passed"];
    neuralnet_json(&[&train[..], &flags, &["-o", &model, "--force"]].concat());
    let start = ["train", &data, "--backend", "cpu", "--init", &model];
    let other = ["--loss", "squared-error", "-o", &model, "--force"];
    neuralnet_json(&[&train[..], &flags, &other].concat());
    let json = neuralnet_json(&start);
    assert_eq!(json["config"]["loss"], "squared-error", "{json}");
    for (more, part) in [
        (
            &["--no-bias"][..],
            "--no-bias: asks for another network than the model of --init",
        ),
        (&["--activation", "softmax"], "--activation: asks for"),
        (
            &["--target", "points"],
            "--target: the model of --init says how its tables are encoded",
        ),
        (&["--impute", "mean"], "--impute: the model of --init says"),
        (&["--hidden", "3"], "--hidden: asks for another network"),
        (&["--loss", "cross-entropy"], "--loss: asks for another"),
    ] {
        assert_refused(&[&start[..], more].concat(), 2, &[part]);
    }
    let with = |name: &str, header: &str, row: &str| file(name, &format!("{header}\n{row}\n"));
    let header = "time,port,x,passed";
    for (table, parts) in [
        (
            with("port.csv", header, "1,Z,0.5,yes"),
            ["port.csv:2", "--unknown-category zero takes it for none"],
        ),
        (
            with("class.csv", header, "1,S,0.5,perhaps"),
            ["class.csv:2", "`perhaps` is not known to the model"],
        ),
        (
            with("column.csv", "time,x,passed", "1,0.5,yes"),
            ["column.csv", "port"],
        ),
    ] {
        assert_refused(&["train", &table, "--init", &model], 2, &parts);
    }
    assert_refused(&["train", &data, "--init", &data], 2, &["safetensors"]);
    let none = "--init: `hee` is none of numpy, he and glorot, nor a file that exists";
    assert_refused(&["train", &data, "--init", "hee"], 2, &[none]);
    let args = ["train", &data, "--init", "hee", "--target", "passed"];
    assert_refused(&args, 2, &[none]);
}

/// The activation of a model is not one that these targets asked for.
#[test]
fn the_targets_are_not_blamed_for_the_activation_of_a_model() {
    let data = file("shares.csv", "x,y\n1,0.2\n2,0.3\n3,0.35\n4,0.5\n");
    let model = file("linear.safetensors", "");
    let train = ["train", &data, "--backend", "cpu"];
    let linear = ["--activation", "identity", "-o", &model, "--force"];
    neuralnet_json(&[&train[..], &linear].concat());
    let output = neuralnet(&[&train[..], &["--init", &model]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(!stderr.contains("beyond [0, 1]"), "{stderr}");
}

/// What a message advises is taken: a missing target, and a category that the training samples lack. And what then
/// became of the table is told.
#[test]
fn remedies_of_held_out_tables_are_flags_of_the_command() {
    let data = table("known.csv", 5, 0.0, &["S", "C"]);
    let row = "1,S,0.5,yes\n2,C,0.5,no\n3,S,0.2,no\n";
    let gap = file("gap.csv", &format!("time,port,x,passed\n{row}2,S,0.5,\n"));
    let port = file(
        "port.csv",
        &format!("time,port,x,passed\n{row}2,Z,0.5,no\n"),
    );
    let model = file("known.safetensors", "");
    let flags = ["--one-hot", "port", "--impute", "mean", "--drop", "points"];
    let train = ["train", &data, "--backend", "cpu", "--target", "passed"];
    let train = [&train[..], &flags].concat();
    neuralnet_json(&[&train[..], &["-o", &model, "--force"]].concat());
    for (command, advice) in [
        (
            [&train[..], &["--validation-data", &gap]].concat(),
            &["--drop-missing-targets"][..],
        ),
        (
            [&train[..], &["--validation-data", &port]].concat(),
            &["--unknown-category", "zero"],
        ),
        (
            vec!["train", &port, "--init", &model],
            &["--unknown-category", "zero"],
        ),
        (vec!["evaluate", &model, &gap], &["--drop-missing-targets"]),
        (
            vec!["evaluate", &model, &port],
            &["--unknown-category", "zero"],
        ),
    ] {
        assert_refused(&command, 2, &[&advice.join(" ")]);
        let taken = neuralnet(&[&command[..], advice].concat());
        let stderr = String::from_utf8_lossy(&taken.stderr);
        assert!(taken.status.success(), "{command:?}: {stderr}");
        let notice = match advice {
            [_] => "gap.csv: 1 of 4 rows have no target, and are left out",
            _ => "port.csv: of column `port` 1 cell holds a text that the model does not know",
        };
        assert!(stderr.contains(notice), "{command:?}: {stderr}");
    }
}

/// The JSON says what the samples weigh, which are held out, and where the training starts.
#[test]
fn json_has_the_weights_the_held_out_samples_and_the_model_of_the_start() {
    let data = table("json.csv", 7, 0.0, &["S", "C"]);
    let model = file("json.safetensors", "");
    let train = ["train", &data, "--backend", "cpu"];
    let fresh = "--target passed --features time --class-weight no=2 --validation 0.2";
    let fresh: Vec<&str> = fresh.split(' ').collect();
    let saved = ["-o", &model, "--force"];
    let first = neuralnet_json(&[&train[..], &fresh, &saved].concat());
    let later = ["--class-weight", "balanced", "--sample-weight", "points"];
    let later = [&later[..], &["--validation-data", &data, "--init", &model]].concat();
    let second = neuralnet_json(&[&train[..], &later].concat());
    for (key, values) in [
        ("class_weight", [json!([["no", 2.0]]), json!("balanced")]),
        ("sample_weight", [json!(null), json!("points")]),
        ("validation", [json!(0.2), json!(null)]),
        ("validation_data", [json!(null), json!(data)]),
        ("init_model", [json!(null), json!(model)]),
    ] {
        let told = [&first, &second].map(|train| train["config"][key].clone());
        assert_eq!(told, values, "{key}");
    }
    for (args, end) in [
        (&fresh[..], ", class `no` weighted 2\n"),
        (&later, ", samples weighted by `points`, classes balanced\n"),
    ] {
        let output = neuralnet(&[&train[..], args].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines = text.split_inclusive('\n');
        let setting = lines.find(|line| line.starts_with("setting"));
        assert!(setting.is_some_and(|line| line.ends_with(end)), "{text}");
    }
}
