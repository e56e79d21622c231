//! Networks with hidden layers: what they learn, and all that is around a training.

use crate::common::{assert_refused, neuralnet, neuralnet_json, root, scratch};
use std::fs;
use std::path::PathBuf;

fn path(name: &str) -> String {
    let path = PathBuf::from(scratch()).join("networks").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// No layer alone tells these four rows apart.
fn xor() -> String {
    let file = path("xor.csv");
    fs::write(&file, "a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n").unwrap();
    file
}

/// Two rings, and no line between them, in a file of the caller's own: tests run side by side.
fn rings(name: &str) -> String {
    let file = path(name);
    let rows = (0..300).map(|row| {
        let (turn, inner) = (f64::from(row) * 0.7, row % 2 == 0);
        let radius = if inner { 1.0 } else { 2.0 } + 0.2 * (f64::from(row) * 1.3).sin();
        let class = if inner { "inner" } else { "outer" };
        format!("{},{},{class}\n", radius * turn.cos(), radius * turn.sin())
    });
    fs::write(&file, format!("x,y,ring\n{}", rows.collect::<String>())).unwrap();
    file
}

#[test]
fn xor_is_learned() {
    let data = xor();
    for flags in [
        &[
            "--hidden",
            "8",
            "--learning-rate",
            "0.05",
            "--epochs",
            "1000",
        ][..],
        &["--hidden", "8", "--optimizer", "lbfgs", "--l2", "0"],
        &[
            "--hidden",
            "8,4",
            "--hidden-activation",
            "tanh",
            "--optimizer",
            "adam",
            "--iterations",
            "3000",
        ],
        &[
            "--hidden",
            "8",
            "--hidden-activation",
            "gelu",
            "--optimizer",
            "lbfgs",
            "--l2",
            "0",
        ],
        &[
            "--hidden",
            "8",
            "--hidden-activation",
            "silu",
            "--optimizer",
            "lbfgs",
            "--l2",
            "0",
        ],
        &[
            "--hidden",
            "8",
            "--hidden-activation",
            "sigmoid",
            "--optimizer",
            "lbfgs",
            "--l2",
            "0",
            "--seed",
            "3",
        ],
        &[
            "--hidden",
            "8",
            "--hidden-activation",
            "leaky-relu",
            "--optimizer",
            "lbfgs",
            "--l2",
            "0",
        ],
    ] {
        // Thousands of small updates take a software adapter long.
        let is_quick = flags.contains(&"lbfgs");
        let backends = if is_quick {
            &["cpu", "gpu"][..]
        } else {
            &["cpu"]
        };
        for backend in backends {
            let json = neuralnet_json(&[&["train", &data, "--backend", backend], flags].concat());
            let loss = json["loss"].as_f64().unwrap();
            assert!(loss < 1e-3, "{backend}, {flags:?}: {loss}");
        }
    }
}

/// What is said is what is done: the settings of hidden layers, unless others are given.
#[test]
fn the_usual_settings_of_hidden_layers_are_told() {
    let data = rings("settings.csv");
    let model = path("settings.safetensors");
    let train = ["train", &data, "--backend", "cpu", "--hidden", "16,8"];
    let output = neuralnet(&[&train[..], &["--output", &model, "--force"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = "setting  mean of cross-entropy, hidden 16, 8 relu, AdamW, weight decay 0.01, learning rate 0.001, with bias, 1,002 iterations, batches of 128, seed 1, features standardised";
    assert!(text.contains(expected), "{text}");
    let inspected = neuralnet(&["inspect", &model]);
    let inspected = String::from_utf8(inspected.stdout).unwrap();
    for line in [
        "    0       2       16          48  relu\n",
        "    1      16        8         136  relu\n",
        "    2       8        1           9  sigmoid\n",
        "  all                          193\n",
    ] {
        assert!(text.contains(line), "{text}");
        assert!(inspected.contains(line), "{inspected}");
    }
    let whole = neuralnet(&[&train[..], &["--batch-size", "all", "--init", "glorot"]].concat());
    let text = String::from_utf8(whole.stdout).unwrap();
    let expected = "1,000 iterations, glorot start, seed 1, features standardised";
    assert!(text.contains(expected), "{text}");
    let large = ["train", "synthetic:20000x2", "--hidden", "2"];
    let text = neuralnet(&[&large[..], &["--backend", "cpu"]].concat()).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains(", 1,570 iterations, batches of 128"),
        "{text}"
    );
}

/// The model that is saved is the one that was trained, for every command that takes one.
#[test]
fn a_model_with_hidden_layers_is_used_as_any_other() {
    let data = rings("rings.csv");
    let model = path("rings.safetensors");
    let train = [
        "train",
        &data,
        "--backend",
        "cpu",
        "--hidden",
        "16,8",
        "--epochs",
        "150",
    ];
    let output = ["--learning-rate", "0.01", "-o", &model, "--force"];
    let report = path("rings.html");
    let json = neuralnet_json(&[&train[..], &output, &["--report", &report]].concat());
    assert_eq!(json["layers"].as_array().unwrap().len(), 3, "layers");
    let evaluated = neuralnet_json(&["evaluate", &model, &data]);
    let accuracy = evaluated["measured"][0]["accuracy"].as_f64().unwrap();
    assert!(accuracy >= 0.98, "{accuracy}: {json}");
    let [found, expected] = [&evaluated["loss"], &json["loss"]].map(|it| it.as_f64().unwrap());
    assert!(
        (found / expected - 1.0).abs() <= 1e-6,
        "{found} and {expected}"
    );
    let inspected = neuralnet_json(&["inspect", &model]);
    assert_eq!(inspected["layers"], json["layers"]);
    let shown = String::from_utf8(neuralnet(&["inspect", &model]).stdout).unwrap();
    assert!(shown.contains("\nfeatures "), "{shown}");
    let on = neuralnet_json(&[
        "train",
        &data,
        "--backend",
        "cpu",
        "--init",
        &model,
        "--iterations",
        "0",
    ]);
    let found = on["loss"].as_f64().unwrap();
    assert!(
        (found / expected - 1.0).abs() <= 1e-6,
        "{found} and {expected}"
    );
    let page = fs::read_to_string(&report).unwrap();
    assert!(page.contains("widths 16, 8") && !page.contains("<h2>Weights</h2>"));
}

/// The same bits whatever the threads, in batches and without.
#[test]
fn threads_change_no_bit() {
    for flags in [
        &["--batch-size", "1000", "--iterations", "20"][..],
        &["--batch-size", "all", "--iterations", "5"],
        &["--optimizer", "lbfgs", "--iterations", "5"],
    ] {
        let layers = ["1", "2", "5"].map(|threads| {
            let train = [
                "train",
                "synthetic:3000x20",
                "--backend",
                "cpu",
                "--hidden",
                "30,20",
            ];
            let json = neuralnet_json(&[&train[..], flags, &["--threads", threads]].concat());
            json["layers"].clone()
        });
        assert_eq!(layers[0], layers[1], "{flags:?}");
        assert_eq!(layers[0], layers[2], "{flags:?}");
    }
}

/// A weight is as many copies of a row for a network too, where nothing draws rows.
#[test]
fn weights_are_copies() {
    let (mut weighted, mut copied) = ("x,z,w,y\n".to_owned(), "x,z,y\n".to_owned());
    for row in 0..60_i32 {
        let (x, z, w) = (row * 37 % 61, row * 11 % 17, row % 4);
        let y = i32::from((x - 30) * (z - 8) > 0);
        weighted += &format!("{x},{z},{w},{y}\n");
        for _ in 0..w {
            copied += &format!("{x},{z},{y}\n");
        }
    }
    let files = [("weighted.csv", weighted), ("copied.csv", copied)];
    let [weighted, copied] = files.map(|(name, text)| {
        fs::write(path(name), text).unwrap();
        path(name)
    });
    let loss = |data: &str, more: &[&str]| {
        let train = [
            "train",
            data,
            "--backend",
            "cpu",
            "--hidden",
            "6",
            "--iterations",
            "40",
        ];
        let json = neuralnet_json(&[&train[..], &["--batch-size", "all"], more].concat());
        json["loss"].as_f64().unwrap()
    };
    let losses = [
        loss(&weighted, &["--sample-weight", "w"]),
        loss(&copied, &[]),
    ];
    assert!((losses[0] / losses[1] - 1.0).abs() <= 1e-9, "{losses:?}");
}

#[test]
fn what_cannot_be_is_refused() {
    let data = format!("{}/tests/optimizer/table.csv", root());
    let layers = vec!["2"; 65].join(",");
    for (flags, part) in [
        (
            &["--hidden", "0"][..],
            "--hidden: a layer of 0 units must have from 1 to 8192",
        ),
        (&["--hidden", "9000"], "--hidden: a layer of 9000"),
        (
            &["--hidden", &layers],
            "--hidden: 65 layers are more than 64",
        ),
        (&["--hidden", ""], "--hidden"),
        (&["--hidden-activation", "relu"], "--hidden <WIDTHS>"),
        (
            &["--hidden", "3", "--hidden-activation", "softmax"],
            "possible values",
        ),
        (&["--activation", "relu"], "possible values"),
        (
            &["--hidden", "3", "--l1", "0.1"],
            "--l1: this optimizer's steps keep no weight at 0",
        ),
        (
            &["--weight-decay", "0.1", "--optimizer", "adam"],
            "--weight-decay",
        ),
        (&["--hidden", "3", "--weight-decay=-1"], "--weight-decay"),
        (
            &["--hidden", "3", "--init", "nowhere"],
            "--init: `nowhere` is none of numpy, he and glorot",
        ),
    ] {
        assert_refused(&[&["train", &data], flags].concat(), 2, &[part]);
    }
}
