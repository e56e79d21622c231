//! What is written is read as what it was, or said to be otherwise.

use super::{convert, not_marked, order};
use crate::options::TextOptions;
use crate::reader::Columns;
use crate::write::writer::{Format, TableWriter};
use ::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMillisecondType};
use arrow_array::{
    ArrayRef, Date32Array, Date64Array, Decimal128Array, Float32Array, Int64Array, RecordBatch,
    Time32SecondArray, TimestampSecondArray,
};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

/// Integers past 2^53, texts with quotes and line ends, gaps: through every format that has them and back.
#[test]
fn every_value_comes_back() {
    let folder = std::env::temp_dir().join(format!("{}-convert", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name);
    let text = "id,x,kind,ok\n9007199254740993,0.1,\"a, \"\"b\"\"\nc\",True\n-1,1e-300,,False\n3,,01,True\n";
    fs::write(path("0.csv"), text).unwrap();
    let endings = ["parquet", "csv.gz", "feather", "csv.zst", "arrow", "csv"];
    let mut from = path("0.csv");
    for ending in endings {
        let to = path(&format!("1.{ending}"));
        convert(&from, None, &TextOptions::default(), &to).unwrap();
        from = to;
    }
    assert_eq!(fs::read_to_string(from).unwrap(), text);
    fs::remove_dir_all(folder).unwrap();
}

/// An array has one type: the narrowest that holds every number, and none if numbers need both.
#[test]
fn arrays_are_as_narrow_as_their_numbers_allow() {
    let folder = std::env::temp_dir().join(format!("{}-narrow", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [csv, npy] = ["a.csv", "a.npy"].map(|name| folder.join(name));
    for (cells, descr) in [
        ("0.5,16777216", "<f4"),
        ("0.5,16777217", "<f8"),
        ("0.1,1", "<f8"),
        ("1,9007199254740993", "<i8"),
    ] {
        fs::write(&csv, format!("a,b\n{cells}\n")).unwrap();
        convert(&csv, None, &TextOptions::default(), &npy).unwrap();
        let header = String::from_utf8_lossy(&fs::read(&npy).unwrap()[..80]).into_owned();
        assert!(header.contains(descr), "{cells}: {header}");
    }
    for (cells, part) in [
        (
            "0.5,9007199254740993",
            "column `b` has numbers of more digits",
        ),
        ("1,", "row 0, column `b`: the cell is empty"),
        ("1,x", "column `b` is of texts"),
    ] {
        fs::write(
            &csv,
            format!(
                "a,b\n{cells}\n2,{}\n",
                if cells.ends_with('x') { "y" } else { "3" }
            ),
        )
        .unwrap();
        let refused = convert(&csv, None, &TextOptions::default(), &npy).unwrap_err();
        assert!(refused.to_string().contains(part), "{refused}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn csv_holds_numbers_of_single_precision_and_no_times_that_it_cannot_have() {
    let folder = std::env::temp_dir().join(format!("{}-exact", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, column: ArrayRef| {
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let file = fs::File::create(folder.join(name)).unwrap();
        let mut writer = TableWriter::begin(Format::Parquet, &file, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let to = folder.join("a.csv");
        let converted = convert(&folder.join(name), None, &TextOptions::default(), &to);
        converted.map(|_| fs::read_to_string(to).unwrap())
    };
    let numbers = write("f4.parquet", Arc::new(Float32Array::from(vec![1.1, 0.5])));
    assert_eq!(numbers.unwrap(), "a\n1.100000023841858\n0.5\n");
    let far = write(
        "far.parquet",
        Arc::new(Date32Array::from(vec![19_000, 100_000_000])),
    );
    let refused = far.unwrap_err().to_string();
    assert!(
        refused.contains("row 1, column `a`: the time is beyond"),
        "{refused}"
    );
    fs::remove_dir_all(folder).unwrap();
}

/// Names with white space at their ends, and what is text in CSV alone.
#[test]
fn names_and_times_that_csv_does_not_keep_are_told() {
    let folder = std::env::temp_dir().join(format!("{}-names", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [feather, csv] = ["a.feather", "a.csv"].map(|name| folder.join(name));
    let days = || Arc::new(Date32Array::from(vec![1, 2]));
    let converted = |names: [&str; 2]| {
        let columns = names.map(|name| (name, days() as ArrayRef));
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = fs::File::create(&feather).unwrap();
        let mut writer = TableWriter::begin(Format::Feather, &file, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        convert(&feather, None, &TextOptions::default(), &csv)
    };
    let told = converted([" x", "y"]).unwrap().notices;
    let expected = [
        "dates, times and durations become texts: ` x`, `y`",
        ".csv does not keep white space at the ends of the names ` x`",
    ];
    assert_eq!(told, expected);
    let refused = converted([" x", "x"]).unwrap_err().to_string();
    let part = "the columns ` x` and `x` have one name in .csv";
    assert!(refused.contains(part), "{refused}");
    fs::remove_dir_all(folder).unwrap();
}

/// The last column is the target unless another one is named, and a column without a name is left out.
#[test]
fn what_is_left_out_is_told_and_is_not_the_target() {
    let mut columns = Columns::named(["", "a", "y", "myid"].map(str::to_owned).to_vec());
    columns.is_hidden[3] = true;
    assert_eq!(order(&columns), [3, 0, 1, 2]);
    for (format, lost) in [
        (Some(Format::Csv), "left out: `myid`"),
        (Some(Format::Npy), "left out: `#1`, `myid`"),
        (None, "left out: `#1`, `myid`"),
    ] {
        let told = not_marked(&columns, format);
        assert!(told.len() == 1 && told[0].ends_with(lost), "{told:?}");
    }
    let folder = std::env::temp_dir().join(format!("{}-unnamed", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut from = folder.join("0.csv");
    let text = ",a,y\n0,0.5,1.5\n1,2.5,3.5\n";
    fs::write(&from, text).unwrap();
    for ending in ["parquet", "feather", "csv"] {
        let to = folder.join(format!("1.{ending}"));
        let told = convert(&from, None, &TextOptions::default(), &to)
            .unwrap()
            .notices;
        let part = "columns without a name are called by their places";
        assert!(told.len() == 1 && told[0].starts_with(part), "{told:?}");
        from = to;
    }
    assert_eq!(fs::read_to_string(from).unwrap(), text);
    fs::remove_dir_all(folder).unwrap();
}

/// Parquet has no times in seconds, and no dates in milliseconds: they are written in units that any reader knows.
#[test]
fn times_have_a_type_that_parquet_has() {
    let folder = std::env::temp_dir().join(format!("{}-times", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [feather, parquet] = ["a.feather", "a.parquet"].map(|name| folder.join(name));
    let zone: Option<Arc<str>> = Some("America/New_York".into());
    let second = 1_704_110_400;
    let table = |days: Vec<i64>| {
        let in_zone = TimestampSecondArray::from(vec![second, 0]).with_timezone_opt(zone.clone());
        let columns: [(&str, ArrayRef); 4] = [
            (
                "when",
                Arc::new(TimestampSecondArray::from(vec![second, -1])),
            ),
            ("there", Arc::new(in_zone)),
            ("clock", Arc::new(Time32SecondArray::from(vec![1, 86_399]))),
            ("day", Arc::new(Date64Array::from(days))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let converted = |table: &RecordBatch| {
        let file = fs::File::create(&feather).unwrap();
        let mut writer = TableWriter::begin(Format::Feather, &file, &table.schema()).unwrap();
        writer.write(table).unwrap();
        writer.finish().unwrap();
        convert(&feather, None, &TextOptions::default(), &parquet)
    };
    converted(&table(vec![86_400_000, -86_400_000])).unwrap();
    // By the types of Parquet alone, as a reader sees them that knows none of Arrow's.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let file = fs::File::open(&parquet).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let read = reader.build().unwrap().next().unwrap().unwrap();
    let in_ms = |zone| DataType::Timestamp(TimeUnit::Millisecond, zone);
    let expected = [
        in_ms(None),
        in_ms(Some("UTC".into())),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Date32,
    ];
    for (column, data_type) in read.columns().iter().zip(expected) {
        assert_eq!(*column.data_type(), data_type);
    }
    let when = read.column(0).as_primitive::<TimestampMillisecondType>();
    assert_eq!(when.values()[..], [1000 * second, -1000]);
    assert_eq!(
        read.column(3).as_primitive::<Date32Type>().values()[..],
        [1, -1]
    );
    let refused = converted(&table(vec![1, 0])).unwrap_err().to_string();
    assert!(
        refused.contains("`day` has dates with a time of day"),
        "{refused}"
    );
    fs::remove_dir_all(folder).unwrap();
}

/// What the bytes of a column stand for, if Arrow has no type for it, and what an array makes of decimals.
#[test]
fn types_that_are_taken_for_others_are_told() {
    let folder = std::env::temp_dir().join(format!("{}-types", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [feather, npy] = ["a.feather", "a.npy"].map(|name| folder.join(name));
    let extension = ("ARROW:extension:name", "pandas.period");
    let extension =
        HashMap::from([extension].map(|(key, value)| (key.to_owned(), value.to_owned())));
    let decimals = Decimal128Array::from(vec![10, 25]).with_precision_and_scale(9, 1);
    let schema = Schema::new(vec![
        Field::new("month", DataType::Int64, false).with_metadata(extension),
        Field::new("price", DataType::Decimal128(9, 1), false),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![600, 601])),
        Arc::new(decimals.unwrap()),
    ];
    let table = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    let file = fs::File::create(&feather).unwrap();
    let mut writer = FileWriter::try_new(file, &table.schema()).unwrap();
    writer.write(&table).unwrap();
    writer.finish().unwrap();
    let told = convert(&feather, None, &TextOptions::default(), &npy).unwrap();
    for part in [
        "column `month` is of the type `pandas.period`, which is taken as the Int64",
        "decimals become the nearest float64: `price`",
    ] {
        let is_told = told.notices.iter().any(|notice| notice.contains(part));
        assert!(is_told, "{part}: {:?}", told.notices);
    }
    fs::remove_dir_all(folder).unwrap();
}

/// A table of one column may look as if a space separated several.
#[test]
fn what_one_column_may_be_taken_for_is_told() {
    let folder = std::env::temp_dir().join(format!("{}-one", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [csv, other] = ["a.csv", "b.csv"].map(|name| folder.join(name));
    let comma = TextOptions {
        separator: Some(','),
        ..TextOptions::default()
    };
    fs::write(&csv, "full name\nAnn Lee\nBob Ray\n").unwrap();
    let told = convert(&csv, None, &comma, &other).unwrap().notices;
    assert!(
        told.len() == 1 && told[0].starts_with("`full name` has a sign that may be taken"),
        "{told:?}"
    );
    fs::remove_dir_all(folder).unwrap();
}
