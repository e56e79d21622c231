//! What is written is read as what it was, or said to be otherwise.

use super::{convert, not_marked, order};
use crate::options::TextOptions;
use crate::reader::Columns;
use crate::write::writer::{Format, TableWriter};
use arrow_array::{ArrayRef, Date32Array, Float32Array, RecordBatch};
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
