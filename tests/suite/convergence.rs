//! "Converged" is said at the optimum, whatever the units of the columns, their dependence and the start.

use crate::common::{neuralnet, neuralnet_json, parameters, scratch};
use std::fs;
use std::path::PathBuf;

/// A file of a header and rows of numbers.
fn table(name: &str, header: &str, rows: impl Iterator<Item = Vec<f64>>) -> String {
    let path = PathBuf::from(scratch()).join("convergence").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let line = |row: Vec<f64>| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = rows.map(line).collect();
    fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Numbers in (−1, 1) that look random.
fn noise(row: usize, column: usize) -> f64 {
    (12.9898 * (row as f64 + 1.0) + 78.233 * (column as f64 + 1.0)).sin() * 43758.5453 % 1.0
}

/// Both backends give these parameters: bias last, each to a share of the largest.
fn assert_reached(data: &str, flags: &[&str], expected: &[f64], tolerances: [f64; 2]) {
    for (backend, tolerance) in ["cpu", "gpu"].into_iter().zip(tolerances) {
        let train = [&["train", data, "--backend", backend], flags].concat();
        let json = neuralnet_json(&train);
        let stop = json["stop"].as_str().unwrap();
        assert!(
            ["gradient", "rounding"].contains(&stop),
            "{backend}: {json}"
        );
        let loss = json["loss"].as_f64().unwrap();
        assert!(loss <= 1e-9, "{backend}: {json}");
        let largest = expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        for (found, expected) in parameters(&json).iter().zip(expected) {
            let error = (found - expected).abs() / largest;
            assert!(
                error <= tolerance,
                "{backend}: {found}, not {expected}: {json}"
            );
        }
    }
}

/// Weights of columns that f32 cannot tell apart: on a GPU their loss alone is held.
const NOT_HELD: f64 = f64::INFINITY;

/// Two columns that differ by a thousandth, and a target that wants three of one less two of the other.
#[test]
fn near_collinear_columns_reach_least_squares() {
    let rows = |difference: f64| {
        (0..60).map(move |row| {
            let a = noise(row, 0);
            let b = a + difference * noise(row, 1);
            vec![a, b, 3.0 * a - 2.0 * b]
        })
    };
    for (name, difference, on_gpu) in [
        ("thousandth.csv", 1e-3, 1e-3),
        ("hundredth.csv", 1e-2, 1e-4),
        ("tenth.csv", 1e-1, 1e-5),
        ("too-near.csv", 1e-5, NOT_HELD),
    ] {
        let data = table(name, "a,b,y", rows(difference));
        assert_reached(&data, &[], &[3.0, -2.0, 0.0], [1e-3, on_gpu]);
    }
}

/// A share beside a number of people, in whatever units; as they stand, and with a start far off.
#[test]
fn units_of_columns_have_no_influence() {
    for (name, unit, start) in [
        ("small.csv", 1.0, "1"),
        ("thousands.csv", 1e3, "2"),
        ("millions.csv", 1e6, "3"),
        ("millionths.csv", 1e-6, "4"),
    ] {
        let rows = (0..40).map(|row| {
            let (share, people) = (noise(row, 0), unit * (2.0 + noise(row, 1)));
            vec![share, people, 10.0 * share + 2.0]
        });
        let data = table(name, "share,people,y", rows);
        for (backend, stops) in [
            ("cpu", &["gradient"][..]),
            ("gpu", &["gradient", "rounding"]),
        ] {
            let flags = ["--no-standardise", "--seed", start, "--backend", backend];
            let json = neuralnet_json(&[&["train", &data], &flags[..]].concat());
            let [share, people, bias] = parameters(&json)[..] else {
                panic!("{json}")
            };
            // Of the second column what it adds to a prediction counts.
            let errors = [share - 10.0, unit * people, bias - 2.0];
            assert!(
                errors.iter().all(|error| error.abs() <= 1e-5),
                "{name}, {backend}: {json}"
            );
            let stop = json["stop"].as_str().unwrap();
            assert!(stops.contains(&stop), "{name}, {backend}: {stop}");
        }
    }
}

/// The share of a loss that a training has left is what it says, not what it happened to start from.
#[test]
fn a_start_at_the_optimum_is_not_a_start_far_from_it() {
    let rows = (0..200).map(|row| {
        let x = noise(row, 0);
        vec![
            x,
            1e3 * noise(row, 1),
            f64::from(u8::from(x + noise(row, 2) > 0.0)),
        ]
    });
    let data = table("classes.csv", "x,z,y", rows);
    let losses = ["1", "2", "3", "4", "5"].map(|seed| {
        let flags = ["--seed", seed, "--no-standardise", "--l2", "0"];
        let json = neuralnet_json(&[&["train", &data, "--backend", "cpu"], &flags[..]].concat());
        assert_eq!(json["stop"], "gradient", "{json}");
        json["loss"].as_f64().unwrap()
    });
    for loss in losses {
        assert!((loss / losses[0] - 1.0).abs() <= 1e-11, "{losses:?}");
    }
}

/// What says that it converged has converged: gradient descent that crawls does not say so.
#[test]
fn a_slow_descent_has_not_converged() {
    let rows = (0..60).map(|row| {
        let a = noise(row, 0);
        vec![a, a + 1e-3 * noise(row, 1), 3.0 * a - 2.0 * noise(row, 1)]
    });
    let data = table("slow.csv", "a,b,y", rows);
    let flags = [
        "--optimizer",
        "gradient-descent",
        "--gradient-tolerance",
        "1e-3",
    ];
    let run = [
        "train",
        &data,
        "--backend",
        "cpu",
        "--iterations",
        "2000",
        "--json",
    ];
    let output = neuralnet(&[&run[..], &flags[..]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\"stop\":\"iterations\""), "{text}");
}

/// A learning rate that is too large for the columns as they are: a device that computes as it should is not to blame.
#[test]
fn a_training_that_diverges_is_no_wrong_device() {
    let rows = |unit: f64| {
        (0..60).map(move |row| {
            let (a, b) = (noise(row, 0), unit * noise(row, 1));
            vec![a, b, 2.0 * a + 3.0]
        })
    };
    for (name, unit) in [
        ("hundreds.csv", 1e3),
        ("thousands.csv", 1e4),
        ("more.csv", 1e6),
    ] {
        let data = table(name, "a,b,y", rows(unit));
        let output = neuralnet(&["validate", &data, "--no-standardise"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains("training diverged: after iteration"),
            "{stderr}"
        );
        assert!(
            stderr.contains("take a smaller --learning-rate"),
            "{stderr}"
        );
        assert!(output.stdout.is_empty(), "no table of errors");
    }
}

/// Advice that is taken is not refused next.
#[test]
fn what_a_softmax_cannot_use_has_a_way_on() {
    let counts = (0..9).map(|row| vec![noise(row, 0), (row % 3) as f64, (row % 4) as f64]);
    let data = table("counts.csv", "x,a,b", counts);
    let train = [
        "train",
        &data,
        "--target",
        "a,b",
        "--backend",
        "cpu",
        "--activation",
    ];
    let refused = neuralnet(&[&train[..], &["softmax"]].concat());
    let stderr = String::from_utf8(refused.stderr).unwrap();
    let (_, advice) = stderr.trim().rsplit_once("take --activation ").unwrap();
    let taken = neuralnet(&[&train[..], &[advice]].concat());
    assert!(taken.status.success(), "{stderr}");
}

/// The memory changes and not the model: whole numbers are as exact in bytes, and others are off by what is reported.
#[test]
fn storage_changes_the_memory_and_not_the_model() {
    let rows = |unit: f64| {
        (0..80).map(move |row| {
            let (a, b) = ((row * 37 % 201) as f64, (row * 11 % 17) as f64);
            let y = f64::from(u8::from(a + 10.0 * b > 170.0 + 90.0 * noise(row, 0)));
            vec![unit * a, b, y]
        })
    };
    for (name, unit, tolerance) in [
        ("whole.csv", 1.0, [1e-6, 1e-3]),
        ("small-scale.csv", 1e-6, [1e-2, 1e-3]),
        ("large-scale.csv", 1e5, [1e-2, 1e-3]),
    ] {
        let data = table(name, "a,b,y", rows(unit));
        for backend in ["cpu", "gpu"] {
            let loss = |storage| {
                let train = ["train", &data, "--backend", backend, "--storage", storage];
                neuralnet_json(&train)["loss"].as_f64().unwrap()
            };
            let expected = loss("f32");
            assert!(
                expected < 0.6,
                "{name}: {expected} beside ln 2 without a model"
            );
            for (storage, tolerance) in ["u8", "f16"].into_iter().zip(tolerance) {
                let error = (loss(storage) / expected - 1.0).abs();
                assert!(
                    error <= tolerance,
                    "{name}, {backend}, {storage}: off by {error:e}"
                );
            }
        }
    }
}

/// The weights of a column for all classes of a softmax can move together without a change of the loss: not even L1
/// gets lost there, in whatever units, and all starts end at one loss.
#[test]
fn a_softmax_with_l1_converges_in_any_units() {
    for (unit, flags) in [
        (1e6, &["--l1", "0.01", "--l2", "0"][..]),
        (1e-4, &["--l1", "0.01", "--l2", "0"]),
        (1e4, &["--l1", "0.005", "--l2", "0.01"]),
        (1.0, &["--l1", "0.02"]),
    ] {
        let rows = (0..150).map(|row| {
            let (a, b) = (noise(row, 0), noise(row, 1));
            let class = usize::from(a + 0.3 * noise(row, 2) > 0.3) + usize::from(b > 0.0);
            vec![unit * a, b, class as f64]
        });
        let data = table("softmax.csv", "a,b,y", rows);
        let losses = ["1", "2", "3"].map(|seed| {
            let run = [
                "train",
                &data,
                "--classes",
                "--backend",
                "cpu",
                "--no-standardise",
            ];
            let json = neuralnet_json(&[&run[..], flags, &["--seed", seed]].concat());
            assert_eq!(json["stop"], "gradient", "{unit}: {json}");
            json["loss"].as_f64().unwrap()
        });
        for loss in losses {
            assert!(
                (loss / losses[0] - 1.0).abs() <= 1e-10,
                "{unit}: {losses:?}"
            );
        }
    }
}

/// What is summed may be as small or large as it likes: a training stops at the same iteration.
#[test]
fn the_size_of_the_loss_has_no_influence() {
    let iterations = [1e-8, 1.0, 1e6].map(|weight| {
        let rows = (0..200).map(|row| {
            let x = noise(row, 0);
            let y = f64::from(u8::from(x + noise(row, 2) > 0.0));
            vec![x, 1e3 * noise(row, 1), weight, y]
        });
        let data = table(&format!("size{weight}.csv"), "x,z,w,y", rows);
        let flags = ["--sample-weight", "w", "--reduction", "sum", "--l2", "0"];
        let json = neuralnet_json(&[&["train", &data, "--backend", "cpu"], &flags[..]].concat());
        assert_eq!(json["stop"], "gradient", "{json}");
        json["iterations"].as_u64().unwrap()
    });
    assert_eq!(iterations, [iterations[0]; 3]);
}

/// Twelve powers of a column, which f32 cannot tell apart where outputs are saturated: a search that rounding ends there has
/// converged only if float64 gets no lower.
#[test]
fn what_ends_by_rounding_is_at_the_optimum() {
    for seed in [16_u64, 20, 32] {
        let mut state = seed;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005);
            state = state.wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / 16_777_216.0
        };
        for _ in 0..5 {
            random();
        }
        let rows = (0..300).map(|_| {
            let x = 2.0 * random() - 1.0;
            let probability = 1.0 / (1.0 + (-6.0 * (5.0 * x).sin()).exp());
            let t = f64::from(u8::from(random() < probability));
            (1..=12).map(|power| x.powi(power)).chain([t]).collect()
        });
        let names: Vec<String> = (0..12).map(|power| format!("x{power}")).collect();
        let data = table("powers.csv", &format!("{},t", names.join(",")), rows);
        let trained = |backend| {
            let args = [
                "train",
                &data,
                "--target",
                "t",
                "--l2",
                "0",
                "--backend",
                backend,
            ];
            let json = neuralnet_json(&args);
            (json["loss"].as_f64().unwrap(), json["stop"].clone())
        };
        let ((loss, stop), (nearer, _)) = (trained("gpu"), trained("cpu"));
        let beyond = loss / nearer - 1.0;
        assert!(
            stop == "stalled" || beyond < 1e-5,
            "{seed}: {stop}, {beyond:e} beyond"
        );
    }
}
