//! A table that is read in spans gives the predictions, the notices and the errors of one that is read as a whole.

use crate::common::tables::{convert, predict, predict_to};
use crate::common::{Random, neuralnet, random_dataset, scratch};
use flate2::Compression;
use flate2::write::GzEncoder;
use neuralnet::network::Activation;
use neuralnet::{Hardware, Loss, Model, TrainConfig, train};
use neuralnet_table::{Impute, TableOptions};
use std::fs;
use std::io::Write;
use std::path::PathBuf;

fn path(test: &str, name: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("predict").join(test);
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// A model of a table, with or without what fills its empty cells.
fn model(table: &str, impute: Option<Impute>) -> Model {
    let file = path("models", &format!("{}.csv", impute.is_some()));
    fs::write(&file, table).unwrap();
    let options = TableOptions {
        one_hot: vec!["port".to_owned(), "deck".to_owned()],
        impute,
        ..TableOptions::default()
    };
    let dataset = crate::common::tables::open(&file, &options).unwrap();
    let config = TrainConfig {
        iterations: 5,
        ..TrainConfig::default()
    };
    let trained = train(&dataset, &config, &Hardware::cpu()).unwrap();
    Model::new(&dataset, &config, &trained)
}

const KNOWN: &str =
    "age,port,fare,deck,class\n1,S,2.5,a,x\n2,C,0,b,y\n3,\"Q, or so\",1,a,z\n4,S,-1,b,x\n";

/// A table of other columns and another order than the model's. Some have gaps, and most of them something that is
/// wrong with a few of their lines.
fn table(random: &mut Random) -> String {
    let (has_gaps, end) = (random.below(2) == 0, random.of(&["\n", "\r\n"]));
    let n_rows = 1 + random.below(120);
    let n_wrong = random.below(4);
    let wrong: Vec<usize> = (0..n_wrong).map(|_| random.below(n_rows)).collect();
    let mut text = format!("{end}deck,note,fare,\"age\",port{end}");
    for row in 0..n_rows {
        if random.below(8) == 0 {
            text += random.of(&["", " ", "\t"]);
            text += end;
        }
        let gap = |random: &mut Random, cell: String| match has_gaps && random.below(6) == 0 {
            true => String::new(),
            false => cell,
        };
        let mut cells = [
            random.of(&["a", " b ", "\"a\""]).to_owned(),
            random.of(&["", "\"x, \"\"y\"\"\"", "7"]).to_owned(),
            format!("{}.{}", random.below(500), random.below(100)),
            random.below(90).to_string(),
            random.of(&["S", "C", "\"Q, or so\""]).to_owned(),
        ];
        for at in [0, 2, 3, 4] {
            let cell = std::mem::take(&mut cells[at]);
            cells[at] = gap(random, cell);
        }
        if wrong.contains(&row) {
            let cell = random.below(5);
            cells[cell] = random
                .of(&["", "", "other", "\"more", "1,1", "NaN", "1e39", "c", "d"])
                .to_owned();
        }
        text += &cells.join(",");
        text += end;
    }
    if random.below(3) == 0 {
        text.truncate(text.trim_end().len());
    }
    text
}

/// Lines of predictions and notices; or the error.
type Told = Result<(String, Vec<String>), String>;

/// A number as CSV has it: with an exponent if it would be long without.
fn digits(number: f64) -> String {
    match number == 0.0 || (1e-5..1e16).contains(&number.abs()) {
        true => number.to_string(),
        false => format!("{number:e}"),
    }
}

fn as_a_whole(model: &Model, data: &str) -> Told {
    let dataset =
        crate::common::tables::open_for(model, data).map_err(|error| error.to_string())?;
    let classes = &model.description().classes.as_ref().unwrap().names;
    let predictions = model.predict(&dataset, 0..dataset.n_samples());
    let lines = predictions.chunks(classes.len()).map(|row| {
        let most = row.iter().copied().fold(0.0, f64::max);
        let most = row.iter().position(|y| y.to_bits() == most.to_bits());
        let numbers: Vec<String> = row.iter().map(|y| digits(*y)).collect();
        format!("{},{}\n", classes[most.unwrap()], numbers.join(","))
    });
    let lines: String = lines.collect();
    Ok((
        format!("class,class=x,class=y,class=z\n{lines}"),
        dataset.notices().to_vec(),
    ))
}

fn in_spans(model: &Model, data: &str, n_cells: usize) -> Told {
    let told = |error: neuralnet_table::Error| error.to_string();
    let mut stream = crate::common::tables::stream_in_spans(model, data, n_cells).map_err(told)?;
    let mut text = Vec::new();
    predict(model, &mut stream, &mut text)
        .map_err(told)?
        .unwrap();
    Ok((String::from_utf8(text).unwrap(), stream.take_notices()))
}

/// Whatever is in a table: blank lines, quotes, gaps, and of several things that are wrong with it the one that is
/// told.
#[test]
fn spans_of_any_length_give_what_the_whole_table_gives() {
    let mut random = Random::new(1);
    let models = [model(KNOWN, Some(Impute::Mean)), model(KNOWN, None)];
    let (mut n_read, mut n_noticed, mut n_refused, mut n_parquet) = (0, 0, [0; 3], 0);
    for round in 0..600 {
        let text = table(&mut random);
        let (csv, gz) = (path("spans", "table.csv"), path("spans", "table.csv.gz"));
        let parquet = path("spans", "table.parquet");
        fs::write(&csv, &text).unwrap();
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        fs::write(&gz, packed.finish().unwrap()).unwrap();
        let converted = convert(&csv, None, &parquet).is_ok();
        n_parquet += usize::from(converted);
        let files = [&csv, &gz, &parquet];
        for file in &files[..2 + usize::from(converted)] {
            let file = file.to_str().unwrap();
            for model in &models {
                let whole = as_a_whole(model, file);
                for n_cells in [1, 5 + random.below(60), 300, usize::MAX] {
                    let spans = in_spans(model, file, n_cells);
                    // Of several errors a span tells its own first.
                    let same = spans == whole || (spans.is_err() && whole.is_err());
                    assert!(
                        same,
                        "round {round}, {file} in spans of {n_cells} cells: {spans:?} and {whole:?} of {text}"
                    );
                }
                match whole {
                    Ok((_, notices)) => {
                        n_read += 1;
                        n_noticed += usize::from(!notices.is_empty());
                    }
                    Err(error) if error.contains("nothing to put there") => n_refused[0] += 1,
                    Err(error) if error.contains("not known to the model") => n_refused[1] += 1,
                    Err(_) => n_refused[2] += 1,
                }
            }
        }
    }
    assert!(
        n_read > 300 && n_noticed > 100 && n_parquet > 100 && n_refused.iter().all(|n| *n > 100),
        "{n_read} read, {n_noticed} with gaps, {n_parquet} of Parquet, {n_refused:?} refused"
    );
}

#[test]
fn a_table_without_rows_is_refused_in_spans_too() {
    let model = model(KNOWN, Some(Impute::Mean));
    for text in [
        "age,port,fare,deck",
        "age,port,fare,deck\n",
        "age,port,fare,deck\n\n \n",
    ] {
        let file = path("no_rows", "table.csv");
        fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let refused = in_spans(&model, file, 8).unwrap_err();
        assert!(
            refused.contains("holds a header and no rows; add at least one"),
            "{refused}"
        );
        assert_eq!(as_a_whole(&model, file), Err(refused));
    }
}

/// A file is as it was after an error in a late span; on stdout there are the predictions of the spans before it.
#[test]
fn after_a_late_error_there_is_nothing_wrong() {
    let model = model(KNOWN, Some(Impute::Mean));
    let file = path("late", "table.csv");
    let row = |row: usize| format!("a,{row},{row},S\n");
    let rows: String = (0..50).map(row).collect();
    let header = "deck,fare,age,port\n";
    fs::write(&file, format!("{header}{rows}")).unwrap();
    let data = file.to_str().unwrap();
    let (all, _) = in_spans(&model, data, 20).unwrap();
    fs::write(&file, format!("{header}{rows}a,1,x,S\n")).unwrap();
    let place = "table.csv:52: column `age`: `x` is not a number";
    let mut stream = crate::common::tables::stream_in_spans(&model, data, 20).unwrap();
    let mut text = Vec::new();
    let refused = predict(&model, &mut stream, &mut text).unwrap_err();
    assert!(refused.to_string().contains(place), "{refused}");
    let text = String::from_utf8(text).unwrap();
    assert!(all.starts_with(&text) && text.ends_with('\n'), "{text}");
    assert!(text.lines().count() > 40, "{text}");
    assert_eq!(stream.take_notices(), [""; 0]);
    for ending in ["csv", "npy", "parquet"] {
        let out = path("late", &format!("out.{ending}"));
        fs::write(&out, "precious").unwrap();
        let mut stream = crate::common::tables::stream_in_spans(&model, data, 20).unwrap();
        let refused = predict_to(&model, &mut stream, &out).unwrap_err();
        assert!(refused.to_string().contains(place), "{refused}");
        assert_eq!(fs::read(&out).unwrap(), b"precious", "{ending}");
    }
    let left = fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert_eq!(left, 4, "the table and what was there");
    // In one span, which is read before anything is written.
    let saved = path("models", "late.safetensors");
    model.save(&saved).unwrap();
    let output = neuralnet(&["predict", saved.to_str().unwrap(), data]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty(), "nothing was printed");
    assert!(String::from_utf8(output.stderr).unwrap().contains(place));
}

/// From several groups of a Parquet file into several of another, and into every format, in spans that end within
/// them.
#[test]
fn files_are_the_same_whatever_the_spans() {
    let n_samples = 300_001;
    let dataset = random_dataset(n_samples, 2, 1);
    let config = TrainConfig {
        iterations: 3,
        loss: Loss::SquaredError,
        ..TrainConfig::default()
    };
    let trained = train(&dataset, &config, &Hardware::cpu()).unwrap();
    let first = Model::new(&dataset, &config, &trained);
    let (npy, groups) = (path("files", "rows.npy"), path("files", "groups.parquet"));
    neuralnet_table::write_npy(&dataset, &npy).unwrap();
    let csv = path("files", "rows.csv");
    let (mut x, mut t) = (vec![0.0; n_samples * 2], vec![0.0; n_samples]);
    dataset.read(0..n_samples, &mut x, &mut t);
    let lines = x.chunks_exact(2).map(|x| format!("{},{}\n", x[0], x[1]));
    fs::write(&csv, format!("x0,x1\n{}", lines.collect::<String>())).unwrap();
    let predicted = |model: &Model, from: &PathBuf, n_cells, ending: &str| {
        let out = path("files", &format!("out.{ending}"));
        let mut stream =
            crate::common::tables::stream_in_spans(model, from.to_str().unwrap(), n_cells).unwrap();
        predict_to(model, &mut stream, &out).unwrap();
        fs::read(out).unwrap()
    };
    for ending in ["csv", "npy", "parquet"] {
        let whole = predicted(&first, &csv, usize::MAX, ending);
        if ending == "parquet" {
            fs::write(&groups, &whole).unwrap();
        }
        for n_cells in [200_000, 123_457] {
            let spans = predicted(&first, &csv, n_cells, ending);
            assert!(spans == whole, "{ending} in spans of {n_cells} cells");
        }
    }
    // Of the predictions, in their two groups, a model of its own.
    let table = path("files", "named.csv");
    fs::write(&table, "y0,t\n0,0\n1,1\n").unwrap();
    let named = crate::common::tables::open(&table, &TableOptions::default()).unwrap();
    let trained = train(&named, &config, &Hardware::cpu()).unwrap();
    let second = Model::new(&named, &config, &trained);
    let data = crate::common::tables::open_for(&second, groups.to_str().unwrap()).unwrap();
    let expected = second.predict(&data, 0..n_samples);
    for n_cells in [300_001, 262_144, 100_000, 7777] {
        let found = predicted(&second, &groups, n_cells, "npy");
        assert!(
            found[128..] == *bytemuck::cast_slice::<f64, u8>(&expected),
            "in spans of {n_cells} cells"
        );
    }
}

/// An array (`n_rows`, 2) of `descr`, whose numbers are `values`.
fn array(descr: &str, order: &str, n_rows: usize, values: impl Iterator<Item = f64>) -> Vec<u8> {
    let text =
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({n_rows}, 2), }}");
    let mut bytes = b"\x93NUMPY\x01\0\x76\0".to_vec();
    bytes.extend(format!("{text:<117}\n").bytes());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an array of float32 is asked for"
    )]
    bytes.extend(values.flat_map(|value| match descr {
        "<f4" => (value as f32).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    }));
    bytes
}

/// Of floats, which are used where they lie, and of doubles, row by row and column by column; one of them in the last
/// row is beyond f32 or missing, which one of the models fills.
#[test]
fn arrays_are_read_in_spans() {
    let (n_rows, file) = (1000_u16, path("arrays", "rows.npy"));
    let table = path("arrays", "table.npy");
    let model = |impute: Option<Impute>| {
        let gap = impute.map_or(0.25, |_| f64::NAN);
        let values = [0.5, 1.0, gap, 2.0, 0.75, 3.0];
        fs::write(&table, array("<f4", "False", 3, values.into_iter())).unwrap();
        let options = TableOptions {
            impute,
            ..TableOptions::default()
        };
        let dataset = crate::common::tables::open(&table, &options).unwrap();
        let config = TrainConfig {
            iterations: 3,
            activation: Activation::Identity,
            loss: Loss::SquaredError,
            ..TrainConfig::default()
        };
        let trained = train(&dataset, &config, &Hardware::cpu()).unwrap();
        Model::new(&dataset, &config, &trained)
    };
    let models = [model(None), model(Some(Impute::Mean))];
    let last = [1.0, 1e39, f64::NAN];
    let each = |descr| move |order| last.map(|last| (descr, order, last));
    let mut n_filled = 0;
    for (descr, order, last) in ["<f4", "<f8"]
        .iter()
        .flat_map(|descr| ["False", "True"].into_iter().flat_map(each(*descr)))
    {
        // Of either order the last row's first number is one of the two.
        let values = (0..2 * n_rows).map(|at| match at == n_rows - 1 || at == 2 * n_rows - 2 {
            true => last,
            false => f64::from(at) / 1024.0,
        });
        fs::write(&file, array(descr, order, n_rows.into(), values)).unwrap();
        let data = file.to_str().unwrap();
        for (is_filled, model) in [false, true].into_iter().zip(&models) {
            let whole =
                crate::common::tables::open_for(model, data).map_err(|error| error.to_string());
            let whole = whole.map(|dataset| {
                let predictions = model.predict(&dataset, 0..dataset.n_samples());
                let lines = predictions.iter().map(|y| digits(*y) + "\n");
                let notices = dataset.notices().to_vec();
                (format!("1\n{}", lines.collect::<String>()), notices)
            });
            let is_read = last.abs() <= 1.0 || is_filled && last.is_nan();
            assert_eq!(whole.is_ok(), is_read, "{whole:?}");
            n_filled += whole.iter().flat_map(|(_, notices)| notices).count();
            for n_cells in [2, 14, 300, usize::MAX] {
                let spans = in_spans(model, data, n_cells);
                assert_eq!(spans, whole, "{descr}, {order}, {last}, {n_cells} cells");
            }
        }
    }
    assert_eq!(
        n_filled, 4,
        "a notice of a filled cell for each array that has one"
    );
}

/// 128 MB of cells with 110 MB for all that a process holds but for the files it maps.
#[cfg(target_os = "linux")]
#[test]
fn a_table_larger_than_the_memory_is_predicted() {
    const WIDTH: usize = 16;
    let header: Vec<String> = (0..WIDTH).map(|column| format!("x{column}")).collect();
    let row = format!("{}\n", ["1"; WIDTH].join(","));
    let (n_rows, csv) = (2_000_000, path("memory", "rows.csv"));
    fs::write(&csv, header.join(",") + "\n" + &row.repeat(n_rows)).unwrap();
    let parquet = path("memory", "rows.parquet");
    convert(&csv, None, &parquet).unwrap();
    let dataset = random_dataset(20, WIDTH, 1);
    let config = TrainConfig {
        iterations: 3,
        ..TrainConfig::default()
    };
    let trained = train(&dataset, &config, &Hardware::cpu()).unwrap();
    let saved = path("memory", "model.safetensors");
    Model::new(&dataset, &config, &trained)
        .save(&saved)
        .unwrap();
    let run = |command: &str, data: &PathBuf| {
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -d 110000; \"$0\" {command}")])
            .args([&PathBuf::from(crate::common::binary()), &saved, data])
            .arg(path("memory", "out.npy"))
            // Each has a stack, and the machine's number of them is not known.
            .env("RAYON_NUM_THREADS", "2");
        shell.output().unwrap()
    };
    for data in [&csv, &parquet] {
        let output = run("predict \"$1\" \"$2\" -o \"$3\" --force", data);
        assert!(output.status.success(), "{output:?}");
        let length = fs::metadata(path("memory", "out.npy")).unwrap().len();
        assert_eq!(length, 128 + 8 * n_rows as u64, "a number for each row");
        // What reads the table as a whole is refused, or ended: so the limit is one.
        let output = run("train \"$2\" --backend cpu", data);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && told.contains("memory"),
            "{told}"
        );
    }
    fs::remove_dir_all(csv.parent().unwrap()).unwrap();
}
