//! A model in a file is the model that was trained, and what cannot be used is refused.

use crate::common::tables::{open_for, predict, predict_to};
use crate::common::{Random, neuralnet, neuralnet_json, random_dataset, root, scratch};
use neuralnet::network::Activation;
use neuralnet::{
    BackendChoice, Dataset, Error, Hardware, Loss, Model, Predictor, TrainConfig, Trained, train,
};
use neuralnet_table::TableOptions;
use std::fs;
use std::path::PathBuf;

fn path(test: &str, name: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join(test);
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn trained(dataset: &Dataset, bias: bool) -> (Model, Trained) {
    let config = TrainConfig {
        iterations: 7,
        // Identity takes any target.
        activation: match dataset.targets_are_binary() {
            true => Activation::Sigmoid,
            false => Activation::Identity,
        },
        loss: Loss::SquaredError,
        bias,
        ..TrainConfig::default()
    };
    let trained = train(dataset, &config, &Hardware::cpu()).unwrap();
    (Model::new(dataset, &config, &trained), trained)
}

/// Header (JSON) and tensors of a safetensors file, by the format's description alone.
fn parts(bytes: &[u8]) -> (serde_json::Value, &[u8]) {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
    let header = serde_json::from_slice(&rest[..length]).unwrap();
    (header, &rest[length..])
}

fn whole(header: &serde_json::Value, tensors: &[u8]) -> Vec<u8> {
    let mut header = header.to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), tensors].concat()
}

#[test]
fn a_model_is_read_as_it_was_written() {
    for bias in [false, true] {
        let (model, _) = trained(&random_dataset(50, 3, 2), bias);
        let file = path("round", &format!("{bias}.safetensors"));
        model.save(&file).unwrap();
        assert_eq!(Model::open(&file).unwrap(), model, "bias {bias}");
        let bytes = fs::read(&file).unwrap();
        model.save(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), bytes, "bytes, bias {bias}");
    }
}

#[test]
fn any_reader_of_safetensors_finds_the_weights() {
    let (model, trained) = trained(&random_dataset(50, 3, 2), true);
    let file = path("reader", "model.safetensors");
    model.save(&file).unwrap();
    let bytes = fs::read(file).unwrap();
    let (header, tensors) = parts(&bytes);
    let mut found = Vec::new();
    for (name, shape) in [
        ("layers.0.weight", serde_json::json!([2, 3])),
        ("layers.0.bias", serde_json::json!([2])),
    ] {
        let tensor = &header[name];
        assert_eq!(tensor["dtype"], "F64", "{name}");
        assert_eq!(tensor["shape"], shape, "{name}");
        let offset = |at: usize| {
            let offset = tensor["data_offsets"][at].as_u64().unwrap();
            usize::try_from(offset).unwrap()
        };
        let (numbers, rest) = tensors[offset(0)..offset(1)].as_chunks::<8>();
        assert!(rest.is_empty(), "{name}");
        found.extend(numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)));
    }
    assert_eq!(found, trained.parameters);
}

/// Columns in another order, with others between them, as CSV and as NumPy's.
#[test]
fn features_are_found_by_name() {
    let folder = |name| path("names", name);
    let rows = [[1.5_f32, -2.0, 0.25], [0.0, 3.0, -1.0], [7.0, 0.5, 2.0]];
    let csv: String = rows
        .iter()
        .map(|[a, b, t]| format!("{a},{b},{}\n", u8::from(*t > 0.0)))
        .collect();
    fs::write(folder("train.csv"), format!("a,b,\"t, or not\"\n{csv}")).unwrap();
    let dataset =
        crate::common::tables::open(&folder("train.csv"), &TableOptions::default()).unwrap();
    let (model, trained) = trained(&dataset, true);
    let other: String = rows
        .iter()
        .map(|[a, b, _]| format!("{b},text,{a}\n"))
        .collect();
    fs::write(folder("other.csv"), format!("b,name,a\n{other}")).unwrap();
    let data = open_for(&model, folder("other.csv").to_str().unwrap());
    let data = data.unwrap();
    let expected: Vec<f64> = rows
        .iter()
        .flat_map(|[a, b, _]| trained.predict(&[*a, *b]))
        .collect();
    assert_eq!(model.predict(&data, 0..3), expected);
    let mut text = Vec::new();
    let mut rows =
        crate::common::tables::stream(&model, folder("other.csv").to_str().unwrap()).unwrap();
    predict(&model, &mut rows, &mut text).unwrap().unwrap();
    let lines: Vec<String> = expected
        .iter()
        .map(|y| format!("{},{y}", u8::from(*y > 0.5)))
        .collect();
    let expected = format!("\"t, or not\",\"t, or not=1\"\n{}\n", lines.join("\n"));
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

/// Several pieces, the last of them short; a target that stands first, and one that is not there.
#[test]
fn every_row_of_a_large_table_is_predicted_in_its_place() {
    let n_samples = 300_001;
    let dataset = random_dataset(n_samples, 2, 1);
    let file = path("large", "rows.npy");
    neuralnet_table::write_npy(&dataset, &file).unwrap();
    let table = crate::common::tables::open(&file, &TableOptions::with_targets(&["0"])).unwrap();
    let (model, trained) = trained(&table, true);
    let mut data = crate::common::tables::stream(&model, file.to_str().unwrap()).unwrap();
    let out = path("large", "predictions.csv");
    predict_to(&model, &mut data, &out).unwrap();
    let text = fs::read_to_string(out).unwrap();
    let found: Vec<f64> = text.lines().skip(1).map(|y| y.parse().unwrap()).collect();
    assert_eq!(found.len(), n_samples);
    let (mut x, mut t) = (vec![0.0; n_samples * 2], vec![0.0; n_samples]);
    table.read(0..n_samples, &mut x, &mut t);
    for (row, (x, found)) in x.chunks_exact(2).zip(&found).enumerate() {
        assert_eq!(
            trained.predict(x)[0].to_bits(),
            found.to_bits(),
            "row {row}"
        );
    }
}

#[test]
fn data_without_a_feature_are_refused() {
    let dataset = random_dataset(20, 3, 1);
    let (model, _) = trained(&dataset, true);
    let file = path("lacking", "rows.csv");
    fs::write(&file, "x0,x2\n1,2\n").unwrap();
    let refused = open_for(&model, file.to_str().unwrap()).unwrap_err();
    assert!(refused.to_string().contains("`x1`"), "{refused}");
    let refused = open_for(&model, "synthetic:10x4").unwrap_err();
    assert!(refused.to_string().contains("4 features"), "{refused}");
    // Data without a target cannot be trained on.
    fs::write(&file, "x0,x1,x2\n1,2,3\n").unwrap();
    let data = open_for(&model, file.to_str().unwrap()).unwrap();
    let refused = train(&data, &TrainConfig::default(), &Hardware::cpu()).unwrap_err();
    assert!(matches!(refused, Error::Dataset { .. }), "{refused}");
}

#[test]
fn a_model_whose_parts_disagree_is_refused() {
    let (model, _) = trained(&random_dataset(20, 3, 2), true);
    let file = path("parts", "model.safetensors");
    model.save(&file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let (header, tensors) = parts(&bytes);
    let description = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut header = header.clone();
        let text = header["__metadata__"]["neuralnet"].as_str().unwrap();
        let mut description = serde_json::from_str(text).unwrap();
        change(&mut description);
        header["__metadata__"]["neuralnet"] = description.to_string().into();
        whole(&header, tensors)
    };
    let mut nan = bytes.clone();
    let last = nan.len() - 8;
    nan[last..].copy_from_slice(&f64::NAN.to_le_bytes());
    let mut foreign = header.clone();
    foreign["__metadata__"] = serde_json::json!({"format": "pt"});
    for (what, bytes, part) in [
        (
            "cut short",
            bytes[..bytes.len() - 1].to_vec(),
            "not a safetensors file",
        ),
        ("empty", Vec::new(), "not a safetensors file"),
        ("nan", nan, "NaN"),
        ("foreign", whole(&foreign, tensors), "without `neuralnet`"),
        (
            "version",
            description(&|d| d["version"] = 4.into()),
            "layout 4",
        ),
        (
            "twice",
            description(&|d| d["features"][1] = "x0".into()),
            "`x0` twice",
        ),
        (
            "shape",
            description(&|d| d["features"] = serde_json::json!(["a"])),
            "[2, 1]",
        ),
        (
            "none",
            description(&|d| d["targets"] = serde_json::json!([])),
            "no target",
        ),
        (
            "width",
            description(&|d| {
                d["config"]["hidden"] = serde_json::json!({"widths": [0], "activation": "relu"});
            }),
            "a layer of 0 units",
        ),
        (
            "hidden softmax",
            description(&|d| {
                d["config"]["hidden"] = serde_json::json!({"widths": [2], "activation": "softmax"});
            }),
            "`hidden_activation`: is one of the last layer",
        ),
        (
            "relu",
            description(&|d| d["activation"] = "relu".into()),
            "`activation`: is one of hidden layers",
        ),
        (
            "loss",
            description(&|d| d["activation"] = "softmax".into()),
            "a loss that does not suit",
        ),
        (
            "lost",
            description(&|d| d["loss"] = "much".into()),
            "cannot be read",
        ),
    ] {
        fs::write(&file, &bytes).unwrap();
        let refused = Model::open(&file).expect_err(what).to_string();
        assert!(refused.contains(part), "{what}: {refused}");
        assert!(refused.starts_with(file.to_str().unwrap()), "{refused}");
    }
    // Unchanged, it is accepted: so the changes were what was refused.
    fs::write(&file, description(&|_| {})).unwrap();
    assert_eq!(Model::open(&file).unwrap(), model);
}

/// Whatever is written into a model's file, reading it ends, without a panic, and what is read is what was written.
#[test]
fn no_file_makes_reading_a_model_panic() {
    let (model, _) = trained(&random_dataset(20, 3, 2), true);
    let file = path("mutated", "model.safetensors");
    model.save(&file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let mut random = Random::new(1);
    let mut refused = 0;
    for _ in 0..3000 {
        fs::write(&file, random.damaged(&bytes)).unwrap();
        match Model::open(&file) {
            Err(_) => refused += 1,
            Ok(read) => assert_eq!(read, model, "no value changes in silence"),
        }
    }
    assert!(refused > 2000, "{refused} of 3000 refused");
}

#[test]
fn an_output_that_exists_stays() {
    let file = path("exists", "model.safetensors");
    fs::write(&file, "precious").unwrap();
    let out = file.to_str().unwrap();
    let run = |more: &[&str]| {
        let args = ["train", "--backend", "cpu", "--iterations", "2", "-o", out];
        neuralnet(&[&args, more].concat())
    };
    let refused = run(&[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty(), "nothing was trained");
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.contains("exists") && told.contains("--force"),
        "{told}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert_eq!(run(&["--force"]).status.code(), Some(0));
    let predicted = neuralnet(&["predict", out, "article"]);
    let lines = String::from_utf8(predicted.stdout).unwrap();
    assert_eq!(lines.lines().count(), 4, "{lines}");
    let inspected = neuralnet_json(&["inspect", out]);
    assert_eq!(inspected["iterations"], 2);
}

/// Written before targets of 0 and 1 were known as such, and columns had offsets.
#[test]
fn a_file_of_version_1_is_read() {
    let file = PathBuf::from(root()).join("tests/formats/version1.safetensors");
    let model = Model::open(&file).unwrap();
    let table = path("version1", "new.csv");
    fs::write(&table, "slept,hours\n4,1\n8,6\n").unwrap();
    let data = open_for(&model, table.to_str().unwrap()).unwrap();
    let found = model.predict(&data, 0..2);
    assert_eq!(found, [0.0748176798526601, 0.9207553681138506]);
    let mut text = Vec::new();
    let mut rows = crate::common::tables::stream(&model, table.to_str().unwrap()).unwrap();
    predict(&model, &mut rows, &mut text).unwrap().unwrap();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "passed\n0.0748176798526601\n0.9207553681138506\n"
    );
}

/// Written before networks had hidden layers.
#[test]
fn a_file_of_version_2_is_read() {
    let file = PathBuf::from(root()).join("tests/formats/version2.safetensors");
    let model = Model::open(&file).unwrap();
    let table = path("version2", "new.csv");
    fs::write(&table, "t,port\n11.675,A\n").unwrap();
    let data = open_for(&model, table.to_str().unwrap()).unwrap();
    assert_eq!(model.predict(&data, 0..1), [0.9999176256087757]);
}

/// What a file says of a model suffices to predict by it; the text of `inspect` has the weights of the columns themselves.
#[test]
fn a_stranger_predicts_from_the_keys_of_a_file() {
    let [table, file] = ["off.csv", "off.safetensors"].map(|name| path("stranger", name));
    let cells: [(f64, f64); 4] =
        [(0.0, 5.0), (1.0, 6.0), (2.0, 7.0), (3.0, 8.5)].map(|(t, y)| (1.7e9 + t, 1e9 + y));
    let rows: String = cells.iter().map(|(t, y)| format!("{t},{y}\n")).collect();
    fs::write(&table, format!("t,y\n{rows}")).unwrap();
    let [table, file] = [&table, &file].map(|path| path.to_str().unwrap());
    neuralnet_json(&["train", table, "--backend", "cpu", "-o", file, "--force"]);
    let model = neuralnet_json(&["inspect", file]);
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let (layer, offset) = (&model["layers"][0], number(&model["columns"][0]["offset"]));
    let (weight, bias) = (number(&layer["weight"][0][0]), number(&layer["bias"][0]));
    let target_offset = number(&model["target_offsets"][0]);
    let predicted = neuralnet(&["predict", file, table]).stdout;
    let predicted = String::from_utf8(predicted).unwrap();
    for ((t, _), line) in cells.iter().zip(predicted.lines().skip(1)) {
        // Small integers, which f32 holds.
        let expected = (t - offset) * weight + bias + target_offset;
        let found: f64 = line.parse().unwrap();
        assert!((found - expected).abs() <= 1e-6, "{found} and {expected}");
    }
    let shown = String::from_utf8(neuralnet(&["inspect", file]).stdout).unwrap();
    let bias = shown.lines().find(|line| line.ends_with("  bias")).unwrap();
    let bias: f64 = bias.split_whitespace().next().unwrap().parse().unwrap();
    let expected = target_offset - weight * offset;
    assert!(
        (bias / expected - 1.0).abs() <= 1e-6,
        "{bias} and {expected}"
    );
}

/// `inspect` says which iteration the weights are those of, and the checksum is the one of the file.
#[test]
fn an_inspected_model_is_that_of_the_file() {
    let [table, file] = ["rows.csv", "early.safetensors"].map(|name| path("inspect", name));
    let rows: String = (0..60)
        .map(|row| format!("{},{},{}\n", row % 7, row % 5, row * row % 11 % 2))
        .collect();
    fs::write(&table, format!("a,b,y\n{rows}")).unwrap();
    let [table, file] = [&table, &file].map(|path| path.to_str().unwrap());
    let train = ["train", table, "--backend", "cpu", "--validation", "0.5"];
    let stopping = [
        "--optimizer",
        "adam",
        "--learning-rate",
        "0.5",
        "--early-stopping=3",
        "-o",
        file,
        "--force",
    ];
    let json = neuralnet_json(&[&train[..], &stopping].concat());
    let kept = json["kept_iteration"].as_u64().unwrap();
    assert!(kept < json["iterations"].as_u64().unwrap(), "{json}");
    let inspected = neuralnet_json(&["inspect", file]);
    assert_eq!(inspected["kept_iteration"], kept, "{inspected}");
    let bytes = fs::read(file).unwrap();
    let text = parts(&bytes).0["__metadata__"]["neuralnet"].clone();
    let description: serde_json::Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    assert_ne!(description["checksum"], 0);
    assert_eq!(inspected["checksum"], description["checksum"]);
    let output = neuralnet(&["inspect", file]).stdout;
    let shown = String::from_utf8(output).unwrap();
    let part = format!("; the weights are those after {kept} iteration");
    assert!(shown.contains(&part), "{shown}");
}

/// Features of other names, in another order, or of other categories would be read as if they were the model's.
#[test]
fn samples_of_other_columns_are_not_predicted() {
    let open = |name: &str, text: &str, one_hot: &[&str]| {
        let path = path("columns", name);
        fs::write(&path, text).unwrap();
        let options = TableOptions {
            one_hot: one_hot.iter().map(|name| (*name).to_owned()).collect(),
            ..TableOptions::default()
        };
        neuralnet_table::open(path.to_str().unwrap(), &options).unwrap()
    };
    let known = open("known.csv", "a,b,y\n1,2,0\n2,1,1\n3,5,0\n", &[]);
    let (model, _) = trained(&known, true);
    for other in [
        open("order.csv", "b,a,y\n1,2,0\n2,1,1\n3,5,0\n", &[]),
        open("wider.csv", "a,b,y\n1,2,0\n2,1,1\n3,5,0\n", &["b"]),
    ] {
        for command in [
            &(|| drop(model.predict(&other, 0..3))) as &dyn Fn(),
            &|| drop(model.measure(&other)),
            &|| drop(Predictor::open(&model, &other, BackendChoice::Cpu)),
        ] {
            let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(command));
            let told = refused.unwrap_err();
            let told = told.downcast_ref::<String>().unwrap();
            assert!(
                told.contains("the features of the data and of the model"),
                "{told}"
            );
        }
    }
    assert_eq!(model.predict(&known, 0..3).len(), 3);
}

/// What cannot be read again is not written.
#[test]
fn a_model_that_could_not_be_read_is_not_saved() {
    let dataset = random_dataset(50, 3, 1);
    let (_, trained) = trained(&dataset, true);
    let path = path("unread", "kept.safetensors");
    fs::write(&path, "kept").unwrap();
    let other = TrainConfig {
        bias: false,
        ..TrainConfig::default()
    };
    let mut broken = trained.clone();
    broken.parameters[0] = f64::NAN;
    for model in [
        Model::new(&dataset, &other, &trained),
        Model::new(&dataset, &TrainConfig::default(), &broken),
    ] {
        let told = model.save(&path).unwrap_err().to_string();
        assert!(
            told.contains("would be a model that cannot be read"),
            "{told}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }
}

/// Samples of features alone are for a model; there is nothing to split, weigh or train on.
#[test]
fn samples_without_targets_are_no_cause_for_a_panic() {
    let known = path("alone", "known.csv");
    fs::write(&known, "a,b,y\n1,2,0\n2,1,1\n3,5,0\n").unwrap();
    let known = known.to_str().unwrap();
    let dataset = neuralnet_table::open(known, &TableOptions::default()).unwrap();
    let (model, _) = trained(&dataset, true);
    let alone = open_for(&model, known).unwrap();
    assert_eq!(alone.n_outputs(), 0);
    for refused in [
        alone.split(0.5, 1).map(|_| ()),
        alone.with_weights(&[1.0; 3]).map(|_| ()),
        train(&alone, &TrainConfig::default(), &Hardware::cpu()).map(|_| ()),
    ] {
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("was opened for its features alone"), "{told}");
    }
    let [alone, whole] = [&alone, &dataset].map(|of| of.standardised(true));
    assert_eq!(alone.scaling(), whole.scaling());
}
