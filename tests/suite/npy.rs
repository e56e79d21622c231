//! NumPy files: what is written is read back, any columns may be the targets, the bits of a training do
//! not depend on where the rows lie, and a file that is not such a table is refused, whatever its bytes.

use crate::common::{
    Random, assert_refused, gpu, neuralnet, neuralnet_json, parameters, problem, random_dataset,
};
use neuralnet::backend::Backend;
use neuralnet::cpu::Cpu;
use neuralnet::data::Stored;
use neuralnet::gpu::GpuOptions;
use neuralnet::network::Activation;
use neuralnet::{Dataset, Loss, Reduction, Synthetic};
use neuralnet_table::TableOptions;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// A path in a folder of this test's own, which is made anew.
fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(crate::common::scratch())
        .join("npy")
        .join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A file of version 1.0 with the dictionary `fields`, its values at byte 128.
fn npy(fields: &str, values: &[f32]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{fields:<117}\n").bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

fn fields(n_samples: usize, width: usize) -> String {
    format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({n_samples}, {width}), }}")
}

fn write(path: &Path, n_samples: usize, width: usize, values: &[f32]) {
    std::fs::write(path, npy(&fields(n_samples, width), values)).unwrap();
}

fn named(targets: &[&str]) -> TableOptions {
    TableOptions::with_targets(targets)
}

/// Inputs and targets, by their bits.
fn read(dataset: &Dataset) -> (Vec<u32>, Vec<u32>) {
    let n_samples = dataset.n_samples();
    let mut inputs = vec![f32::NAN; n_samples * dataset.n_inputs()];
    let mut targets = vec![f32::NAN; n_samples * dataset.n_outputs()];
    dataset.read(0..n_samples, &mut inputs, &mut targets);
    (bits(&inputs), bits(&targets))
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The message of the error, for which there must be one.
fn refused(path: &Path, targets: &[&str]) -> String {
    match crate::common::tables::open(path, &named(targets)) {
        Ok(dataset) => panic!("{} was read: {dataset:?}", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_written_is_read() {
    let path = folder("round_trip").join("table.npy");
    let inputs = [1.0, -0.0, 1e-45, f32::MAX, f32::MIN, 0.1];
    let targets = [0.25, 1.0, 0.0, 0.5];
    let dataset = Dataset::from_rows("rows", 3, 2, inputs.to_vec(), targets.to_vec()).unwrap();
    neuralnet_table::write_npy(&dataset, &path).unwrap();
    let rows = [
        1.0,
        -0.0,
        1e-45,
        0.25,
        1.0,
        f32::MAX,
        f32::MIN,
        0.1,
        0.0,
        0.5,
    ];
    let expected = npy(&fields(2, 5), &rows);
    assert_eq!(std::fs::read(&path).unwrap(), expected, "as NumPy does");

    let back = crate::common::tables::open(&path, &named(&["3", "4"])).unwrap();
    assert_eq!(read(&back), (bits(&inputs), bits(&targets)));
    assert_eq!(back.input_names(), ["0", "1", "2"]);
    assert_eq!(back.target_names(), ["3", "4"]);
    assert_eq!(back.source(), path.to_str().unwrap());
    assert_eq!(back.bytes(), 40, "2 rows of 5");
}

/// More rows than are made at once, from the generator.
#[test]
fn rows_that_are_made_are_written() {
    let path = folder("made").join("made.npy");
    let made = Dataset::synthetic(Synthetic::new(1_500_000, 3, 0.05, 7).unwrap());
    neuralnet_table::write_npy(&made, &path).unwrap();
    let back = neuralnet_table::open(path.to_str().unwrap(), &TableOptions::default()).unwrap();
    assert!(read(&back) == read(&made), "every bit");
}

#[test]
fn a_file_is_replaced_only_by_a_whole_one() {
    let folder = folder("replaced");
    let path = folder.join("table.npy");
    let one = random_dataset(50, 3, 1);
    let other = random_dataset(70, 3, 1);
    neuralnet_table::write_npy(&one, &path).unwrap();
    let mapped = crate::common::tables::open(&path, &TableOptions::default()).unwrap();
    // Some systems do not replace a file that is mapped.
    if cfg!(unix) {
        neuralnet_table::write_npy(&other, &path).unwrap();
        assert_eq!(read(&mapped), read(&one), "the mapping keeps its file");
        let again = crate::common::tables::open(&path, &TableOptions::default()).unwrap();
        assert_eq!(read(&again), read(&other), "the new file");
    }

    let nowhere = folder.join("nowhere").join("table.npy");
    let message = neuralnet_table::write_npy(&other, &nowhere)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("nowhere") && message.contains("cannot be written"),
        "{message}"
    );
    let taken = folder.join("taken.npy");
    std::fs::create_dir(&taken).unwrap();
    let message = neuralnet_table::write_npy(&other, &taken)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("taken.npy: cannot be written"),
        "{message}"
    );
    assert!(
        neuralnet_table::write_npy(&other, Path::new("/")).is_err(),
        "no name"
    );
    let names = std::fs::read_dir(&folder).unwrap();
    assert_eq!(
        names.count(),
        2,
        "table.npy, taken.npy, and nothing beside them"
    );
}

#[test]
fn any_columns_may_be_the_targets() {
    let (path, n_samples, width) = (folder("targets").join("table.npy"), 5, 4);
    let values: Vec<f32> = (0..20u8).map(|value| f32::from(value) / 32.0).collect();
    write(&path, n_samples, width, &values);
    for (targets, in_place) in [
        (vec![], true),
        (vec![0], true),
        (vec![1], false),
        (vec![3], true),
        (vec![0, 1], true),
        (vec![2, 3], true),
        (vec![1, 2], false),
        (vec![3, 2], false),
        (vec![0, 3], false),
        (vec![1, 2, 3], true),
        (vec![2, 0, 1], false),
    ] {
        let names: Vec<String> = targets.iter().map(usize::to_string).collect();
        let options = TableOptions {
            targets: names,
            ..TableOptions::default()
        };
        let dataset = crate::common::tables::open(&path, &options).unwrap();
        let targets = if targets.is_empty() { vec![3] } else { targets };
        let inputs: Vec<usize> = (0..width).filter(|j| !targets.contains(j)).collect();
        let of = |columns: &[usize]| -> Vec<f32> {
            let rows = values.chunks_exact(width);
            rows.flat_map(|row| columns.iter().map(|&column| row[column]))
                .collect()
        };
        let expected = (bits(&of(&inputs)), bits(&of(&targets)));
        assert_eq!(read(&dataset), expected, "targets {targets:?}");
        let stored = dataset.stored();
        assert_eq!(stored.is_some(), in_place, "targets {targets:?}");
        if let Some(stored) = stored {
            let found = (
                bits(&strided(stored.inputs, stored.input_stride, inputs.len())),
                bits(&strided(
                    stored.targets,
                    stored.target_stride,
                    targets.len(),
                )),
            );
            assert_eq!(found, expected, "targets {targets:?}, in place");
            assert_in_place(&stored, &dataset);
        }
    }
    for (targets, part) in [
        (
            vec!["4"],
            "has no column `4`; its columns are `0`, `1`, `2`, `3`",
        ),
        (vec!["03"], "has no column `03`"),
        (vec!["y"], "has no column `y`"),
        (vec!["1", "1"], "column `1` is named twice"),
        (
            vec!["0", "1", "2", "3"],
            "has no column left to be a feature",
        ),
    ] {
        let message = refused(&path, &targets);
        assert!(message.contains(part), "{targets:?}: {message}");
    }
}

fn strided(values: &[f32], stride: usize, width: usize) -> Vec<f32> {
    values
        .chunks(stride)
        .flat_map(|row| row[..width].to_vec())
        .collect()
}

/// A clone shares the mapping, so the same rows have the same addresses.
fn assert_in_place(stored: &Stored<'_>, dataset: &Dataset) {
    let clone = dataset.clone();
    let shared = clone.stored().unwrap();
    assert_eq!(shared.inputs.as_ptr(), stored.inputs.as_ptr(), "not copied");
}

/// A table for a model is filled by what its training found, or not at all.
#[test]
fn a_missing_cell_that_a_model_cannot_fill_is_refused() {
    let path = folder("unfilled").join("table.npy");
    let model = path.with_extension("safetensors");
    let [table, output] = [&path, &model].map(|path| path.to_str().unwrap());
    write(&path, 2, 2, &[0.0, 0.0, 1.0, 1.0]);
    let train = ["train", table, "--backend", "cpu", "-o", output, "--force"];
    assert!(neuralnet(&train).status.success());
    write(&path, 2, 2, &[0.0, 0.0, f32::NAN, 1.0]);
    for command in ["evaluate", "predict"] {
        let part = "nothing to put there; fill it; --impute mean in the training fills such cells";
        assert_refused(&[command, output, table], 2, &[part]);
    }
}

/// Values in the file, the others 0.5, over many blocks: the first wrong one is named, whoever finds it.
#[test]
fn the_first_wrong_value_is_named() {
    let path = folder("wrong_values").join("table.npy");
    let (n_samples, width) = (200_000, 3);
    let with = |wrong: &[(usize, usize, f32)]| {
        let mut values = vec![0.5; n_samples * width];
        for &(row, column, value) in wrong {
            values[row * width + column] = value;
        }
        write(&path, n_samples, width, &values);
    };
    for (row, column, value, part) in [
        (0, 0, f32::NAN, "the cell is missing"),
        (131_071, 2, f32::INFINITY, "inf is not finite"),
        (199_999, 1, f32::NEG_INFINITY, "-inf is not finite"),
        (199_999, 2, -f32::NAN, "the target is missing"),
    ] {
        with(&[(199_999, 2, f32::NAN), (row, column, value)]);
        let message = refused(&path, &[]);
        let place = format!("table.npy: row {row}, column `{column}`: {part}");
        assert!(message.contains(&place), "{message}");
    }

    with(&[(150_000, 1, 1.5), (199_999, 2, -0.25), (90_000, 0, 7.0)]);
    for (targets, place) in [
        (
            vec!["1"],
            Some("row 150000, column `1`: target 1.5 lies outside [0, 1]"),
        ),
        (vec!["2"], Some("row 199999, column `2`: target -0.25 lies")),
        (
            vec!["2", "1"],
            Some("row 150000, column `1`: target 1.5 lies"),
        ),
    ] {
        let dataset = crate::common::tables::open(&path, &named(&targets)).unwrap();
        let config = neuralnet::TrainConfig {
            iterations: 0,
            ..neuralnet::TrainConfig::default()
        };
        let hardware = neuralnet::Hardware::cpu();
        let started = neuralnet::train(&dataset, &config, &hardware);
        let message = started.err().map(|error| error.to_string());
        assert_eq!(
            message
                .as_deref()
                .map(|message| message.contains(place.unwrap())),
            Some(true),
            "{message:?}"
        );
        let config = neuralnet::TrainConfig {
            activation: Activation::Identity,
            loss: Loss::SquaredError,
            ..config
        };
        assert!(
            neuralnet::train(&dataset, &config, &hardware).is_ok(),
            "any target"
        );
    }
}

/// Loss and gradient, then the parameters after three updates.
fn trained(backend: &mut dyn Backend, start: &[f64]) -> Vec<u64> {
    backend.set_parameters(start).unwrap();
    let evaluation = backend.evaluate().unwrap();
    backend.advance(NonZeroU32::new(3).unwrap(), 0.5).unwrap();
    let parameters = backend.parameters().unwrap();
    std::iter::once(evaluation.summary.loss)
        .chain(evaluation.gradient)
        .chain(parameters)
        .map(f64::to_bits)
        .collect()
}

/// The same rows from the generator, from memory, and from files with the target in every place.
#[test]
fn the_bits_do_not_depend_on_where_the_rows_lie() {
    let folder = folder("bits");
    let (n_samples, n_inputs, width) = (20_000, 7, 8);
    let made = Dataset::synthetic(Synthetic::new(20_000, 7, 0.05, 3).unwrap());
    let mut inputs = vec![0.0; n_samples * n_inputs];
    let mut targets = vec![0.0; n_samples];
    made.read(0..n_samples, &mut inputs, &mut targets);
    let mut datasets = vec![("made", made)];
    for (what, column) in [("first", 0), ("middle", 3), ("last", 7)] {
        let path = folder.join(format!("{what}.npy"));
        let rows = inputs.chunks_exact(n_inputs).zip(&targets);
        let values: Vec<f32> = rows
            .flat_map(|(x, t)| [&x[..column], &[*t], &x[column..]].concat())
            .collect();
        write(&path, n_samples, width, &values);
        let dataset = crate::common::tables::open(&path, &named(&[&column.to_string()])).unwrap();
        datasets.push((what, dataset));
    }
    let rows = Dataset::from_rows("rows", n_inputs, 1, inputs, targets).unwrap();
    datasets.push(("rows", rows));

    let run = |dataset| {
        let problem = problem(dataset, Loss::CrossEntropy, Reduction::Mean, true);
        let start = problem.network.initial_parameters(1);
        let options = |max_chunk_bytes| GpuOptions {
            max_chunk_bytes,
            ..GpuOptions::default()
        };
        [
            trained(&mut Cpu::new(problem.clone(), None).unwrap(), &start),
            trained(&mut gpu(problem.clone(), options(None)), &start),
            trained(&mut gpu(problem, options(Some(1 << 18))), &start),
        ]
    };
    let expected = run(&datasets[0].1);
    assert_ne!(expected[0], expected[1], "float64 and f32");
    for (what, dataset) in &datasets[1..] {
        assert_eq!(run(dataset), expected, "{what}");
    }
}

#[test]
fn the_command_line_trains_on_a_file() {
    let folder = folder("command_line");
    let (table, csv) = (folder.join("table.npy"), folder.join("table.csv"));
    let values = [0.5, 1.0, -2.0, 0.25, 0.0, 3.0, -1.0, 1.0, 0.125];
    write(&table, 3, 3, &values);
    let lines = values
        .chunks(3)
        .map(|row| format!("{},{},{}\n", row[0], row[1], row[2]));
    let text: String = std::iter::once("a,b,c\n".to_owned()).chain(lines).collect();
    std::fs::write(&csv, text).unwrap();
    let upper = folder.join("UPPER.NPY");
    std::fs::copy(&table, &upper).unwrap();
    let train = |path: &Path, target: &str| {
        let path = path.to_str().unwrap();
        let train = neuralnet_json(&["train", path, "--target", target, "--backend", "cpu"]);
        assert_eq!(train["dataset"]["source"], path);
        assert_eq!(train["dataset"]["n_inputs"], 2);
        parameters(&train)
    };
    let expected = train(&csv, "b");
    assert_eq!(train(&table, "1"), expected, "the same rows");
    assert_eq!(train(&upper, "1"), expected, "by any case of its name");

    for (name, args, part) in [
        (
            "table.npy",
            vec!["--target", "3"],
            "table.npy has no column `3`",
        ),
        (
            "table.npy",
            vec!["--target", "0", "--loss", "cross-entropy"],
            "table.npy: row 2, column `0`: target -1 lies outside",
        ),
        ("nowhere.npy", vec![], "nowhere.npy: No such file"),
        (".", vec![], "is a folder"),
    ] {
        let path = folder.join(name);
        let output = neuralnet(&[&["train", path.to_str().unwrap()], &*args].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name} {args:?}: {stderr}");
        assert!(stderr.contains(part), "{name} {args:?}: {stderr}");
    }
    std::fs::rename(&table, folder.join("table.dat")).unwrap();
    let message = neuralnet_table::open(
        folder.join("table.dat").to_str().unwrap(),
        &TableOptions::default(),
    );
    let message = message.unwrap_err().to_string();
    assert!(
        message.contains("give it a name that ends in .npy"),
        "{message}"
    );
}

/// The file's bytes, and the parts of the message: what is wrong, and the remedy.
#[test]
fn what_is_no_such_table_is_refused() {
    let folder = folder("refused");
    let with = |descr: &str, order: &str, shape: &str| {
        let fields = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
        npy(&fields, &[0.5, 1.5, 0.5, 1.5, 0.5, 1.5])
    };
    let good = with("'<f4'", "False", "(2, 3)");
    let shape = |shape| with("'<f4'", "False", shape);
    let descr = |descr| with(descr, "False", "(2, 3)");
    let set = |at: usize, byte| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let cases: Vec<(Vec<u8>, [&str; 2])> = vec![
        (vec![], ["is empty", "again"]),
        (
            b"PK\x03\x04....".to_vec(),
            ["is a ZIP archive", ".npz if NumPy wrote it"],
        ),
        (good[..6].to_vec(), ["ends within its header", "again"]),
        (good[..9].to_vec(), ["ends within its header", "again"]),
        (good[..127].to_vec(), ["ends within its header", "again"]),
        (set(6, 4), ["is of version 4.0", "1.0, 2.0 and 3.0"]),
        (set(7, 1), ["is of version 1.1", "1.0, 2.0 and 3.0"]),
        (set(9, 255), ["ends within its header", "again"]),
        (set(10, b'['), ["is not the dictionary", "numpy.save"]),
        (
            set(100, b'x'),
            ["is not the dictionary", "write it with numpy.save"],
        ),
        (
            good[..151].to_vec(),
            ["(2, 3), 24 bytes of values, and holds 23", "cut short"],
        ),
        (
            good[..128].to_vec(),
            ["24 bytes of values, and holds 0", "cut short"],
        ),
        (
            [&*good, b"\0"].concat(),
            ["and holds 25: something else follows", "again"],
        ),
        (
            descr("'<f8'"),
            ["48 bytes of values, and holds 24", "cut short"],
        ),
        (descr("'|f4'"), ["holds `|f4`", "numpy.save"]),
        (descr("'<c8'"), ["holds `<c8`", "X.real"]),
        (
            descr("'|S8'"),
            ["holds `|S8`, byte strings", "X.astype('U')"],
        ),
        (descr("'<M8[ns]'"), ["dates or times", "X.astype('<M8[s]')"]),
        (
            descr("[('a', '<f4'), ('b', '<f4')]"),
            [
                "holds records",
                "pandas.DataFrame(X).to_parquet('X.parquet')",
            ],
        ),
        (
            shape("()"),
            ["has the shape ()", "numpy.column_stack((X, y))"],
        ),
        (
            shape("(6,)"),
            ["has no column left to be a feature", "its columns are `0`"],
        ),
        (
            shape("(0, 3)"),
            ["has the shape (0, 3), no rows", "at least one"],
        ),
        (shape("(0, 0)"), ["no rows", "at least one"]),
        (
            shape("(3, 0)"),
            ["has the shape (3, 0)", "numpy.column_stack((X, y))"],
        ),
        (
            shape("(6, 1)"),
            ["has no column left to be a feature", "its columns are `0`"],
        ),
        (
            shape("(2, 2)"),
            ["16 bytes of values, and holds 24", "again"],
        ),
        (shape("(1, 9999999)"), ["more than 1048576 columns", "X.T"]),
        (
            shape("(4611686018427387904, 4)"),
            ["more bytes than can be counted", "again"],
        ),
        (
            shape("(2305843009213693952, 2)"),
            ["more bytes than can be counted", "again"],
        ),
        (
            shape("(99999999999999999999, 3)"),
            ["is not the dictionary", "write it with numpy.save"],
        ),
        (
            shape("(-2, 3)"),
            ["is not the dictionary", "write it with numpy.save"],
        ),
    ];
    for (case, (bytes, parts)) in cases.into_iter().enumerate() {
        let path = folder.join(format!("case{case}.npy"));
        std::fs::write(&path, bytes).unwrap();
        let message = refused(&path, &[]);
        for part in [format!("case{case}.npy").as_str()].iter().chain(&parts) {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
    for version in [2, 3] {
        let mut bytes = good.clone();
        bytes[6] = version;
        bytes.splice(8..10, [0x76, 0, 0, 0]);
        bytes.splice(124..126, []);
        bytes[8] -= 2;
        let path = folder.join("good.npy");
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(
            crate::common::tables::open(&path, &TableOptions::default())
                .unwrap()
                .n_samples(),
            2,
            "{version}.0"
        );
    }
}

/// Values that begin at no multiple of 4 cannot be used where they lie, and are read.
#[test]
fn values_may_begin_anywhere() {
    let path = folder("shifted").join("table.npy");
    let good = npy(&fields(2, 3), &[0.5, 1.0, -2.0, 0.25, 0.0, 3.0]);
    // One space less before the values.
    let mut shifted = [&good[..126], b"\n", &good[128..]].concat();
    shifted[8] -= 1;
    std::fs::write(&path, shifted).unwrap();
    let (x, t) = read(&crate::common::tables::open(&path, &TableOptions::default()).unwrap());
    assert_eq!((x, t), (bits(&[0.5, 1.0, 0.25, 0.0]), bits(&[-2.0, 3.0])));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read() {
    let path = folder("pipe").join("pipe.npy");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success(), "mkfifo");
    let (pipe, bytes) = (path.clone(), npy(&fields(2, 2), &[0.5, 1.0, 0.25, 0.0]));
    let writer = std::thread::spawn(move || std::fs::write(pipe, bytes).unwrap());
    let (x, t) = read(&crate::common::tables::open(&path, &TableOptions::default()).unwrap());
    writer.join().unwrap();
    assert_eq!((x, t), (bits(&[0.5, 0.25]), bits(&[1.0, 0.0])));
}

/// Zeros of either sign are one number, wherever the values are used.
#[test]
fn a_target_of_zeros_is_constant() {
    let path = folder("zeros").join("zeros.npy");
    write(&path, 2, 2, &[1.0, -0.0, 2.0, 0.0]);
    let message = refused(&path, &[]);
    assert!(
        message.contains("the target is -0 in every row"),
        "{message}"
    );
}

/// Whatever is done to a file's bytes: it is refused, or its values are those at byte 128, each finite.
#[test]
fn damaged_bytes_are_refused_or_read_as_they_stand() {
    let path = folder("damaged").join("table.npy");
    let (n_samples, width) = (12, 4);
    let mut random = Random::new(5);
    let values: Vec<f32> = (0..n_samples * width).map(|_| random.next()).collect();
    let good = npy(&fields(n_samples, width), &values);
    let (mut n_read, mut n_refused) = (0, 0);
    for round in 0..6000 {
        let mut bytes = good.clone();
        for _ in 0..=random.below(3) {
            // Half of the rounds harm nothing but the header.
            let end = if round % 2 == 0 { good.len() } else { 80 };
            let at = random.below(end.min(bytes.len()));
            match random.below(8) {
                0 => bytes.truncate(at + 1),
                1 => bytes.insert(at, random.byte()),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                3 | 4 => bytes[at] = b" {}(),:'\"0123456789<>f"[random.below(22)],
                5 => bytes[at] = random.byte(),
                _ => bytes[at] ^= 1 << random.below(8),
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        match crate::common::tables::open(&path, &TableOptions::default()) {
            Err(_) => n_refused += 1,
            Ok(dataset) => {
                n_read += 1;
                let shown = bytes.escape_ascii();
                assert_eq!(dataset.n_samples(), n_samples, "{shown}");
                assert_eq!(dataset.n_inputs(), width - 1, "{shown}");
                // Another type of 4 bytes may be what the header says now.
                let descr = bytes.windows(4).find(|text| {
                    matches!(text, [b'\'' | b'"', b'<' | b'>', b'f' | b'i' | b'u', b'4'])
                });
                let of = |bytes: [u8; 4]| match descr.unwrap() {
                    [_, b'<', b'f', _] => f32::from_le_bytes(bytes),
                    [_, b'>', b'f', _] => f32::from_be_bytes(bytes),
                    [_, b'<', b'i', _] => i32::from_le_bytes(bytes) as f32,
                    [_, b'<', ..] => u32::from_le_bytes(bytes) as f32,
                    other => panic!("{other:?} needs two changes"),
                };
                let values = bytes[128..].chunks(4);
                let expected: Vec<f32> =
                    values.map(|value| of(value.try_into().unwrap())).collect();
                assert!(expected.iter().all(|value| value.is_finite()), "{shown}");
                let rows = expected.chunks_exact(width);
                let (x, t): (Vec<_>, Vec<_>) = rows.map(|row| row.split_at(width - 1)).unzip();
                assert_eq!(
                    read(&dataset),
                    (bits(&x.concat()), bits(&t.concat())),
                    "{shown}"
                );
            }
        }
    }
    assert!(
        n_read > 300 && n_refused > 300,
        "{n_read} read, {n_refused} refused"
    );
}
