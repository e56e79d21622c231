//! Tables in every format: what NumPy and pyarrow wrote is read to the bit, what is written reads back to the same
//! bits, what cannot be used is refused with the remedy, and no bytes make a reader panic.
//!
//! The files are those of `tests/formats/make.py`.

use crate::common::tables::convert;
use crate::common::{neuralnet, root, scratch};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use neuralnet::Dataset;
use neuralnet_table::TableOptions;
use parquet::arrow::ArrowWriter;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn made(name: &str) -> PathBuf {
    PathBuf::from(root()).join("tests/formats").join(name)
}

/// A path in a folder of this test's own, which is made anew.
fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("formats").join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The inputs, then the targets of each row, by their bits.
fn bits(dataset: &Dataset) -> Vec<Vec<u32>> {
    let rows = 0..dataset.n_samples();
    rows.map(|row| {
        let (mut x, mut t) = (
            vec![0.0; dataset.n_inputs()],
            vec![0.0; dataset.n_outputs()],
        );
        dataset.read(row..row + 1, &mut x, &mut t);
        x.iter().chain(&t).map(|value| value.to_bits()).collect()
    })
    .collect()
}

fn open(path: &Path) -> Dataset {
    neuralnet_table::open(path.to_str().unwrap(), &TableOptions::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

fn refused(path: &Path) -> String {
    match neuralnet_table::open(path.to_str().unwrap(), &TableOptions::default()) {
        Ok(dataset) => panic!("{} was read: {dataset:?}", path.display()),
        Err(error) => error.to_string(),
    }
}

fn whole(rows: &[[f32; 3]]) -> Vec<Vec<u32>> {
    rows.iter()
        .map(|row| row.iter().map(|value| value.to_bits()).collect())
        .collect()
}

const WHOLE: [[f32; 3]; 4] = [
    [0.0, 1.0, 2.0],
    [3.0, 100.0, 5.0],
    [7.0, 1.0, 127.0],
    [4.0, 0.0, 64.0],
];

#[test]
fn npy_of_every_type_and_order_is_read() {
    for name in [
        "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8",
    ] {
        for bytes in ["little", "big"] {
            for order in ["c", "fortran"] {
                let path = made(&format!("{name}_{bytes}_{order}.npy"));
                let dataset = open(&path);
                assert_eq!(bits(&dataset), whole(&WHOLE), "{}", path.display());
            }
        }
    }
    let above = WHOLE.map(|row| row.map(|value| f32::from(u8::from(value > 3.0))));
    assert_eq!(bits(&open(&made("bool.npy"))), whole(&above));
}

/// From NumPy's `astype('f8').astype('f4')`.
#[test]
fn wide_numbers_become_the_nearest_f32() {
    let of = |name| bits(&open(&made(name))).concat();
    assert_eq!(of("rounded.npy"), ROUNDED, "integers");
    assert_eq!(of("doubles.npy"), DOUBLES, "doubles");
}

const ROUNDED: [u32; 8] = [
    0x4b80_0000,
    0x4b80_0002,
    0x5a00_0000,
    0xdf00_0000,
    0,
    0x3f80_0000,
    0xbf80_0000,
    0x5e80_0000,
];
const DOUBLES: [u32; 8] = [
    0x3dcc_cccd,
    1,
    0x8000_0000,
    0x7f7f_ffff,
    0x3eaa_aaab,
    0,
    0,
    0xff7f_ffff,
];

#[test]
fn npz_is_features_and_targets() {
    let stored = open(&made("stored.npz"));
    assert_eq!(stored.input_names(), ["0", "1", "2"]);
    let classes = stored.classes().unwrap();
    assert_eq!((classes.column.as_str(), classes.names.len()), ("y", 3));
    let eighths = WHOLE.map(|row| row.map(|value| value / 8.0));
    let inputs: Vec<Vec<u32>> = bits(&stored).iter().map(|row| row[..3].to_vec()).collect();
    assert_eq!(inputs, whole(&eighths));
    let targets = TableOptions::with_targets(&["y0", "y1"]);
    let path = made("deflated.npz");
    let deflated = neuralnet_table::open(path.to_str().unwrap(), &targets).unwrap();
    let rows = WHOLE.iter().map(|row| {
        let both = row
            .iter()
            .copied()
            .chain(row[..2].iter().map(|value| value / 8.0));
        both.map(f32::to_bits).collect()
    });
    assert_eq!(bits(&deflated), rows.collect::<Vec<Vec<u32>>>());
    assert_eq!(bits(&open(&made("single.npz"))), whole(&WHOLE));
    let named = open(&made("named.npz"));
    assert_eq!(named.input_names(), ["a", "b", "c"]);
    assert_eq!(named.classes().unwrap().column, "class");
}

/// The file, and parts of the message: what is wrong, and the remedy.
#[test]
fn what_cannot_be_used_is_refused() {
    for (name, parts) in [
        (
            "too_large.npy",
            ["row 1, column `1`: 1", "too large for f32"],
        ),
        (
            "nan_half.npy",
            ["row 1, column `0`: the cell is missing", "`impute` mean"],
        ),
        ("objects.npy", ["Python objects", "pandas.DataFrame(X)"]),
        ("complex.npy", ["holds `<c16`", "X.real"]),
        (
            "one_dimension.npy",
            ["has no column left to be a feature", "its columns are `0`"],
        ),
        (
            "extra.npz",
            ["`ids` is neither features nor targets", "numpy.savez"],
        ),
        (
            "objects.npz",
            ["array `y`: holds `|O`", "pandas.DataFrame(X)"],
        ),
        (
            "rows.npz",
            ["4 rows of features and 3 of targets", "each row needs both"],
        ),
    ] {
        let message = refused(&made(name));
        assert!(message.contains(made(name).to_str().unwrap()), "{message}");
        for part in parts {
            assert!(message.contains(part), "{name}: {message}");
        }
    }
}

#[test]
fn parquet_columns_are_numbers_or_texts_or_refused() {
    for (column, part) in [
        ("list", "column `list` is of type List"),
        ("parts", "column `parts` is of type Struct"),
        ("nan", "row 1, column `nan`: the cell is missing"),
        ("large", "row 1, column `large`"),
        ("bytes", "column `bytes` is of type FixedSizeBinary"),
        ("text", "row 0, column `text`: `a` is not a number"),
    ] {
        let path = made(&format!("odd_{column}.parquet"));
        let options = TableOptions {
            features: vec![column.to_owned()],
            ..TableOptions::default()
        };
        let message = neuralnet_table::open(path.to_str().unwrap(), &options)
            .unwrap_err()
            .to_string();
        assert!(message.contains(part), "{message}");
    }
    for (column, part) in [("when", "taken as seconds"), ("day", "taken as days")] {
        let dataset = open(&made(&format!("odd_{column}.parquet")));
        let notices = dataset.notices();
        assert!(
            notices.iter().any(|notice| notice.contains(part)),
            "{notices:?}"
        );
    }
}

const PARQUET: &str = "\
i8,u32,i64,u64,half,f32,f64,bool,gaps,text,dictionary,decimal
-1,0,9007199254740993,18446744073709551615,0.5,0.10000000149011612,0.1,True,,b,x,1.25
2,4294967295,-9223372036854775808,0,-0.25,-0,0.3333333333333333,False,1.5,,y,-0.01
-3,1,1,1,65504,1.401298464324817e-45,0,True,,\"a, \"\"q\"\"\",x,0.00
4,2,0,2,5.960464477539063e-8,3.4028234663852886e38,-1e38,,2.5,b,é,99999999.99
";

/// Columns of every kind, in two groups of rows, however they are compressed.
#[test]
fn parquet_is_read_to_the_bit() {
    let folder = folder("parquet");
    for name in [
        "none", "snappy", "gzip", "lz4", "zstd", "brotli", "pages_v2",
    ] {
        let out = folder.join(format!("{name}.csv"));
        let converted = convert(&made(&format!("{name}.parquet")), None, &out).unwrap();
        assert_eq!((converted.n_rows, converted.n_columns), (4, 12), "{name}");
        assert_eq!(converted.notices, [""; 0], "{name}");
        assert_eq!(fs::read_to_string(out).unwrap(), PARQUET, "{name}");
        assert_eq!(converted.bytes, Some(PARQUET.len() as u64), "{name}");
    }
}

/// Through every format and back, numbers at the ends of f32 among them.
#[test]
fn round_trips_change_no_bit() {
    let folder = folder("round_trips");
    let values = [
        0.1,
        -0.0,
        1e-45,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        1.0 / 3.0,
        16_777_216.0,
        -1e-5,
        9.999_999e15,
        0.0,
        1e16,
    ];
    let inputs = values.to_vec();
    let targets = vec![1.0, 0.0, 0.5, 0.25, 1e-20, -3.5];
    let dataset = Dataset::from_rows("rows", 2, 1, inputs, targets).unwrap();
    let start = folder.join("start.npy");
    neuralnet_table::write_npy(&dataset, &start).unwrap();
    let expected = bits(&dataset);
    for first in ["csv", "csv.gz", "npy", "npz", "parquet"] {
        for second in ["csv", "csv.gz", "npy", "npz", "parquet"] {
            let [one, two] = [
                folder.join(format!("one.{first}")),
                folder.join(format!("two.{second}")),
            ];
            convert(&start, None, &one).unwrap();
            convert(&one, None, &two).unwrap();
            assert_eq!(bits(&open(&two)), expected, "{first}, {second}");
            if first == "npy" {
                assert_eq!(
                    fs::read(&one).unwrap(),
                    fs::read(&start).unwrap(),
                    "every byte"
                );
            }
        }
    }
}

/// Texts stand for missing cells in CSV alone.
#[test]
fn no_text_of_another_format_is_said_to_be_missing() {
    let folder = folder("no_missing");
    let path = |name: &str| folder.join(name);
    for (rows, part) in [
        (
            "1,5\n2,6\n+4,7\n",
            "row 2, column `a`: `+4` is not a number; `one_hot`",
        ),
        (
            "1,5\n2,6\n3,x\n",
            "column `b`: `x` is not a number, and other cells are, as `5` in row 0; mend it; `classes`",
        ),
    ] {
        fs::write(path("in.csv"), format!("a,b\n{rows}")).unwrap();
        convert(&path("in.csv"), None, &path("out.parquet")).unwrap();
        let message = refused(&path("out.parquet"));
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn names_texts_and_empty_cells_are_kept_or_told() {
    let folder = folder("kept");
    let path = |name: &str| folder.join(name);
    let text = "a,b,kind\n1,0.5,red\n2,,\"a, \"\"b\"\"\"\n3,1,red\n";
    fs::write(path("in.csv"), text).unwrap();
    convert(&path("in.csv"), None, &path("one.parquet")).unwrap();
    convert(&path("one.parquet"), None, &path("out.csv")).unwrap();
    assert_eq!(fs::read_to_string(path("out.csv")).unwrap(), text);
    let refused = |name: &str, out: &str| {
        convert(&path(name), None, &path(out))
            .unwrap_err()
            .to_string()
    };
    let message = refused("in.csv", "out.npz");
    assert!(
        message.contains("row 1, column `b`: the cell is empty"),
        "{message}"
    );
    assert!(!path("out.npz").exists(), "nothing is written");
    fs::write(path("full.csv"), "a,b,kind\n1,0.5,red\n2,0,bl\u{fc}e\n").unwrap();
    let message = refused("full.csv", "out.npy");
    assert!(
        message.contains("column `kind` is of texts") && message.contains(".parquet"),
        "{message}"
    );
    convert(&path("full.csv"), None, &path("full.npz")).unwrap();
    convert(&path("full.npz"), None, &path("back.csv")).unwrap();
    assert_eq!(
        fs::read(path("back.csv")).unwrap(),
        fs::read(path("full.csv")).unwrap()
    );
    fs::write(path("first.csv"), "kind,a\nred,1\n").unwrap();
    let message = refused("first.csv", "out.npz");
    assert!(
        message.contains("only the last of several columns"),
        "{message}"
    );
    fs::write(path("numbers.csv"), "a,b\n1,2\n").unwrap();
    let told = convert(&path("numbers.csv"), None, &path("numbers.npy"))
        .unwrap()
        .notices;
    assert!(told.len() == 1 && told[0].contains("names"), "{told:?}");
    let told = convert(&path("numbers.npy"), None, &path("numbered.csv"))
        .unwrap()
        .notices;
    assert!(told.len() == 1 && told[0].contains("`x0`"), "{told:?}");
    fs::write(path("twice.csv"), ",y,y\nr,1,2\n").unwrap();
    let told = convert(&path("twice.csv"), None, &path("twice.parquet"))
        .unwrap()
        .notices;
    assert!(
        told.len() == 2 && told[0].contains("`#1`") && told[1].contains("`y_2`"),
        "{told:?}"
    );
    fs::write(path("truths.csv"), "a,b\n1,True\n2,False\n").unwrap();
    for out in ["truths.npz", "truths.npy"] {
        let told = convert(&path("truths.csv"), None, &path(out)).unwrap();
        let told = told.notices.concat();
        assert!(
            told.contains("booleans become the numbers 0 and 1: `b`"),
            "{told}"
        );
    }
    for out in ["out.txt", "out", "out-ubyte"] {
        let message = refused("numbers.csv", out);
        assert!(message.contains("does not end in .csv"), "{message}");
    }
}

#[test]
fn csv_is_read_again_or_it_is_told_what_is_not() {
    let folder = folder("control");
    let [from, csv, again] = ["t.parquet", "u.csv", "v.csv"].map(|name| folder.join(name));
    let write = |name: &str, text: &str, number: f64| {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![text, "q"]));
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![number, 3.0]));
        let table = RecordBatch::try_from_iter([(name, texts), ("y", numbers)]).unwrap();
        let file = fs::File::create(&from).unwrap();
        let mut writer = ArrowWriter::try_new(file, table.schema(), None).unwrap();
        writer.write(&table).unwrap();
        writer.close().unwrap();
        convert(&from, None, &csv).unwrap().notices
    };
    assert_eq!(write("a\tb", "x\ty\r\nz", 2.5), [""; 0]);
    convert(&csv, None, &again).unwrap();
    let text = "\"a\tb\",y\n\"x\ty\r\nz\",2.5\nq,3\n";
    assert_eq!(fs::read_to_string(&again).unwrap(), text);
    for (name, text, shown) in [("p", "x\u{1}", "x\\u{1}"), ("p\u{7f}", "x", "p\\u{7f}")] {
        let told = write(name, text, 2.5).concat();
        let part = format!("the control character in `{shown}`, which is refused");
        assert!(told.contains(&part), "{told}");
        assert!(convert(&csv, None, &again).is_err(), "{shown}");
    }
    let told = write("p", "True", 1.0);
    assert_eq!(told, [""; 0], "`q` is beside it");
    for (text, part) in [
        (
            "t\nTrue\nFalse\n",
            "column `t` is of texts that are all `True`",
        ),
        (
            "t\nx;y\nz;w\n",
            "`x;y` has a sign that may be taken for a separator",
        ),
    ] {
        let parquet = folder.join("one.parquet");
        let lines = text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        let texts: ArrayRef = Arc::new(StringArray::from(lines));
        let table = RecordBatch::try_from_iter([("t", texts)]).unwrap();
        let mut writer =
            ArrowWriter::try_new(fs::File::create(&parquet).unwrap(), table.schema(), None)
                .unwrap();
        writer.write(&table).unwrap();
        writer.close().unwrap();
        let told = convert(&parquet, None, &csv).unwrap().notices.concat();
        assert!(told.contains(part), "{told}");
    }
    fs::write(&csv, "\"a\nb\",y\n1,2\n").unwrap();
    let refused = convert(&csv, None, &folder.join("w.npz"))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("column `a\\nb` has a control character"),
        "{refused}"
    );
    let told = write("p", "x", f64::NEG_INFINITY).concat();
    assert!(
        told.contains("column `y` holds infinite numbers, which are texts when .csv is read"),
        "{told}"
    );
}

/// Times in a zone that has a name are those of UTC in a text.
#[test]
fn times_of_any_zone_are_written_as_texts() {
    let folder = folder("zones");
    let [from, csv] = ["t.parquet", "u.csv"].map(|name| folder.join(name));
    let times = TimestampMillisecondArray::from(vec![1_700_000_000_000, 0]);
    let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
    let table = RecordBatch::try_from_iter([("t", times.clone()), ("u", times)]).unwrap();
    let file = fs::File::create(&from).unwrap();
    let mut writer = ArrowWriter::try_new(file, table.schema(), None).unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();
    convert(&from, None, &csv).unwrap();
    let text = fs::read_to_string(&csv).unwrap();
    assert!(
        text.contains("\n2023-11-14T22:13:20Z,2023-11-14T22:13:20Z\n"),
        "{text}"
    );
}

/// An IDX file of bytes.
fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, u8::try_from(sizes.len()).unwrap()];
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn pictures_find_their_labels() {
    let folder = folder("idx");
    let path = |name: &str| folder.join(name);
    let pictures = idx(&[3, 2, 2], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 254, 255]);
    let labels = idx(&[3], &[9, 0, 9]);
    fs::write(path("train-images-idx3-ubyte.gz"), packed(&pictures)).unwrap();
    fs::write(path("train-labels-idx1-ubyte.gz"), packed(&labels)).unwrap();
    fs::write(path("t-images.idx3-ubyte"), &pictures).unwrap();
    fs::write(path("t-labels.idx1-ubyte"), &labels).unwrap();
    fs::write(path("alone.idx"), &pictures).unwrap();
    for name in ["train-images-idx3-ubyte.gz", "t-images.idx3-ubyte"] {
        let dataset = open(&path(name));
        assert_eq!(dataset.input_names(), ["0", "1", "2", "3"], "{name}");
        let classes = dataset.classes().unwrap();
        assert_eq!(
            (classes.column.as_str(), &classes.names[..]),
            ("label", &["0".to_owned(), "9".to_owned()][..])
        );
        let mut x = vec![0.0; 12];
        dataset.read(0..3, &mut x, &mut vec![0.0; 3 * dataset.n_outputs()]);
        assert_eq!(
            x,
            [
                0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 254.0, 255.0
            ],
            "{name}"
        );
    }
    let message = refused(&path("alone.idx"));
    assert!(
        message.contains("no `images` in its name")
            && message.contains("name the file of the labels"),
        "{message}"
    );
    let out = path("out.npy");
    convert(&path("alone.idx"), Some(&path("t-labels.idx1-ubyte")), &out).unwrap();
    let rows = bits(&open(&out));
    assert_eq!(
        rows[2].last(),
        Some(&9.0_f32.to_bits()),
        "labels as numbers"
    );
    let nowhere = convert(&path("alone.idx"), Some(&path("nowhere")), &out).unwrap_err();
    let message = nowhere.to_string();
    assert!(
        message.starts_with("`labels`: `") && message.ends_with("; name the file of the labels"),
        "{message}"
    );
    let message = refused(&path("t-labels.idx1-ubyte"));
    assert!(
        message.contains("name the file of the pictures"),
        "{message}"
    );
    fs::write(path("t-labels.idx1-ubyte"), idx(&[2], &[9, 0])).unwrap();
    let message = refused(&path("t-images.idx3-ubyte"));
    assert!(
        message.contains("2 rows of 1 labels for 3 pictures"),
        "{message}"
    );
    for (bytes, part) in [
        (pictures[..20].to_vec(), "cut short"),
        ([&pictures[..], b"x"].concat(), "something else follows"),
        (pictures[..9].to_vec(), "ends within its header"),
        (
            idx(&[u32::MAX, u32::MAX, u32::MAX], &[]),
            "more bytes than can be counted",
        ),
        (idx(&[0, 2], &[]), "no rows; at least one is needed"),
        (b"\0\0\x0a\x01\0\0\0\x01a".to_vec(), "type 0x0a"),
    ] {
        fs::write(path("bad.idx"), bytes).unwrap();
        let message = refused(&path("bad.idx"));
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_file_of_another_format_than_its_name_says_is_told_so() {
    let folder = folder("names");
    for (from, name, part) in [
        (
            "snappy.parquet",
            "a.csv",
            "is a Parquet file; give it a name that ends in .parquet",
        ),
        (
            "stored.npz",
            "a.csv",
            "is a ZIP archive; give it a name that ends in .npz",
        ),
        (
            "bool.npy",
            "a.parquet",
            "is a NumPy file; give it a name that ends in .npy",
        ),
        ("bool.npy", "a.npz", "is a NumPy file"),
        ("bool.npy", "a-ubyte", "is a NumPy file"),
        ("stored.npz", "a.npy", "is a ZIP archive"),
        (
            "make.py",
            "a.npy",
            "is a text, as CSV is; give it a name that ends in .csv",
        ),
        ("make.py", "a.npz", "is a text, as CSV is"),
        ("make.py", "a.parquet", "is a text, as CSV is"),
        ("make.py", "a.idx", "is a text, as CSV is"),
    ] {
        let path = folder.join(name);
        fs::copy(made(from), &path).unwrap();
        let message = refused(&path);
        assert!(message.contains(part), "{from} as {name}: {message}");
    }
    for (name, bytes, part) in [
        (
            "b.csv",
            idx(&[1, 2], &[1, 2]),
            "is an IDX file; give it a name that ends in .idx",
        ),
        (
            "b.npy",
            packed(b"x"),
            "is a gzip file; give it a name that ends in .gz",
        ),
        (
            "b-ubyte",
            packed(b"x"),
            "is a gzip file; give it a name that ends in .gz",
        ),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
        let message = refused(&folder.join(name));
        assert!(message.contains(part), "{name}: {message}");
    }
    fs::create_dir(folder.join("d.parquet")).unwrap();
    assert!(refused(&folder.join("d.parquet")).contains("is a folder"));
    assert!(refused(&folder.join("none.parquet")).contains("No such file"));
}

/// Of two classes the model has one output, the probability of the second.
#[test]
fn both_probabilities_of_two_classes_are_written() {
    let folder = folder("two_classes");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(path("in.csv"), "a,b,c\n0,1,no\n1,0,yes\n0.5,1,no\n").unwrap();
    let (data, model) = (path("in.parquet"), path("m.safetensors"));
    convert(path("in.csv").as_ref(), None, data.as_ref()).unwrap();
    let trained = neuralnet(&["train", &data, "--backend", "cpu", "-o", &model]);
    assert!(trained.status.success(), "{trained:?}");
    let predicted = neuralnet(&["predict", &model, &data]).stdout;
    let text = String::from_utf8(predicted).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("c,c=no,c=yes"));
    for (line, class) in lines.zip(["no", "yes", "no"]) {
        let cells: Vec<&str> = line.split(',').collect();
        let [no, yes] = [1, 2].map(|at| cells[at].parse::<f64>().unwrap());
        assert!((no + yes - 1.0).abs() < 1e-15, "{line}");
        assert_eq!((cells[0], yes > 0.5), (class, class == "yes"), "{line}");
    }
    let npy = path("out.npy");
    assert!(
        neuralnet(&["predict", &model, &data, "-o", &npy])
            .status
            .success()
    );
    let header = fs::read(&npy).unwrap()[..128].to_vec();
    assert!(
        String::from_utf8_lossy(&header).contains("'<f8', 'fortran_order': False, 'shape': (3, 2)")
    );
}

#[test]
fn the_command_line_converts_and_tells() {
    let folder = folder("command_line");
    let (from, to) = (made("named.npz"), folder.join("out.parquet"));
    let run = |more: &[&str]| {
        neuralnet(
            &[
                &["convert", from.to_str().unwrap(), to.to_str().unwrap()],
                more,
            ]
            .concat(),
        )
    };
    let done = run(&[]);
    let told = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(0), "{told}");
    assert!(
        told.contains("4 rows of 4 columns") && told.contains("bytes"),
        "{told}"
    );
    let again = run(&[]);
    let told = String::from_utf8(again.stderr).unwrap();
    assert_eq!(again.status.code(), Some(2), "{told}");
    assert!(told.contains("--force"), "{told}");
    assert_eq!(run(&["--force"]).status.code(), Some(0));
    let labels = run(&["--force", "--labels", "x"]);
    let told = String::from_utf8(labels.stderr).unwrap();
    assert!(told.contains("--labels: names the labels"), "{told}");
}

/// Classes with their probabilities in every format, and the same numbers in all of them.
#[test]
fn predictions_of_classes_are_written() {
    let folder = folder("classes");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let rows = ["0,1,no", "1,0,yes", "0.5,1,no", "2,-1,\"per, haps\""];
    fs::write(path("in.csv"), format!("a,b,c\n{}\n", rows.join("\n"))).unwrap();
    convert(path("in.csv").as_ref(), None, path("in.npz").as_ref()).unwrap();
    let run = |args: &[&str]| {
        let output = neuralnet(args);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {told}");
    };
    let (model, data) = (path("m.safetensors"), path("in.npz"));
    run(&[
        "train",
        &data,
        "--backend",
        "cpu",
        "--iterations",
        "50",
        "-o",
        &model,
    ]);
    for ending in ["csv", "npy", "parquet"] {
        run(&[
            "predict",
            &model,
            &data,
            "-o",
            &path(&format!("out.{ending}")),
        ]);
    }
    let text = fs::read_to_string(path("out.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("c,c=no,\"c=per, haps\",c=yes"));
    let npy = fs::read(path("out.npy")).unwrap();
    let doubles: Vec<f64> = npy[128..]
        .chunks(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(doubles.len(), 12, "probabilities alone");
    for (line, row) in lines.clone().zip(doubles.chunks(3)) {
        let most = (0..3).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        let class = ["no", "\"per, haps\"", "yes"][most];
        assert_eq!(line, format!("{class},{},{},{}", row[0], row[1], row[2]));
    }
    assert_eq!(lines.count(), 4);
    convert(
        path("out.parquet").as_ref(),
        None,
        path("back.csv").as_ref(),
    )
    .unwrap();
    let back = fs::read_to_string(path("back.csv")).unwrap();
    for (line, row) in back.lines().skip(1).zip(doubles.chunks(3)) {
        let cells: Vec<&str> = line.rsplit(',').take(3).collect();
        let read = cells
            .iter()
            .rev()
            .map(|cell| cell.parse::<f32>().unwrap().to_bits());
        let narrow: Vec<u32> = row.iter().map(|y| narrowed(*y).to_bits()).collect();
        assert_eq!(read.collect::<Vec<_>>(), narrow, "{line}");
    }
    let refused = neuralnet(&["predict", &model, &data, "-o", &path("out.txt")]);
    assert_eq!(refused.status.code(), Some(2));
}

#[expect(clippy::cast_possible_truncation, reason = "as a table reads it")]
fn narrowed(y: f64) -> f32 {
    y as f32
}

/// The crate `parquet` panics where a page asks for a dictionary and there is none.
#[test]
fn a_file_on_which_its_reader_panics_is_refused_in_one_line() {
    let path = folder("panics").join("damaged.parquet");
    let mut bytes = fs::read(made("snappy.parquet")).unwrap();
    // Field 9 of a column's metadata, the offset of its data; then two fields on that of its dictionary. The latter
    // becomes a field that nobody knows.
    let fields = [0x26, 0xaa, 0x1d, 0x26];
    let at = bytes.windows(4).rposition(|window| window == fields);
    bytes[at.unwrap() + 3] = 0xe6;
    fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap();
    let out = format!("{path}.csv");
    for args in [
        &["convert", path, &out][..],
        &["train", path, "--features", "gaps"],
    ] {
        let output = neuralnet(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            format!(
                "neuralnet: {path}: cannot be read (its parts disagree); it is damaged, cut short, or not a Parquet file: write or copy it again\n"
            ),
            "{args:?}"
        );
    }
}

/// Whatever is done to a file's bytes, reading ends, without a panic; and what is read is what was written, where the
/// bytes of the values are, or have checksums. Names have none, nor has the type of a column.
#[test]
fn mutated_files_are_refused_or_read() {
    let folder = folder("mutated");
    fs::write(folder.join("x-labels.idx"), idx(&[6], &[1; 6])).unwrap();
    let of = |name: &str| fs::read(made(name)).unwrap();
    let pictures = idx(&[6, 2, 2], &(0..24).map(|at| 10 * at).collect::<Vec<u8>>());
    let feather = folder.join("x.feather");
    convert(&made("snappy.parquet"), None, &feather).unwrap();
    let feather = fs::read(&feather).unwrap();
    for (name, bytes, header) in [
        ("i4_big_fortran.npy", of("i4_big_fortran.npy"), 128),
        ("stored.npz", of("stored.npz"), 0),
        ("deflated.npz", of("deflated.npz"), 0),
        ("snappy.parquet", of("snappy.parquet"), 0),
        ("none.parquet", of("none.parquet"), 0),
        ("pages_v2.parquet", of("pages_v2.parquet"), 0),
        ("x-images.idx", pictures, 16),
        ("mutated.feather", feather, 8),
    ] {
        mutate(&folder.join(name), &bytes, header);
    }
}

/// 1000 mutations of the file `bytes`, whose values have no checksum where they follow a `header`.
fn mutate(path: &Path, bytes: &[u8], header: usize) {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let out = path.with_file_name("out.csv");
    let read = |bytes: &[u8]| {
        fs::write(path, bytes).unwrap();
        convert(path, None, &out).ok()?;
        let text = fs::read_to_string(&out).unwrap();
        let (_, rows) = text.split_once('\n').unwrap();
        Some(rows.to_owned())
    };
    let original = read(bytes).unwrap();
    let (mut n_read, mut n_same, mut other) = (0, 0, Vec::new());
    for round in 0..1000 {
        let mut mutated = bytes.to_vec();
        for _ in 0..=random(2) {
            let end = if header > 0 && round % 2 == 0 {
                header
            } else {
                bytes.len()
            };
            let at = random(end.min(mutated.len()));
            match random(8) {
                0 => mutated.truncate(at + 1),
                1 => mutated.insert(at, u8::try_from(random(256)).unwrap()),
                2 if mutated.len() > 1 => drop(mutated.remove(at)),
                3 | 4 => mutated[at] = u8::try_from(random(256)).unwrap(),
                _ => mutated[at] ^= 1 << random(8),
            }
        }
        let Some(rows) = read(&mutated) else {
            continue;
        };
        n_read += 1;
        if rows == original {
            n_same += 1;
        } else if header == 0 || mutated[header..] == bytes[header..] {
            other.push(rows);
        }
    }
    let name = path.file_name().unwrap().display();
    assert!(
        other.is_empty(),
        "{name}: {n_read} read, {n_same} the same: {other:#?}"
    );
    assert!(n_read > 20 && n_read < 500, "{name}: {n_read} read");
}
