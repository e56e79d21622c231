//! What is made of a table: columns chosen by name, classes of texts and of numbers, gaps filled, weights of samples;
//! and the same made again of the data a model is used on.

use crate::common::{neuralnet, scratch};
use neuralnet::ClassWeight;
use neuralnet::{Dataset, Hardware, Model, TrainConfig, train};
use neuralnet_table::{Impute, TableOptions, TextOptions};
use std::fs;
use std::path::PathBuf;

/// A file of this test's own.
fn file(test: &str, name: &str, content: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("table").join(test);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Inputs (N, I) and targets (N, O), with the weights behind them.
fn rows(dataset: &Dataset) -> (Vec<f32>, Vec<f32>) {
    let n_samples = dataset.n_samples();
    let mut inputs = vec![f32::NAN; n_samples * dataset.n_inputs()];
    let mut targets = vec![f32::NAN; n_samples * dataset.target_width()];
    dataset.read(0..n_samples, &mut inputs, &mut targets);
    (inputs, targets)
}

fn assert_refused(test: &str, content: &str, options: &TableOptions, parts: &[&str]) {
    let path = file(test, "refused.csv", content);
    let refused = crate::common::tables::open(&path, options)
        .expect_err(content)
        .to_string();
    assert!(refused.contains(path.to_str().unwrap()), "{refused}");
    for part in parts {
        assert!(refused.contains(part), "`{part}` is not in: {refused}");
    }
}

#[test]
fn columns_are_chosen_by_name() {
    let path = file("columns", "table.csv", "id,a,b,y\nx1,1,2,0\nx2,3,4,1\n");
    for (options, names, inputs, targets) in [
        (
            TableOptions {
                drop: named(&["id"]),
                ..TableOptions::default()
            },
            vec!["a", "b"],
            vec![1.0, 2.0, 3.0, 4.0],
            vec![0.0, 1.0],
        ),
        (
            TableOptions {
                features: named(&["b"]),
                ..TableOptions::with_targets(&["a", "y"])
            },
            vec!["b"],
            vec![2.0, 4.0],
            vec![1.0, 0.0, 3.0, 1.0],
        ),
        (
            TableOptions {
                features: named(&["y", "a"]),
                ..TableOptions::with_targets(&["b"])
            },
            vec!["y", "a"],
            vec![0.0, 1.0, 1.0, 3.0],
            vec![2.0, 4.0],
        ),
    ] {
        let dataset = crate::common::tables::open(&path, &options).unwrap();
        assert_eq!(dataset.input_names(), names, "{options:?}");
        assert_eq!(rows(&dataset), (inputs, targets), "{options:?}");
        assert!(
            dataset.classes().is_none() && !dataset.is_weighted(),
            "{options:?}"
        );
    }
}

/// Rows are used where they lie in memory, and not copied again for each pass.
#[test]
fn numbers_are_not_copied() {
    let path = file("numbers", "table.csv", "w,a,b,y\n2,1,2,0\n1,3,4,1\n");
    let options = TableOptions {
        sample_weight: Some("w".to_owned()),
        ..TableOptions::default()
    };
    let dataset = crate::common::tables::open(&path, &options).unwrap();
    let stored = dataset.stored().unwrap();
    assert_eq!(
        (stored.input_stride, stored.target_stride),
        (2, 2),
        "features side by side, and targets with their weights"
    );
    assert_eq!(
        rows(&dataset),
        (vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 2.0, 1.0, 1.0])
    );
}

#[test]
fn texts_of_a_target_are_classes() {
    let path = file("classes", "two.csv", "a,y\n1,yes\n2, no\n3,\"yes \"\n");
    let two = crate::common::tables::open(&path, &TableOptions::default()).unwrap();
    assert_eq!(two.classes().unwrap().names, ["no", "yes"]);
    assert_eq!(two.target_names(), ["y"]);
    assert_eq!(rows(&two).1, [1.0, 0.0, 1.0]);
    let path = file(
        "classes",
        "three.csv",
        "y,a\nb,1\n\"c, \"\"or\"\" so\",2\na,3\nb,4\n",
    );
    let three = crate::common::tables::open(&path, &TableOptions::with_targets(&["y"])).unwrap();
    assert_eq!(three.classes().unwrap().column, "y");
    assert_eq!(three.target_names(), ["y=a", "y=b", "y=c, \"or\" so"]);
    let expected = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    assert_eq!(rows(&three).1, expected);
}

#[test]
fn numbers_of_a_target_are_classes_where_they_are_asked_to_be() {
    let path = file(
        "numbers_as_classes",
        "table.csv",
        "a,y\n1,10\n2,-0\n3,2.50\n4,0.0\n",
    );
    let options = TableOptions {
        classes: true,
        ..TableOptions::default()
    };
    let dataset = crate::common::tables::open(&path, &options).unwrap();
    assert_eq!(
        dataset.classes().unwrap().names,
        ["0", "2.5", "10"],
        "in the order of the numbers"
    );
    assert_eq!(
        rows(&dataset).1,
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    );
    let plain = crate::common::tables::open(&path, &TableOptions::default()).unwrap();
    assert!(plain.classes().is_none(), "numbers are numbers");
    // Of numbers and texts each is a class, as it is written.
    let path = file(
        "numbers_as_classes",
        "mixed.csv",
        "a,y\n1,10\n2,5\n3,15+\n4,5\n",
    );
    let mixed = crate::common::tables::open(&path, &options).unwrap();
    assert_eq!(mixed.classes().unwrap().names, ["10", "15+", "5"]);
    // NumPy's files treat it alike.
    let npy = path.with_extension("npy");
    neuralnet_table::write_npy(&plain, &npy).unwrap();
    let dataset = crate::common::tables::open(&npy, &options).unwrap();
    assert_eq!(dataset.classes().unwrap().names, ["0", "2.5", "10"]);
}

#[test]
fn classes_that_are_none_are_refused() {
    let plain = TableOptions::default();
    let classes = TableOptions {
        classes: true,
        ..TableOptions::default()
    };
    let many: String = (0..10_001).map(|row| format!("1,t{row}\n")).collect();
    let numbers = many.replace('t', "");
    for (content, options, parts) in [
        (
            "a,y\n1,one\n2,one\n",
            &plain,
            &["column `y`: has one class alone, `one`"][..],
        ),
        (
            "a,y\n1,7\n2,7\n",
            &classes,
            &["column `y`: has one class alone, `7`"],
        ),
        (
            &*format!("a,y\n{many}"),
            &plain,
            &[
                "column `y`: the target holds 10001 different texts in 10001 rows, which are hardly classes",
            ],
        ),
        (
            &*format!("a,y\n{numbers}"),
            &classes,
            &["column `y`: has more than 10000 classes"],
        ),
        (
            "a,y\n1,x\n2,1\n",
            &plain,
            &[
                ":2: column `y`: `x` is not a number",
                "as `1` in line 3",
                "`classes` true takes every text as a class",
            ],
        ),
        (
            "a,y\n1,1\n2,2\n\n3,x\n",
            &plain,
            &[":5: column `y`: `x` is not a number", "line 2"],
        ),
        (
            "a,y\n1,x\n2,\n3,z\n4,\n",
            &plain,
            &[
                ":3: column `y`: the target is missing (2 in 4 rows); `drop_missing_targets` true leaves",
            ],
        ),
        (
            "a,y\n1,1\n2,NaN\n",
            &plain,
            &[":3: column `y`: the target is missing (1 in 2 rows)"],
        ),
        (
            "a,y\n1,u\n2,v\x1b[1m\n",
            &plain,
            &[":3: column `y`: the text holds control characters"],
        ),
    ] {
        assert_refused("no_classes", content, options, parts);
    }
    let two = TableOptions::with_targets(&["y", "z"]);
    assert_refused(
        "no_classes",
        "a,y,z\n1,2,u\n2,3,v\n",
        &two,
        &["column `z`: holds classes", "`targets` z takes it alone"],
    );
}

#[test]
fn texts_of_a_feature_are_refused_or_features_of_their_own() {
    let content = "kind,a,y\nred,1,0\n\"blue, pale\",2,1\nred,3,1\n";
    assert_refused(
        "one_hot",
        content,
        &TableOptions::default(),
        &[
            ":2: column `kind`: `red` is not a number",
            "`one_hot` kind makes a feature of each of its texts",
            "`drop` kind leaves the column out",
        ],
    );
    let options = TableOptions {
        one_hot: named(&["kind"]),
        ..TableOptions::default()
    };
    let dataset =
        crate::common::tables::open(&file("one_hot", "table.csv", content), &options).unwrap();
    assert_eq!(dataset.input_names(), ["kind=blue, pale", "kind=red", "a"]);
    assert_eq!(
        rows(&dataset).0,
        [0.0, 1.0, 1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 3.0]
    );
    let columns = dataset.columns();
    assert_eq!(
        columns[0].categories.as_deref().unwrap(),
        ["blue, pale", "red"]
    );
    assert_eq!(columns[1].categories, None);
    let collision = "kind,kind=red,y\nred,1,0\nblue,2,1\n";
    assert_refused(
        "one_hot",
        collision,
        &options,
        &["two features named `kind=red`"],
    );
}

#[test]
fn numbers_are_texts_where_features_are_made_of_them() {
    let options = TableOptions {
        one_hot: named(&["1"]),
        ..TableOptions::with_targets(&["2"])
    };
    let values = vec![0.5, 3.0, 0.25, -1.0, 0.75, 3.0];
    let made = Dataset::from_rows("rows", 2, 1, values, vec![0.0, 1.0, 1.0]).unwrap();
    let path = file("npy_one_hot", "table.npy", "");
    neuralnet_table::write_npy(&made, &path).unwrap();
    let dataset = crate::common::tables::open(&path, &options).unwrap();
    assert_eq!(dataset.input_names(), ["0", "1=-1", "1=3"]);
    assert_eq!(
        rows(&dataset).0,
        [0.5, 0.0, 1.0, 0.25, 1.0, 0.0, 0.75, 0.0, 1.0]
    );
}

const GAPS: &str = "a,kind,b,y\n1,u,5,0\n,u,,1\n4,v,-1,1\n,,2,0\n10,u,3,1\n";

#[test]
fn gaps_are_refused_or_filled_by_what_is_there() {
    let plain = TableOptions {
        one_hot: named(&["kind"]),
        ..TableOptions::default()
    };
    assert_refused(
        "gaps",
        GAPS,
        &plain,
        &[
            ":3: column `a`: the cell is missing",
            "2 of `a`, 1 of `kind`, 1 of `b`",
            "`impute` mean, median or zero",
        ],
    );
    let path = file("gaps", "table.csv", GAPS);
    for (impute, a, [u, v], b) in [
        (Impute::Mean, 5.0, [0.75, 0.25], 2.25),
        (Impute::Median, 4.0, [1.0, 0.0], 2.5),
        (Impute::Zero, 0.0, [0.0, 0.0], 0.0),
    ] {
        let options = TableOptions {
            impute: Some(impute),
            ..plain.clone()
        };
        let dataset = crate::common::tables::open(&path, &options).unwrap();
        #[rustfmt::skip]
        let expected = [
            1.0, 1.0, 0.0, 5.0,
            a, 1.0, 0.0, b,
            4.0, 0.0, 1.0, -1.0,
            a, u, v, 2.0,
            10.0, 1.0, 0.0, 3.0,
        ];
        assert_eq!(rows(&dataset).0, expected, "{impute:?}");
        let notices = dataset.notices();
        assert_eq!(notices.len(), 3, "{notices:?}");
        assert_eq!(
            notices[0],
            format!("2 missing cells of `a` filled with {a}")
        );
        assert_eq!(
            notices[1],
            format!("1 missing cell of `kind` filled with u={u}, v={v}")
        );
    }
    let path = file("gaps", "numbers.csv", "a,b,y\n0.5,,0\n0.8,4,1\n,,1\n");
    let options = TableOptions {
        impute: Some(Impute::Mean),
        ..TableOptions::default()
    };
    let dataset = crate::common::tables::open(&path, &options).unwrap();
    assert_eq!(rows(&dataset).0, [0.5, 4.0, 0.8, 4.0, 0.65, 4.0]);
    let told = "1 missing cell of `a` filled with 0.65";
    assert_eq!(dataset.notices()[0], told);
}

#[test]
fn what_cannot_be_filled_is_refused() {
    let options = TableOptions {
        impute: Some(Impute::Mean),
        sample_weight: Some("w".to_owned()),
        ..TableOptions::default()
    };
    for (content, parts) in [
        (
            "a,w,y\n1,1,\n2,1,1\n",
            [":2: column `y`: the target is missing", "(1 in 2 rows)"],
        ),
        (
            "a,w,y\n1,1,1\n2,,1\n",
            [":3: column `w`: the weight is missing", "never made up"],
        ),
        (
            "a,w,y\n,1,1\n,1,0\n",
            ["column `a`: every cell is missing", "`drop` a leaves"],
        ),
        (
            "a,w,y\n1,NA,1\n1,1,0\n",
            [":2: column `w`: the weight is missing", "fill it"],
        ),
        (
            "a,w,y\n!,1,1\n1,1,0\n",
            [":2: column `a`", "`!` is not a number"],
        ),
    ] {
        assert_refused("unfilled", content, &options, &parts);
    }
}

#[test]
fn weights_stand_behind_the_targets() {
    let path = file(
        "weights",
        "table.csv",
        "a,w,y\n1,0.5,p\n2,0,q\n3,2,q\n4,1,q\n",
    );
    let weight = Some("w".to_owned());
    let balanced = Some(ClassWeight::Balanced);
    let given = Some(ClassWeight::Given(vec![("q".to_owned(), 3.0)]));
    // Balanced: 4 / (2 · 1) and 4 / (2 · 3); of the weights 0.5 of one class and 3 of the other 3.5 / (2 · 0.5) and 3.5
    // / 6.
    let third = 2.0 / 3.0;
    let twice = 7.0 / 6.0;
    for (sample_weight, class_weight, weights) in [
        (weight.clone(), None, &[0.5, 2.0, 1.0][..]),
        (None, balanced.clone(), &[2.0, third, third, third]),
        (weight.clone(), balanced, &[1.75, twice, twice / 2.0]),
        (weight, given, &[0.5, 6.0, 3.0]),
        (None, None, &[]),
    ] {
        let options = TableOptions {
            sample_weight,
            ..TableOptions::default()
        };
        let dataset = crate::common::tables::open(&path, &options).unwrap();
        let dataset = match class_weight {
            Some(weights) => dataset.with_class_weights(&weights).unwrap(),
            None => dataset,
        };
        assert_eq!(dataset.is_weighted(), !weights.is_empty(), "{options:?}");
        // The row that weighs nothing is no row.
        let targets = match weights.len() {
            3 => &[0.0, 1.0, 1.0][..],
            _ => &[0.0, 1.0, 1.0, 1.0],
        };
        let mut expected = Vec::new();
        for (row, target) in targets.iter().enumerate() {
            expected.push(*target);
            expected.extend(weights.get(row));
        }
        assert_eq!(rows(&dataset).1, expected, "{options:?}");
        let n_inputs = if options.sample_weight.is_some() {
            1
        } else {
            2
        };
        assert_eq!(dataset.n_inputs(), n_inputs, "a weight is not a feature");
    }
    // The classes of numbers have weights as well.
    let path = file("weights", "numbers.csv", "a,y\n1,0\n2,1\n3,1\n4,1\n");
    let options = TableOptions {
        classes: true,
        ..TableOptions::default()
    };
    let dataset = crate::common::tables::open(&path, &options).unwrap();
    let dataset = dataset.with_class_weights(&ClassWeight::Balanced).unwrap();
    assert_eq!(
        rows(&dataset).1,
        [0.0, 2.0, 1.0, third, 1.0, third, 1.0, third]
    );
}

#[test]
fn weights_that_are_none_are_refused() {
    let weight = TableOptions {
        sample_weight: Some("w".to_owned()),
        ..TableOptions::default()
    };
    for (content, part) in [
        (
            "a,w,y\n1,-1,0\n2,1,1\n",
            ":2: column `w`: the weight -1 is negative",
        ),
        (
            "a,w,y\n1,0,0\n2,0,1\n",
            "column `w`: holds no weight above 0",
        ),
        (
            "a,w,y\n1,1e-50,0\n2,1e-50,1\n",
            "column `w`: holds no weight above 0 in f32",
        ),
        (
            "a,w,y\n1,inf,0\n2,1,1\n",
            ":2: column `w`: `inf` is not finite",
        ),
    ] {
        assert_refused("no_weights", content, &weight, &[part]);
    }
    for (content, class_weight, part) in [
        (
            "a,w,y\n1,1,p\n2,1,q\n",
            "r=2",
            "has no class `r` in column `y`; its classes are `p`, `q`",
        ),
        ("a,w,y\n1,1,p\n2,1,q\n", "p=0,q=0", "leaves no sample of"),
        ("a,w,y\n1,1e30,p\n2,1,q\n", "p=1e30", "leaves f32 ("),
        (
            "a,w,y\n1,1,0.5\n2,1,0.25\n",
            "p=2",
            "has no classes; leave it out",
        ),
    ] {
        let path = file("no_weights", "classes.csv", content);
        let dataset = crate::common::tables::open(&path, &weight).unwrap();
        let weights: ClassWeight = class_weight.parse().unwrap();
        let refused = dataset
            .with_class_weights(&weights)
            .unwrap_err()
            .to_string();
        assert!(
            refused.starts_with("`class_weight`: ") && refused.contains(part),
            "{refused}"
        );
    }
}

/// A model of a number that was missing, a text, and classes; and the table it was trained on.
fn model(test: &str, options: &TableOptions, content: &str) -> Model {
    let dataset = crate::common::tables::open(&file(test, "train.csv", content), options).unwrap();
    let config = TrainConfig {
        iterations: 20,
        loss: neuralnet::Loss::SquaredError,
        ..TrainConfig::default()
    };
    let trained = train(&dataset, &config, &Hardware::cpu()).unwrap();
    let path = file(test, "model.safetensors", "");
    Model::new(&dataset, &config, &trained).save(&path).unwrap();
    Model::open(&path).unwrap()
}

fn filled() -> TableOptions {
    TableOptions {
        impute: Some(Impute::Mean),
        one_hot: named(&["kind"]),
        ..TableOptions::default()
    }
}

#[test]
fn a_model_makes_the_same_of_other_data() {
    let model = model("model", &filled(), GAPS);
    // Other columns between, another order, the texts and gaps elsewhere.
    let path = file(
        "model",
        "other.csv",
        "b,note,kind,a\n7,\"x, y\",v,1\n,,,\n2,-,u,\n",
    );
    let data = crate::common::tables::open_for(&model, path.to_str().unwrap()).unwrap();
    assert_eq!(data.input_names(), ["a", "kind=u", "kind=v", "b"]);
    #[rustfmt::skip]
    let expected = [
        1.0, 0.0, 1.0, 7.0,
        5.0, 0.75, 0.25, 2.25,
        5.0, 1.0, 0.0, 2.0,
    ];
    assert_eq!(rows(&data).0, expected);
    assert_eq!(data.notices()[0], "2 missing cells of `a` filled with 5");
    assert_eq!(data.n_outputs(), 0, "no target is needed");
    let npy = path.with_extension("npy");
    neuralnet_table::write_npy(&data, &npy).unwrap();
    assert_eq!(fs::read(npy).unwrap().len(), 128 + 4 * expected.len());
    for (content, part) in [
        (
            "a,kind,b\n1,u,2\n1,w,2\n",
            ":3: column `kind`: `w` is not known to the model, which knows `u`, `v`",
        ),
        (
            "a,kind\n1,u\n",
            "lacks what the model needs: `b`; its columns are `a`, `kind`",
        ),
        (
            "a,kind,b\n1,u,x\n",
            ":2: column `b`: `x` is not a number; the model knows the column as numbers",
        ),
    ] {
        let path = file("model", "bad.csv", content);
        let refused = crate::common::tables::open_for(&model, path.to_str().unwrap())
            .unwrap_err()
            .to_string();
        assert!(refused.contains(part), "{refused}");
        assert!(
            !refused.contains("one_hot"),
            "it is too late for that: {refused}"
        );
    }
    let [csv, parquet] = ["bad.csv", "bad.parquet"].map(|name| path.with_file_name(name));
    neuralnet_table::convert(&csv, None, &TextOptions::default(), &parquet).unwrap();
    let refused = crate::common::tables::open_for(&model, parquet.to_str().unwrap());
    let refused = refused.unwrap_err().to_string();
    let part = "row 0, column `b`: `x` is not a number; the model knows the column as numbers";
    assert!(refused.contains(part), "{refused}");
}

#[test]
fn a_model_without_fills_refuses_gaps() {
    let model = model("no_fill", &TableOptions::default(), "a,b,y\n1,2,0\n2,1,1\n");
    let path = file("no_fill", "other.csv", "a,b\n1,2\n,1\n");
    let refused = crate::common::tables::open_for(&model, path.to_str().unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains(
            ":3: column `a`: the cell is missing, and the model has nothing to put there"
        ),
        "{refused}"
    );
    assert!(
        refused.contains("`impute` mean in the training"),
        "{refused}"
    );
}

#[test]
fn a_model_finds_its_targets() {
    let three = "a,y\n1,b\n2,c\n3,a\n4,b\n";
    let texts = model("labelled", &TableOptions::default(), three);
    let path = file("labelled", "other.csv", "y,a\nc,1\nc,2\n");
    let data = crate::common::tables::open_labelled(&texts, path.to_str().unwrap()).unwrap();
    assert_eq!(data.target_names(), ["y=a", "y=b", "y=c"]);
    assert_eq!(data.classes(), texts.description().classes.as_ref());
    assert_eq!(
        rows(&data),
        (vec![1.0, 2.0], vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    );
    let classes = TableOptions {
        classes: true,
        ..TableOptions::default()
    };
    let numbers = model("labelled_numbers", &classes, "a,y\n1,3\n2,0\n3,3\n");
    let path = file("labelled_numbers", "other.csv", "y,a\n3.0,1\n0,2\n3,4\n");
    let data = crate::common::tables::open_labelled(&numbers, path.to_str().unwrap()).unwrap();
    assert_eq!(rows(&data), (vec![1.0, 2.0, 4.0], vec![1.0, 0.0, 1.0]));
    // Written like numbers, though some classes are none.
    let codes = model("labelled_codes", &classes, "a,y\n1,250.00\n2,V45\n");
    let path = file("labelled_codes", "other.csv", "y,a\n250.00,1\n250.00,2\n");
    let data = crate::common::tables::open_labelled(&codes, path.to_str().unwrap()).unwrap();
    assert_eq!(rows(&data).1, [0.0, 0.0]);
    let plain = model(
        "labelled_plain",
        &TableOptions::default(),
        "a,y\n1,0.5\n2,1\n",
    );
    let path = file("labelled_plain", "other.csv", "y,z,a\n7,u,1\n8,v,2\n");
    let data = crate::common::tables::open_labelled(&plain, path.to_str().unwrap()).unwrap();
    assert_eq!(rows(&data), (vec![1.0, 2.0], vec![7.0, 8.0]));
    for (model, content, part) in [
        (
            &texts,
            "y,a\nc,1\nd,2\n",
            ":3: column `y`: `d` is not known to the model, which knows `a`, `b`, `c`; mend it, or leave such rows out",
        ),
        (
            &texts,
            "y,a\nc,1\n,2\n",
            ":3: column `y`: the target is missing",
        ),
        (&texts, "x,a\nc,1\n", "lacks what the model needs: `y`"),
        (
            &numbers,
            "y,a\n3,1\n\n7,1\n",
            ":4: column `y`: `7` is not known to the model, which knows `0`, `3`",
        ),
        (
            &numbers,
            "y,a\n3,1\nx,1\n",
            ":3: column `y`: `x` is not known to the model",
        ),
        (&plain, "y,a\nx,1\n", ":2: column `y`: `x` is not a number"),
    ] {
        let path = file("labelled", "bad.csv", content);
        let refused = crate::common::tables::open_labelled(model, path.to_str().unwrap())
            .unwrap_err()
            .to_string();
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn what_a_model_says_of_its_columns_is_checked() {
    let model = model("checked", &filled(), GAPS);
    let path = file("checked", "changed.safetensors", "");
    model.save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let of_columns = "what no training says";
    let of_names = "names other features than its columns give";
    for (from, to, told) in [
        (
            r#"\"kind\",\"categories\":[\"u\",\"v\"]"#,
            r#"\"kind\",\"categories\":[\"v\",\"u\"]"#,
            of_columns,
        ),
        (r#"\"fill\":[5.0]"#, r#"\"fill\":[   ]"#, of_columns),
        (r#"\"name\":\"b\""#, r#"\"name\":\"c\""#, of_names),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        let at = bytes
            .windows(from.len())
            .position(|window| window == from.as_bytes())
            .unwrap();
        let mut changed = bytes.clone();
        changed[at..at + from.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, &changed).unwrap();
        let refused = Model::open(&path).expect_err(to).to_string();
        assert!(refused.contains(told), "{refused}");
    }
}

#[test]
fn flags_for_columns_need_a_file() {
    for flags in [
        &["--target", "y"][..],
        &["--features", "a"],
        &["--drop", "a"],
        &["--classes"],
        &["--one-hot", "a"],
        &["--impute", "mean"],
        &["--sample-weight", "w"],
        &["--class-weight", "balanced"],
    ] {
        for data in ["article", "synthetic:10x3"] {
            let output = neuralnet(&[&["train", data][..], flags].concat());
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{flags:?}: {stderr}");
            assert!(
                stderr.contains(flags[0]) && stderr.contains(&format!("`{data}`")),
                "{stderr}"
            );
        }
    }
}

#[test]
fn the_command_line_tells_what_it_filled_and_how_fast_it_read() {
    let train = file("command_line", "train.csv", GAPS);
    let model = train.with_extension("safetensors");
    let (train, model) = (train.to_str().unwrap(), model.to_str().unwrap());
    let args = [
        "train",
        train,
        "--one-hot",
        "kind",
        "--impute",
        "median",
        "--backend",
        "cpu",
    ];
    let output = neuralnet(&[&args[..], &["--iterations", "5", "-o", model, "--force"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("2 missing cells of `a` filled with 4\n"),
        "{stderr}"
    );
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout.contains("5 samples, 4 inputs, 1 output") && stdout.contains("\nreading  "),
        "{stdout}"
    );
    let json = crate::common::neuralnet_json(&[&args[..], &["--iterations", "1"]].concat());
    assert_eq!(json["dataset"]["reading"]["bytes"], GAPS.len());
    let output = neuralnet(&["predict", model, train]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("1 missing cell of `kind` filled with u=1, v=0\n"),
        "{stderr}"
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).lines().count(),
        6,
        "a line a row"
    );
    let output = neuralnet(&["train", train, "--class-weight", "u"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("neither `balanced` nor NAME=WEIGHT"),
        "{stderr}"
    );
}
