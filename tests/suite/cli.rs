//! What the command line promises: exit codes, messages that name the place, JSON and nothing else,
//! notices on stderr, and no result where the input is bad.

use crate::common::{assert_refused, binary, interrupted, neuralnet, neuralnet_json, scratch};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A file in a folder of this test's own.
fn file(test: &str, name: &str, content: &[u8]) -> String {
    let folder = PathBuf::from(scratch()).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Nothing on stdout, the exit code, and every part of the message.
/// The file's content, what the message has to name after the file, and further parts of it.
const BAD_FILES: [(&str, &[u8], &[&str]); 20] = [
    ("empty.csv", b"", &["empty.csv: the file is empty"]),
    ("blank.csv", b"\n\r\n\n", &["blank.csv: the file is empty"]),
    (
        "header.csv",
        b"a,b,y\n",
        &["header.csv: holds a header and no rows"],
    ),
    (
        "ragged.csv",
        b"a,b,y\n1,2,0\n\n1,2\n",
        &["ragged.csv:4: has 2 of 3 cells"],
    ),
    (
        "long.csv",
        b"a,b,y\n1,2,0,4\n1,2,0\n",
        &["long.csv:2: has 4 of 3 cells"],
    ),
    (
        "text.csv",
        b"a,b,y\n1,2,0\n1,abc,0\n",
        &[
            "text.csv:3: column `b`: `abc` is not a number",
            "--one-hot b",
        ],
    ),
    (
        "open_quote.csv",
        b"a,b,y\n1,2,0\n1,\"2,0\n",
        &["open_quote.csv:3: column `b`: begins with a quote that nothing closes"],
    ),
    (
        "inner_quote.csv",
        b"a,b,y\n1,\"2\"5,0\n",
        &["inner_quote.csv:2: column `b`: goes on after its closing quote"],
    ),
    (
        "open_header.csv",
        b"a,\"b,y\n1,2,0\n",
        &["open_header.csv:1: a cell begins with a quote that nothing closes"],
    ),
    (
        "control.csv",
        b"a,\x1b]0;b,y\n1,2,0\n",
        &["control.csv:1: the name of column 2", "control characters"],
    ),
    (
        "only_mark.csv",
        b"\xef\xbb\xbf\n1,2,0\n",
        &["only_mark.csv: holds a header and no rows"],
    ),
    (
        "crlf.csv",
        b"a,b,y\r\n1,2,0\r\n\r\n1,2,zero\r\n",
        &[
            "crlf.csv:4: column `y`: `zero` is not a number",
            "--classes",
        ],
    ),
    (
        "nan.csv",
        b"a,b,y\n1,NaN,0\n",
        &["nan.csv: column `b`: every cell is missing", "--drop b"],
    ),
    (
        "inf.csv",
        b"a,b,y\n-inf,2,0\n",
        &["inf.csv:2: column `a`: `-inf` is not finite"],
    ),
    (
        "large.csv",
        b"a,b,y\n1,2,0\n1,-1e39,1\n",
        &[
            "large.csv:3: column `b`: -1e39 is too large for f32",
            "3.4028235e38",
        ],
    ),
    (
        "gap.csv",
        b"a,b,y\n1,,0\n",
        &["gap.csv: column `b`: every cell is missing", "--drop b"],
    ),
    (
        "no_feature.csv",
        b"y\n1\n",
        &["no_feature.csv: has no column left to be a feature"],
    ),
    (
        "no_header.csv",
        b"1,2,0\n3,4,1\n",
        &[
            "no_header.csv:1: the first line looks like data",
            "--no-header",
        ],
    ),
    (
        "latin1_header.csv",
        b"a,\xfcber,y\n1,2,0\n",
        &["latin1_header.csv:1: the name of column 2: the cell is not UTF-8"],
    ),
    (
        "latin1.csv",
        b"a,b,y\n1,2,0\n\xfc,2,0\n",
        &["latin1.csv:3: column `a`: the cell is not UTF-8"],
    ),
];

#[test]
fn a_bad_file_is_refused_with_its_place() {
    for (name, content, parts) in BAD_FILES {
        let path = file("bad_files", name, content);
        assert_refused(&["train", &path, "--backend", "cpu"], 2, parts);
        assert_refused(&["validate", &path], 2, parts);
    }
}

/// Numbers beyond [0, 1] are what a sigmoid cannot predict: told, and trained towards as they are, unless
/// cross-entropy is asked for.
#[test]
fn targets_beyond_the_unit_interval_are_regressed_or_refused() {
    let path = file("bad_files", "range.csv", b"a,b,y\n1,2,0\n\n\n1,3,7\n");
    assert_refused(
        &[
            "train",
            &path,
            "--loss",
            "cross-entropy",
            "--backend",
            "cpu",
        ],
        2,
        &[
            "range.csv:5: column `y`: target 7 lies outside [0, 1]",
            "cross-entropy",
        ],
    );
    let out_of_reach = |path: &str, activation: &str, reason: &str| {
        let train = ["train", path, "--activation", activation];
        assert_refused(
            &[&train[..], &["--hidden", "4", "--backend", "cpu"]].concat(),
            2,
            &[reason, "; rescale it, or take --activation identity"],
        );
    };
    let reason = "range.csv:5: column `y`: target 7 lies outside [0, 1], where the predictions of a sigmoid lie";
    out_of_reach(&path, "sigmoid", reason);
    let reason = "target 7 lies outside [-1, 1], where the predictions of tanh lie";
    out_of_reach(&path, "tanh", reason);
    let rows = b"a,y\n1,7000000000\n2,7000000003\n3,6999999999\n";
    let offset = file("bad_files", "offset.csv", rows);
    let reason =
        "offset.csv:3: column `y`: target 7000000003 lies outside [7000000000, 7000000002]";
    out_of_reach(&offset, "tanh", reason);
    let signs = file("bad_files", "signs.csv", b"a,y\n1,-1\n2,0.5\n3,1\n");
    let train = ["train", &signs, "--activation", "tanh", "--backend", "cpu"];
    assert!(neuralnet(&train).status.success());
    let output = neuralnet(&["train", &path, "--backend", "cpu", "--json"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("outputs are linear"), "{told}");
    assert!(told.contains("column `a` has one value only"), "{told}");
    let trained: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(trained["config"]["activation"], "identity");
    assert_eq!(trained["config"]["loss"], "squared-error");
    // y = 7 (b − 2), whatever a is.
    let weight = &trained["layers"][0]["weight"][0];
    assert_eq!(weight[0].as_f64(), Some(0.0), "{trained}");
    assert!(
        (weight[1].as_f64().unwrap() - 7.0).abs() < 1e-3,
        "{trained}"
    );
}

#[test]
fn a_file_that_cannot_be_opened_is_refused() {
    let none = "No such file or directory (os error 2)";
    for (args, message) in [
        (
            &["train", "nowhere.csv"][..],
            format!("nowhere.csv: {none}; DATA is a table"),
        ),
        (
            &["convert", "article", "out.csv"],
            format!("article: {none}; name a file that can be read\n"),
        ),
        (
            &["inspect", "nowhere"],
            format!("nowhere: {none}; name a model file that"),
        ),
    ] {
        assert_refused(args, 2, &[&message]);
    }
    assert_refused(&["train", &scratch()], 2, &["is a folder"]);
}

/// What cannot be written is refused before the data are opened, and one file is not named twice.
#[test]
fn files_to_write_are_looked_at_first() {
    let folder = scratch();
    let file = format!("{folder}/m");
    let respelled = format!("{folder}/./m");
    let nowhere = format!("{folder}/nowhere/m");
    for (flags, part) in [
        (["--output", &file, "--report", &respelled], "--report: `"),
        (
            ["--checkpoint", &file, "--output", &respelled],
            "--checkpoint: `",
        ),
        (["--seed", "2", "--checkpoint", &nowhere], "--checkpoint: `"),
        (["--seed", "2", "--output", &nowhere], "--output: `"),
    ] {
        let args = [&["train", "nowhere.csv"][..], &flags].concat();
        assert_refused(&args, 2, &[part, "name a"]);
    }
}

/// The message names the file that was to be written, and not the one beside it that was to take its place.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_is_named() {
    let output = neuralnet(&["train", "--backend", "cpu", "--output", "/proc/m"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    let message =
        "/proc/m: cannot be written: No such file or directory (os error 2); make room there";
    assert!(told.contains(message), "{told}");
    assert!(output.stdout.is_empty(), "nothing is trained before");
}

#[test]
fn a_bad_target_is_refused() {
    let path = file("bad_targets", "good.csv", b"a,b,y\n1,2,0\n1,1,1\n");
    for (target, part) in [
        ("z", "has no column `z`; its columns are `a`, `b`, `y`"),
        ("y,y", "--target: column `y` is named twice"),
        ("a,b,y", "has no column left to be a feature"),
        ("", "has no column ``"),
    ] {
        assert_refused(&["train", &path, "--target", target], 2, &[part]);
    }
    assert_refused(
        &["train", "article", "--target", "y"],
        2,
        &["--target", "`article`"],
    );
}

#[test]
fn a_bad_synthetic_size_is_refused() {
    for (data, part) in [
        ("synthetic:0x3", "at least one row"),
        ("synthetic:3x0", "at least one row"),
        ("synthetic:3", "`3` is not ROWSxFEATURES"),
        ("synthetic:", "`` is not ROWSxFEATURES"),
        ("synthetic:axb", "`a` is not a number of rows"),
        ("synthetic:3x-1", "`-1` is not a number of features"),
        ("synthetic:99999999999999999999x3", "number too large"),
        ("synthetic:4611686018427387904x3", "overflows"),
        ("synthetic:10x8193", "at most 8192 features"),
        ("synthetic:10x3,noise=0.6", "noise=0.6"),
        ("synthetic:10x3,noise=NaN", "noise=NaN"),
        ("synthetic:10x3,seed=-1", "`-1` is not a seed"),
        ("synthetic:10x3,seed=1,seed=1", "given twice"),
        ("synthetic:10x3,rows=1", "`rows=1` is neither"),
        (
            "synthetic:10x3,rule=ring",
            "`ring` is not a rule; the rules are linear, xor, circle, spiral, teacher",
        ),
        ("synthetic:10x3,rule=xor,rule=xor", "given twice"),
        (
            "synthetic:10x1,rule=spiral",
            "rule=spiral needs at least 2 features",
        ),
        ("synthetic:10x8193,rule=teacher", "at most 8192 features"),
    ] {
        assert_refused(&["train", data, "--backend", "cpu"], 2, &[part]);
    }
}

#[test]
fn a_bad_setting_is_refused() {
    for (flag, value, part) in [
        ("--learning-rate", "0", "must be positive"),
        ("--learning-rate", "-1", "must be positive"),
        ("--learning-rate", "NaN", "must be positive"),
        ("--learning-rate", "1e999", "must be positive"),
        ("--learning-rate", "fast", "invalid value"),
        ("--iterations", "-1", "invalid value"),
        ("--seed", "4294967296", "invalid value"),
        ("--loss", "hinge", "invalid value"),
        ("--threads", "0", "invalid value"),
        ("--backend", "tpu", "invalid value"),
    ] {
        assert_refused(&["train", flag, value], 2, &[flag, part]);
    }
    assert_refused(
        &["train", "--backend", "gpu", "--learning-rate", "1e-60"],
        2,
        &["--learning-rate", "times the reduction", "1.1754944e-38"],
    );
    let momentum = ["--optimizer", "momentum", "--learning-rate", "1e-60"];
    assert_refused(
        &[&["train", "--backend", "gpu"][..], &momentum].concat(),
        2,
        &["--learning-rate: is 1e-60", "1.1754944e-38"],
    );
    assert_refused(
        &["train", "--backend", "gpu", "--clip-norm", "1e-50"],
        2,
        &["--clip-norm", "1.1754944e-38"],
    );
    assert_refused(
        &[
            "train",
            "--backend",
            "gpu",
            "--optimizer",
            "adam",
            "--l2",
            "1e39",
        ],
        2,
        &["--l2", "3.4028235e38"],
    );
    assert_refused(
        &["train", "--backend", "gpu", "--max-chunk-bytes", "5"],
        2,
        &["--max-chunk-bytes", "3 rows, 48 bytes"],
    );
}

#[test]
fn more_than_the_memory_is_refused_with_its_size() {
    let data = "synthetic:100000000000000x32";
    assert_refused(
        &["train", data, "--backend", "cpu"],
        2,
        &[data, "13200000000000000 bytes of host memory"],
    );
    assert_refused(
        &["train", data, "--backend", "gpu"],
        3,
        &[
            data,
            "13200000000000000 bytes",
            "a pass takes at most 65536",
        ],
    );
    let args = ["train", "synthetic:2147483648x1", "--iterations", "0"];
    let streamed = ["--backend", "gpu", "--max-device-bytes", "1048576"];
    let refusal = ["--max-device-bytes", "131072 chunks", "take more"];
    assert_refused(&[&args[..], &streamed].concat(), 2, &refusal);
}

#[test]
fn more_than_a_gpu_takes_is_refused_with_the_limit() {
    let columns = 8194;
    let header: Vec<String> = (0..columns).map(|j| format!("c{j}")).collect();
    let row = vec!["1"; columns].join(",");
    let path = file(
        "limits",
        "wide.csv",
        format!("{}\n{row}\n", header.join(",")).as_bytes(),
    );
    assert_refused(
        &["train", &path, "--backend", "gpu"],
        3,
        &["8193 inputs", "at most 8192"],
    );
    let targets = header[..8193].join(",");
    assert_refused(
        &["train", &path, "--backend", "gpu", "--target", &targets],
        3,
        &["8193 outputs", "at most 8192"],
    );
    let train = neuralnet_json(&[
        "train",
        &path,
        "--backend",
        "cpu",
        "--target",
        &targets,
        "--iterations",
        "1",
    ]);
    assert_eq!(
        train["dataset"]["n_outputs"], 8193,
        "the CPU takes any number"
    );
}

/// Runs the binary where the Vulkan loader finds no driver.
fn without_adapter(args: &[&str]) -> Output {
    Command::new(binary())
        .args(args)
        .env("VK_DRIVER_FILES", "/nowhere")
        .env("VK_ICD_FILENAMES", "/nowhere")
        .output()
        .unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn without_an_adapter_the_cpu_trains_or_the_reason_is_said() {
    for args in [
        &["train", "--backend", "gpu"][..],
        &["validate"],
        &["devices"],
    ] {
        let output = without_adapter(args);
        assert_eq!(output.status.code(), Some(3), "{args:?}");
        assert!(
            stderr(&output).contains("mesa-vulkan-drivers"),
            "{}",
            stderr(&output)
        );
    }
    let output = without_adapter(&["train", "--json"]);
    let train: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(train["backend"], "cpu", "auto");
    assert!(
        stderr(&output).contains("training on the CPU"),
        "{}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("no adapter"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_adapter_that_is_not_there_is_named_beside_those_that_are() {
    let output = Command::new(binary())
        .args(["train", "--backend", "gpu"])
        .env("WGPU_ADAPTER_NAME", "no such adapter")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let devices = neuralnet_json(&["devices"]);
    let name = devices[0]["name"].as_str().unwrap();
    assert!(
        stderr(&output).contains("no such adapter"),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains(name), "{}", stderr(&output));
}

/// What is asked for is done or refused, and never passed over.
#[test]
fn variables_that_choose_an_adapter_are_honoured_or_refused() {
    for (variable, value, code, part) in [
        ("WGPU_BACKEND", "vulkan", 0, ""),
        ("WGPU_BACKEND", " Vulkan,metal", 0, ""),
        (
            "WGPU_BACKEND",
            "metal",
            3,
            "no device of WGPU_BACKEND=metal; change it, unset it",
        ),
        (
            "WGPU_BACKEND",
            "gl",
            3,
            "WGPU_BACKEND=gl asks for `gl`, and there are vulkan, metal, dx12",
        ),
        ("WGPU_BACKEND", "vulkan,cuda", 3, "asks for `cuda`"),
        ("WGPU_POWER_PREF", "low", 0, ""),
        ("WGPU_ADAPTER_NAME", "0", 0, ""),
        ("WGPU_ADAPTER_NAME", "99", 3, "=99 matches none of 0: "),
        (
            "WGPU_POWER_PREF",
            "best",
            3,
            "there are low, high, none; change it, or unset it",
        ),
    ] {
        if cfg!(target_os = "macos") {
            continue;
        }
        let mut command = Command::new(binary());
        let command = command.args([
            "train",
            "synthetic:100x3",
            "--backend",
            "gpu",
            "--iterations",
            "1",
        ]);
        let output = command.env(variable, value).output().unwrap();
        let stderr = stderr(&output);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{variable}={value}: {stderr}"
        );
        assert!(stderr.contains(part), "{variable}={value}: {stderr}");
    }
}

#[test]
fn the_json_of_train_has_its_keys_in_order() {
    let output = neuralnet(&[
        "train",
        "synthetic:100x3",
        "--backend",
        "cpu",
        "--json",
        "--iterations",
        "3",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.lines().count(),
        1,
        "one object and nothing else: {text}"
    );
    let keys = [
        "backend",
        "adapter",
        "dataset",
        "source",
        "n_samples",
        "n_inputs",
        "n_outputs",
        "config",
        "iterations",
        "loss",
        "layers",
        "weight",
        "bias",
        "seconds",
        "bytes_per_second",
    ];
    let mut rest = text.as_str();
    for key in keys {
        // Settings repeat `iterations` and `loss`; what is looked for stands after `config`.
        let config_end = if key == "iterations" {
            rest.find('}').unwrap()
        } else {
            0
        };
        let at = rest[config_end..]
            .find(&format!("\"{key}\":"))
            .unwrap_or_else(|| panic!("no {key} in its place: {text}"));
        rest = &rest[config_end + at..];
    }
    let train: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        train["dataset"]["source"], "synthetic:100x3,noise=0.05,seed=1",
        "defaults are spelled out"
    );
    for (setting, value) in [("loss", "cross-entropy"), ("reduction", "mean")] {
        assert_eq!(train["config"][setting], value, "{setting}");
    }
    assert_eq!(train["config"]["bias"], true, "bias");
    assert_eq!(
        train["layers"][0]["weight"][0].as_array().unwrap().len(),
        3,
        "weight (O, I)"
    );
}

#[test]
fn of_two_flags_for_the_bias_the_last_counts() {
    let bias = |flags: &[&str]| {
        let args = [
            &[
                "train",
                "synthetic:10x2",
                "--backend",
                "cpu",
                "--iterations",
                "1",
            ],
            flags,
        ]
        .concat();
        neuralnet_json(&args)["config"]["bias"].as_bool().unwrap()
    };
    assert!(bias(&[]), "on for data of the user's own");
    assert!(!bias(&["--no-bias"]), "off");
    assert!(!bias(&["--bias", "--no-bias"]), "off at last");
    assert!(bias(&["--no-bias", "--bias"]), "on at last");
    assert!(
        !neuralnet_json(&["train", "--backend", "cpu"])["config"]["bias"]
            .as_bool()
            .unwrap(),
        "the article has none"
    );
}

#[test]
fn no_iteration_shows_the_start() {
    for backend in ["cpu", "gpu"] {
        let train = neuralnet_json(&["train", "--iterations", "0", "--backend", backend]);
        let weight = train["layers"][0]["weight"][0][0].as_f64().unwrap();
        assert!((weight + 0.165_955_99).abs() < 1e-8, "{backend}: {weight}");
        assert_eq!(train["iterations"], 0, "{backend}");
        assert!(train["bytes_per_second"].is_null(), "{backend}");
    }
}

/// Numbers such as shares are the probabilities that a sigmoid gives, unless the user says what they are.
#[test]
fn targets_that_are_taken_as_probabilities_are_told() {
    let path = file("shares", "shares.csv", b"a,y\n1,0\n2,0.5\n3,1\n");
    for (more, is_told) in [
        (&[][..], true),
        (&["--activation", "sigmoid"], false),
        (&["--classes"], false),
    ] {
        let output = neuralnet(&[&["train", &path, "--backend", "cpu"], more].concat());
        let told = stderr(&output);
        let part = "taken as probabilities, so outputs are sigmoids; --activation identity";
        assert_eq!(told.contains(part), is_told, "{more:?}: {told}");
    }
}

#[test]
fn a_saturated_layer_is_told() {
    let told = |reduction| {
        let output = neuralnet(&[
            "train",
            "synthetic:60000x8",
            "--loss",
            "squared-error",
            "--reduction",
            reduction,
            "--learning-rate",
            "1",
            "--iterations",
            "3",
            "--backend",
            "cpu",
        ]);
        stderr(&output).contains("saturated by iteration")
    };
    assert!(
        told("sum"),
        "the sum over a large batch saturates the layer"
    );
    assert!(!told("mean"), "the mean does not");
}

/// A batch of one row that is far from 0 is saturated, and half of the rows are not.
#[test]
fn a_batch_alone_is_no_saturated_layer() {
    let rows = (0..40).map(|row| format!("{},{}\n", row % 2 * 1000, row % 4 / 2));
    let rows = format!("x,y\n{}", rows.collect::<String>());
    let path = file("saturated", "far.csv", rows.as_bytes());
    for seed in ["1", "2", "3", "4"] {
        let train = ["train", &path, "--backend", "cpu", "--no-standardise"];
        let batches = [
            "--batch-size",
            "1",
            "--iterations",
            "3",
            "--learning-rate",
            "1e-9",
        ];
        let output = neuralnet(&[&train[..], &batches, &["--seed", seed]].concat());
        assert!(output.status.success());
        let told = stderr(&output);
        assert!(!told.contains("saturated"), "{seed}: {told}");
    }
}

#[test]
fn parameters_beyond_f32_are_no_result() {
    let path = file(
        "diverged",
        "large.csv",
        b"a,b,y\n1e30,1e30,0\n1e30,1e30,1\n1e30,1e30,1\n",
    );
    let args = [
        "train",
        &path,
        "--backend",
        "gpu",
        "--learning-rate",
        "1e38",
        "--iterations",
        "5",
        "--reduction",
        "sum",
        "--no-standardise",
    ];
    assert_refused(&args, 1, &["diverged", "--learning-rate"]);
}

#[test]
fn files_of_every_line_end_and_a_byte_order_mark_are_read() {
    let weights = |name: &str, content: &[u8]| {
        let path = file("line_ends", name, content);
        let train = neuralnet_json(&["train", &path, "--backend", "cpu", "--iterations", "5"]);
        assert_eq!(train["dataset"]["n_samples"], 2, "{name}");
        train["layers"].clone()
    };
    let plain = weights("plain.csv", b"a,b,y\n1,2,0\n3,4,1\n");
    for (name, content) in [
        ("crlf.csv", &b"a,b,y\r\n1,2,0\r\n3,4,1\r\n"[..]),
        ("mark.csv", b"\xef\xbb\xbfa,b,y\n1,2,0\n3,4,1"),
        ("spaces.csv", b"a, b ,y\n1 , 2,0\n\n 3,4,+1.0e0\n"),
        ("quotes.csv", b"\"a\",b,y\n\"1\", \" 2\" ,0\n3,4,1\n"),
        ("names.csv", b"\"a, b\",\"say \"\"b\"\"\",y\n1,2,0\n3,4,1\n"),
    ] {
        assert_eq!(weights(name, content), plain, "{name}");
    }
}

/// Runs the binary with stdout and stderr closed by their reader before anything is written.
#[cfg(unix)]
fn unread(args: &[&str]) -> Option<i32> {
    let mut child = Command::new(binary())
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    child.wait().unwrap().code()
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_changes_no_exit_code() {
    assert_eq!(
        unread(&["train", "--backend", "cpu", "--json"]),
        Some(0),
        "a result"
    );
    assert_eq!(
        unread(&["train", "--backend", "cpu"]),
        Some(0),
        "a result for people"
    );
    assert_eq!(unread(&["train", "nowhere.csv"]), Some(2), "bad input");
}

/// A pipe can be read once, and gives what it has: the error must not wait for more.
#[cfg(unix)]
#[test]
fn a_pipe_is_a_file() {
    use std::io::Write;
    let mut child = Command::new(binary())
        .args(["train", "/dev/stdin", "--backend", "cpu"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"a,b,y\n\n1,2,0\n1,x,0\n").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("/dev/stdin:4: column `b`"),
        "{}",
        stderr(&output)
    );
}

/// Ctrl-C ends a training between two batches, with the weights reached and an exit code of its own.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_training_with_what_was_reached() {
    for backend in ["cpu", "gpu"] {
        let args = ["train", "synthetic:2000x8", "--json", "--iterations"];
        let printed = interrupted(&[&args[..], &["1000000000", "--backend", backend]].concat());
        let train: serde_json::Value = serde_json::from_slice(&printed).unwrap();
        let iterations = train["iterations"].as_u64().unwrap();
        assert!((1..1_000_000_000).contains(&iterations), "{iterations}");
        assert!(train["layers"][0]["weight"][0][7].is_f64(), "{train}");
    }
}
