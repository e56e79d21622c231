//! A file larger than 2³² bytes is addressed right to its last value, and is never copied into memory.
//! This is the only test here: what it measures is the memory of the whole process.

use neuralnet_table::TableOptions;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const N_SAMPLES: usize = 120_000_000;
const WIDTH: usize = 9;
const OFFSET: u64 = 128;

/// Bytes of the process that no file stands behind; `None` where the system does not tell.
fn anonymous_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim()
        .strip_suffix(" kB")?
        .parse::<u64>()
        .ok()
        .map(|kib| 1024 * kib)
}

/// What `run` gives, and the most anonymous memory there was meanwhile, seen every millisecond.
fn watched<T>(run: impl FnOnce() -> T) -> (T, u64) {
    let (done, most) = (AtomicBool::new(false), AtomicU64::new(0));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(anonymous_bytes().unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let result = run();
        done.store(true, Ordering::Relaxed);
        result
    });
    (result, most.into_inner())
}

/// A file with holes, whose values are 0 and take no disk, but for the rows `rows`: i, i + 1, ….
fn write(path: &PathBuf, rows: &[usize]) {
    let fields =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({N_SAMPLES}, {WIDTH}), }}");
    let mut file = File::create(path).unwrap();
    file.write_all(b"\x93NUMPY\x01\x00\x76\x00").unwrap();
    file.write_all(format!("{fields:<117}\n").as_bytes())
        .unwrap();
    let start = |row: usize| OFFSET + (4 * WIDTH * row) as u64;
    file.set_len(start(N_SAMPLES)).unwrap();
    for (number, row) in rows.iter().enumerate() {
        file.seek(SeekFrom::Start(start(*row))).unwrap();
        for value in row_values(number) {
            file.write_all(&value.to_le_bytes()).unwrap();
        }
    }
}

/// Of the row written as number `number`.
fn row_values(number: usize) -> [f32; WIDTH] {
    std::array::from_fn(|column| (number * WIDTH + column + 1) as f32 / 64.0)
}

#[test]
fn every_row_beyond_4_gib_counts_and_none_is_copied() {
    let folder = PathBuf::from(crate::common::scratch()).join("npy_large");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("table.npy");
    // The rows around byte 2³¹ and 2³², and the last.
    let around = |byte: u64| usize::try_from((byte - OFFSET) / (4 * WIDTH as u64)).unwrap();
    let (gib2, gib4) = (around(1 << 31), around(1 << 32));
    let rows = [gib2, gib2 + 1, gib4, gib4 + 1, N_SAMPLES - 1];
    write(&path, &rows);

    let before = anonymous_bytes();
    let (dataset, most) =
        watched(|| crate::common::tables::open(&path, &TableOptions::default()).unwrap());
    let bytes = dataset.bytes();
    assert_eq!(bytes, 4_320_000_000, "the size of the table");
    if let Some(before) = before {
        let allowed = 64 << 20;
        assert!(
            most > 0 && most < before + allowed,
            "{most} bytes, from {before}"
        );
    }

    let n_inputs = WIDTH - 1;
    let stored = dataset.stored().unwrap();
    for first in [0, gib2 - 1, gib4 - 1, gib4 - gib2, N_SAMPLES - 3] {
        let (mut inputs, mut targets) = (vec![f32::NAN; 3 * n_inputs], vec![f32::NAN; 3]);
        dataset.read(first..first + 3, &mut inputs, &mut targets);
        let in_place = stored.rows(first..first + 3);
        for (at, row) in (first..first + 3).enumerate() {
            let number = rows.iter().position(|other| *other == row);
            let expected = number.map_or([0.0; WIDTH], row_values);
            let (x, t) = expected.split_at(n_inputs);
            assert_eq!(inputs[at * n_inputs..][..n_inputs], *x, "row {row}");
            assert_eq!(targets[at..=at], *t, "target of row {row}");
            assert_eq!(
                in_place.inputs[at * WIDTH..][..n_inputs],
                *x,
                "row {row} in place"
            );
            assert_eq!(
                in_place.targets[at * WIDTH..][..1],
                *t,
                "target of row {row} in place"
            );
        }
    }
    drop(dataset);

    let mut file = File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::End(-4)).unwrap();
    file.write_all(&f32::NAN.to_le_bytes()).unwrap();
    let message = crate::common::tables::open(&path, &TableOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("row 119999999, column `8`: the target is missing"),
        "{message}"
    );
    std::fs::remove_file(&path).unwrap();
}
