//! `bench`: what it says it measured, and which shapes and flags it refuses.

use crate::common::{assert_refused, neuralnet, neuralnet_json};
use serde_json::Value;

#[test]
fn a_measurement_says_what_was_measured() {
    let bench = |storage| {
        let shape = ["bench", "1000x8", "--backend", "cpu", "--repeats", "1"];
        neuralnet_json(&[&shape[..], &["--storage", storage]].concat())
    };
    for (storage, bytes) in [("f32", 36_000), ("u8", 12_000)] {
        let bench = bench(storage);
        assert_eq!(bench["storage"], storage);
        assert_eq!(bench["keep_loops"], false);
        assert_eq!(bench["shapes"][0]["bytes"], bytes, "{storage}");
    }
}

#[test]
fn loops_are_kept_only_on_a_gpu() {
    let bench = ["bench", "3x3", "--repeats", "1", "--keep-loops"];
    for backend in ["auto", "cpu"] {
        let args = [&bench[..], &["--backend", backend]].concat();
        assert_refused(&args, 2, &["--keep-loops", "take --backend gpu"]);
    }
    let args = [&bench[..], &["--backend", "gpu"]].concat();
    if neuralnet_json(&["devices"])[0]["kind"] == "software" {
        assert_refused(
            &args,
            2,
            &["--keep-loops", "software adapter", "leave it out"],
        );
    } else {
        assert_eq!(neuralnet_json(&args)["keep_loops"], true);
    }
}

/// The measurement of a small network with hidden layers.
fn network(flags: &[&str]) -> Value {
    let shape = ["bench", "310x5-4-3", "--repeats", "2"];
    neuralnet_json(&[&shape[..], flags].concat())
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn assert_near(value: &Value, expected: f64, what: &str) {
    let value = number(value);
    let error = (value - expected).abs();
    assert!(error <= 1e-12 * expected, "{what}: {value}, not {expected}");
}

/// 5·4 + 4·3 weights, of which 20 in the first layer: 6·32 − 2·20 = 152 operations a row. 39 parameters.
#[test]
fn the_measurement_of_a_network_counts_its_operations_and_its_bytes() {
    for (backend, precision, bytes_of_number) in [("cpu", "float64", 8.0), ("gpu", "float32", 4.0)]
    {
        let bench = network(&["--backend", backend, "--batch-size", "310"]);
        assert_eq!(bench["shapes"], Value::Array(Vec::new()), "{backend}");
        let (ceiling, reading) = (&bench["arithmetic_ceiling"], &bench["ceiling"]);
        assert_eq!(ceiling["precision"], precision);
        for values in [ceiling, reading] {
            assert_eq!(values["seconds"].as_array().unwrap().len(), 2, "{backend}");
        }
        let network = &bench["networks"][0];
        for (key, expected) in [
            ("shape", Value::from("310x5-4-3")),
            ("n_samples", Value::from(310)),
            ("n_inputs", Value::from(5)),
            ("hidden", Value::from(vec![4])),
            ("hidden_activation", Value::from("relu")),
            ("n_outputs", Value::from(3)),
            ("n_parameters", Value::from(39)),
            ("loss", Value::from("cross-entropy")),
            ("optimizer", Value::from("adamw")),
            ("batch_size", Value::from(310)),
            ("fits_in_cache", Value::from(true)),
        ] {
            assert_eq!(network[key], expected, "{backend}: {key}");
        }
        let seconds = network["seconds"].as_array().unwrap();
        assert_eq!(seconds.len(), 2, "{backend}");
        let median = f64::midpoint(number(&seconds[0]), number(&seconds[1]));
        assert_near(&network["median"], median, backend);
        let (flop, bytes) = (
            310.0 * 152.0,
            310.0 * 8.0 * 4.0 + 3.0 * 39.0 * bytes_of_number,
        );
        assert_near(&network["flop"], flop, backend);
        assert_near(&network["bytes"], bytes, backend);
        let mut shares = Vec::new();
        for (what, of_update, ceiling) in [
            ("flop", flop, &ceiling["flop_per_second"]),
            ("bytes", bytes, &reading["bytes_per_second"]),
        ] {
            let rate = &network[&format!("{what}_per_second")];
            assert_near(rate, of_update / median, what);
            let of_ceiling = &network[&format!("ceiling_{what}_per_second")];
            assert_near(of_ceiling, number(ceiling), what);
            shares.push(number(rate) / number(ceiling));
        }
        assert_near(&network["share_of_arithmetic"], shares[0], backend);
        assert_near(&network["share_of_reading"], shares[1], backend);
        assert!(
            shares.iter().all(|share| *share < 1.0),
            "{backend}: {shares:?}"
        );
        let nearer = match shares[0] >= shares[1] {
            _ if shares.iter().all(|share| *share < 0.2) => "overhead",
            true => "arithmetic",
            false => "reading",
        };
        assert_eq!(network["bound_by"], nearer, "{backend}");
    }
}

#[test]
fn a_batch_has_128_rows_unless_another_size_is_named() {
    for (flags, rows) in [
        (&[][..], 128),
        (&["--batch-size", "7"], 7),
        (&["--batch-size", "all"], 310),
    ] {
        let flags = [&["--backend", "cpu", "--repeats", "1"][..], flags].concat();
        let arguments = ["bench", "310x5-4-3", "--hidden-activation", "tanh"];
        let bench = neuralnet_json(&[&arguments[..], &flags].concat());
        assert_eq!(bench["networks"][0]["batch_size"], rows, "{flags:?}");
        assert_eq!(bench["networks"][0]["hidden_activation"], "tanh");
    }
    let small = neuralnet_json(&["bench", "9x3-2-1", "--backend", "cpu", "--repeats", "1"]);
    assert_eq!(
        small["networks"][0]["batch_size"], 9,
        "there are no more rows"
    );
}

#[test]
fn shapes_of_one_layer_are_measured_as_ever_beside_networks() {
    let alone = neuralnet_json(&["bench", "1000x8", "--backend", "cpu", "--repeats", "1"]);
    for key in ["networks", "arithmetic_ceiling"] {
        assert_eq!(alone[key], Value::Null, "{key}");
    }
    let shapes = ["bench", "9x3-2-1", "1000x8", "9x3-4-2"];
    let flags = ["--backend", "cpu", "--repeats", "1"];
    let both = neuralnet_json(&[&shapes[..], &flags].concat());
    let names = |key: &str| -> Vec<String> {
        let of_key = both[key].as_array().unwrap().iter();
        of_key
            .map(|times| times["shape"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("shapes"), ["1000x8"]);
    assert_eq!(names("networks"), ["9x3-2-1", "9x3-4-2"]);
    assert_eq!(both["loss"], "squared-error", "of one layer");
    let output = neuralnet(&[&shapes[..], &flags].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "\nfma ",
        " GFLOP/s of fused multiply-adds, float64 in registers",
        "\nshape ",
        "\narticle ",
        "\nnetwork ",
        "\n9x3-4-2 ",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused_by_its_name() {
    for shape in ["60000x784-", "0x3-2-1", "9x3-2", "9x3-8193-1", "9x8193"] {
        let parts = [
            &format!("`{shape}` is no shape; write ROWSxFEATURES or "),
            "with hidden layers ROWSxFEATURES-HIDDEN-OUTPUTS, as 60000x784-128-10; at most 64",
        ];
        assert_refused(&["bench", shape], 2, &parts);
    }
    for (flags, parts) in [
        (
            &["1000x8", "--batch-size", "10"][..],
            &[
                "--batch-size",
                "no shape has hidden layers; take one, as 60000x784-128-10",
            ][..],
        ),
        (
            &["1000x8", "--hidden-activation", "tanh"],
            &["--hidden-activation", "no shape has hidden layers"],
        ),
        (
            &["9x3-2-1", "--batch-size", "10"],
            &["--batch-size: 10 rows are more than the 9 there are"],
        ),
        (&["9x3-2-1", "--batch-size", "0"], &["--batch-size"]),
        (
            &["9x3-2-1", "--hidden-activation", "softmax"],
            &["--hidden-activation"],
        ),
    ] {
        let arguments = ["bench", "--backend", "cpu", "--repeats", "1"];
        assert_refused(&[&arguments[..], flags].concat(), 2, parts);
    }
}
