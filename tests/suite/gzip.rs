//! A compressed table is the table.

use crate::common::scratch;
use flate2::Compression;
use flate2::write::GzEncoder;
use neuralnet_table::TableOptions;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("gzip");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn packed(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn table(n_rows: usize) -> String {
    let rows = (0..n_rows).map(|row| format!("{row},{}.5,{}\n", row * 7, row % 2));
    rows.collect()
}

#[test]
fn a_compressed_table_is_the_table() {
    let text = format!("a,b,y\n{}", table(50_000));
    fs::write(path("plain.csv"), &text).unwrap();
    let plain = crate::common::tables::open(&path("plain.csv"), &TableOptions::default()).unwrap();
    let half = text.len() / 2;
    let members = [packed(&text[..half]), packed(&text[half..])].concat();
    for (name, bytes) in [("one.csv.gz", packed(&text)), ("two.csv.GZ", members)] {
        fs::write(path(name), bytes).unwrap();
        let unpacked = crate::common::tables::open(&path(name), &TableOptions::default()).unwrap();
        assert_eq!(unpacked.stored(), plain.stored(), "{name}");
        assert_eq!(unpacked.input_names(), plain.input_names(), "{name}");
    }
}

/// Every format is unpacked, and held against its name only then.
#[test]
fn other_formats_are_unpacked_too() {
    fs::write(path("other.csv"), format!("a,b,y\n{}", table(50))).unwrap();
    for name in ["other.npy", "other.npz", "other.parquet", "other.feather"] {
        crate::common::tables::convert(&path("other.csv"), None, &path(name)).unwrap();
        let zip = path(&format!("{name}.gz"));
        fs::write(&zip, packed(fs::read(path(name)).unwrap())).unwrap();
        let [plain, unpacked] = [path(name), zip]
            .map(|path| crate::common::tables::open(&path, &TableOptions::default()).unwrap());
        assert_eq!(unpacked.stored(), plain.stored(), "{name}");
    }
}

#[test]
fn a_damaged_one_is_refused() {
    let text = format!("a,b,y\n{}", table(50_000));
    let bytes = packed(&text);
    let mut flipped = bytes.clone();
    let last = flipped.len() - 6; // in the checksum
    flipped[last] ^= 1;
    for (name, bytes, part) in [
        (
            "short.csv.gz",
            bytes[..bytes.len() / 2].to_vec(),
            "cannot be unpacked by gzip after",
        ),
        (
            "unclosed.csv.gz",
            bytes[..bytes.len() - 3].to_vec(),
            "cannot be unpacked",
        ),
        ("flipped.csv.gz", flipped, "cannot be unpacked"),
        (
            "plain.csv.gz",
            text.clone().into_bytes(),
            "or not such a file",
        ),
        ("empty.csv.gz", Vec::new(), "empty"),
        ("packed.csv", bytes.clone(), "ends in .gz"),
        (
            "cell.csv.gz",
            packed("a,b,y\n1,2,0\n1,x,0\n"),
            "cell.csv.gz:3: column `b`",
        ),
    ] {
        fs::write(path(name), bytes).unwrap();
        let refused = crate::common::tables::open(&path(name), &TableOptions::default())
            .expect_err(name)
            .to_string();
        assert!(refused.contains(part), "{name}: {refused}");
    }
}
