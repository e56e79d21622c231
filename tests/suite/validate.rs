//! `validate` as its users see it: what it looks at, what it prints, and where it promises nothing.

use crate::common::{assert_refused, assert_within, neuralnet, neuralnet_json, problem, scratch};
use neuralnet::{Dataset, GpuOptions, Loss, Reduction};

#[test]
fn the_article_is_validated_to_its_last_iteration() {
    let validation = neuralnet_json(&["validate", "article"]);
    assert_eq!(validation["passed"], true, "{validation}");
    assert_eq!(validation["distance"]["iterations"], 10_000, "{validation}");
    let checks = validation["checks"].as_array().unwrap();
    for iteration in [0, 1, 10, 100, 1000, 10_000] {
        let at = checks
            .iter()
            .filter(|check| check["iteration"] == iteration);
        let quantities: Vec<_> = at
            .map(|check| check["quantity"].as_str().unwrap())
            .collect();
        let expected = [
            "pre-activation z",
            "prediction y",
            "sums of each leaf",
            "gradient of weight",
            "loss",
            "mean slope dy/dz",
            "updated parameters",
            "two updates at once",
            "progress",
        ];
        assert_eq!(quantities, expected, "iteration {iteration}");
    }
}

/// One layer on a file makes the updates of gradient descent, as many as are asked for, and takes no flag that ends or
/// begins a training.
#[test]
fn a_file_is_validated_over_the_epochs_asked_for() {
    let path = std::path::PathBuf::from(scratch()).join("epochs.csv");
    std::fs::write(&path, "a,b,y\n1,2,0\n2,5,1\n3,4,0\n").unwrap();
    let path = path.to_str().unwrap();
    for (flags, iterations) in [(&[][..], 100), (&["--epochs", "3"], 3)] {
        let validation = neuralnet_json(&[&["validate", path], flags].concat());
        let (config, distance) = (&validation["config"], &validation["distance"]);
        assert_eq!(config["optimizer"], "gradient-descent", "{flags:?}");
        assert_eq!(config["l2"], 0.0, "{flags:?}");
        assert_eq!(distance["iterations"], iterations, "{flags:?}");
    }
    for flag in [
        "--warm-start-rows",
        "--gradient-tolerance",
        "--loss-tolerance",
        "--max-seconds",
    ] {
        assert_refused(&["validate", path, flag, "3"], 2, &[flag, "unexpected"]);
    }
}

/// The output says which reference it was.
#[test]
fn the_gpu_is_within_its_bounds_of_the_plain_reference_too() {
    for reference in ["fast", "plain"] {
        let validation = neuralnet_json(&[
            "validate",
            "synthetic:3000x33",
            "--iterations",
            "2",
            "--storage",
            "f16",
            "--reference",
            reference,
        ]);
        assert_eq!(validation["passed"], true, "{validation}");
        let hardware = validation["reference"].as_str().unwrap();
        let is_plain = hardware.ends_with("plain loops");
        assert_eq!(is_plain, reference == "plain", "{hardware}");
    }
}

#[test]
fn a_synthetic_batch_is_validated_in_chunks_for_people() {
    let output = neuralnet(&[
        "validate",
        "synthetic:20000x32",
        "--iterations",
        "3",
        "--max-chunk-bytes",
        "600000",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.ends_with("passed: every error is within its bound\n"),
        "{text}"
    );
}

/// Columns as people have them, ages and incomes, saturate the layer and stretch the bounds. They must
/// not stretch so far that a prediction or a gradient could be anything.
#[test]
fn bounds_still_say_something_for_large_features() {
    let rows = 500;
    let mut random = crate::common::Random::new(3);
    let mut inputs = Vec::new();
    let mut targets = Vec::new();
    for _ in 0..rows {
        inputs.push((random.next() * 30.0 + 50.0).round());
        inputs.push((random.next() * 440_000.0 + 460_000.0).round());
        targets.push(f32::from(random.next() > 0.0));
    }
    let dataset = Dataset::from_rows("incomes", 2, 1, inputs, targets).unwrap();
    for loss in [Loss::SquaredError, Loss::CrossEntropy] {
        let problem = problem(&dataset, loss, Reduction::Mean, true);
        for parameters in [[0.01, -1e-5, 0.3], [1000.0, -30_000.0, 5.0]] {
            let checks = assert_within(
                &problem,
                GpuOptions::default(),
                &parameters,
                &format!("{loss:?}"),
            );
            let bound = |quantity| {
                checks
                    .iter()
                    .find(|check| check.quantity == quantity)
                    .unwrap()
                    .bound
            };
            assert!(bound("prediction y") <= 1e-2, "{checks:#?}");
            assert!(bound("mean slope dy/dz") <= 1e-2, "{checks:#?}");
            assert!(bound("gradient of bias") <= 1e-2, "{checks:#?}");
        }
    }
}

#[test]
fn values_beyond_f32_are_refused_not_blamed_on_the_device() {
    let path = std::path::PathBuf::from(scratch()).join("beyond.csv");
    for (content, activation, what) in [
        (
            "a,b,c,y\n3e38,3.3e38,3e38,0\n-3e38,3.3e38,-3e38,1\n",
            "sigmoid",
            "column `b` reaches 3.30e38",
        ),
        (
            "a,b,y\n1,2,1e30\n3,4,-1e30\n",
            "identity",
            "column `y` reaches 1.00e30",
        ),
    ] {
        std::fs::write(&path, content).unwrap();
        let validate = [
            "validate",
            path.to_str().unwrap(),
            "--activation",
            activation,
            "--loss",
            "squared-error",
            "--no-standardise",
        ];
        for hidden in [&[][..], &["--hidden", "3"]] {
            let output = neuralnet(&[&validate[..], hidden].concat());
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{content}: {stderr}");
            assert!(stderr.contains(&format!("beyond.csv: {what}")), "{stderr}");
            assert!(
                stderr.contains("so values may leave the range of f32"),
                "{stderr}"
            );
        }
    }
}

/// The device is not to blame either if updates take the weights beyond f32, at whichever of them that is seen.
#[test]
fn weights_that_outgrow_f32_are_not_blamed_on_the_device() {
    let path = std::path::PathBuf::from(scratch()).join("outgrown.csv");
    std::fs::write(&path, "a,b,y\n1,2,0\n2,5,1\n3,4,0\n").unwrap();
    for rate in ["1e17", "1e19", "1e25", "1e30", "1e37"] {
        for activation in ["identity", "tanh"] {
            let output = neuralnet(&[
                "validate",
                path.to_str().unwrap(),
                "--no-standardise",
                "--iterations",
                "1",
                "--activation",
                activation,
                "--learning-rate",
                rate,
            ]);
            let stderr = String::from_utf8_lossy(&output.stderr);
            let what = format!("{activation}, {rate}: {stderr}");
            if activation == "tanh" {
                assert!(output.status.success(), "{what}");
                continue;
            }
            assert_eq!(output.status.code(), Some(2), "{what}");
            for part in [
                "outgrown.csv: the weight of `",
                " has grown to ",
                "take a smaller --learning-rate",
            ] {
                assert!(stderr.contains(part), "{what}");
            }
        }
    }
}

/// Nor if a setting takes an update beyond f32, of which the bounds then say nothing: the number that does it is named.
#[test]
fn settings_that_take_an_update_beyond_f32_are_not_blamed_on_the_device() {
    let path = std::path::PathBuf::from(scratch()).join("settings.csv");
    std::fs::write(&path, "a,b,y\n1,2,0\n2,5,1\n3,4,0\n").unwrap();
    let validate = ["validate", path.to_str().unwrap(), "--iterations", "1"];
    for (flags, parts) in [
        (
            ["--optimizer=adam", "--l2=1e20"],
            [
                "the gradient of ",
                "take a smaller --l2, or take --clip-norm 1",
            ],
        ),
        (
            ["--optimizer=adam", "--learning-rate=1e38"],
            [
                "the learning rate is 1.00e38",
                "take a smaller --learning-rate",
            ],
        ),
        (
            ["--optimizer=gradient-descent", "--clip-norm=3e38"],
            [
                "the largest norm, 3.00e38, is ",
                "take a smaller --clip-norm",
            ],
        ),
    ] {
        for hidden in [&[][..], &["--hidden", "4"]] {
            let output = neuralnet(&[&validate[..], &flags, hidden].concat());
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{flags:?}: {stderr}");
            for part in parts
                .iter()
                .chain(&["so values may leave the range of f32"])
            {
                assert!(stderr.contains(part), "{flags:?}: {stderr}");
            }
        }
    }
}

/// Nor if the square of a gradient leaves f32 between two of the iterations that are compared.
#[test]
fn what_the_optimizer_keeps_beyond_f32_is_not_blamed_on_the_device() {
    let path = std::path::PathBuf::from(scratch()).join("squares.csv");
    std::fs::write(&path, "a,b,y\n1,2,0\n2,5,1\n3,4,0\n4,1,1\n").unwrap();
    let validate = ["validate", path.to_str().unwrap(), "--no-standardise"];
    let rising = ["--learning-rate=1e18", "--warm-up=100", "--iterations=100"];
    let linear = ["--activation=identity", "--optimizer=rmsprop"];
    let output = neuralnet(&[&validate[..], &rising, &linear].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    for part in [
        "the gradient of the weight of ",
        "take a smaller --learning-rate",
    ] {
        assert!(stderr.contains(part), "{stderr}");
    }
}

/// Nor are those of hidden layers.
#[test]
fn weights_of_hidden_layers_that_outgrow_f32_are_told_by_their_layer() {
    let path = std::path::PathBuf::from(scratch()).join("hidden.csv");
    std::fs::write(&path, "a,b,y\n1,2,0\n2,5,1\n3,4,0\n").unwrap();
    let validate = ["validate", path.to_str().unwrap(), "--hidden", "4"];
    let linear = [
        "--activation",
        "identity",
        "--iterations",
        "1",
        "--learning-rate",
    ];
    let cases = ["1e12", "1e19", "1e30"].map(|rate| [(rate, "0"), (rate, "0.5")]);
    for (rate, dropout) in cases.into_iter().flatten() {
        let output = neuralnet(&[&validate[..], &linear, &[rate, "--dropout", dropout]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let told = ["weight of layer", "bias of layer"].map(|part| stderr.contains(part));
        let diverged = stderr.contains("training diverged");
        assert!(
            told[0] || told[1] || diverged,
            "{rate}, dropout {dropout}: {stderr}"
        );
        assert!(
            stderr.contains("take a smaller --learning-rate"),
            "{rate}, dropout {dropout}: {stderr}"
        );
        assert!(
            !output.status.success(),
            "{rate}, dropout {dropout}: {stderr}"
        );
    }
}
