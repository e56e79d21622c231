//! Random texts, held against a plain reading of them.

use super::{File, all, numbers};
use crate::options::TextOptions;
use crate::reader::{Kind, Reader};
use arrow_array::cast::AsArray;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// A number as people and programs write it.
fn written(random: &mut SmallRng) -> String {
    let (whole, part) = (
        random.random_range(0..100_000),
        random.random_range(0..1 << 30),
    );
    match random.random_range(0..7) {
        0 => format!("{whole}"),
        1 => format!("-{whole}.{part:09}{part}{whole}"),
        2 => format!("+.{part}e-{}", part % 330),
        3 => format!("{whole}.E{}", part % 290),
        4 => [
            "-0",
            "5e-324",
            "1.7976931348623157e308",
            "9007199254740993",
            "007",
        ][part % 5]
            .to_owned(),
        _ => Some(f64::from_bits(random.random()))
            .filter(|value| value.is_finite())
            .unwrap_or(0.5)
            .to_string(),
    }
}

#[test]
fn numbers_have_the_bits_of_the_standard_library() {
    let mut random = SmallRng::seed_from_u64(1);
    let (mut text, mut expected) = ("a,b\n".to_owned(), Vec::new());
    for row in 0..60_000 {
        let number = written(&mut random);
        expected.push(number.parse::<f64>().expect("a number").to_bits());
        let cell = match random.random_range(0..4) {
            0 => format!(" {number}\t"),
            1 => format!("\"{number}\""),
            _ => number,
        };
        text += &format!("{cell},{row}\r\n");
    }
    let mut csv = File::new(text)
        .open(&TextOptions::default())
        .expect("a header");
    let batches = all(&mut csv, Kind::Number).expect("numbers");
    assert!(batches.len() > 3, "several pieces");
    let found: Vec<u64> = numbers(&batches, 0).into_iter().map(f64::to_bits).collect();
    assert!(found == expected, "the same bits");
}

/// Cells over several lines, blank lines, quotes that are letters: wherever pieces and spans end.
#[test]
fn rows_and_their_lines_are_the_same_in_pieces_and_spans() {
    let mut random = SmallRng::seed_from_u64(2);
    let (mut text, mut expected, mut line) = ("n,note\n".to_owned(), Vec::new(), 2);
    for row in 0..40_000 {
        let (note, n_lines) = match random.random_range(0..400) {
            0 => ("\"a,\n\"\"b\"\"\n\nc\"".to_owned(), 4),
            1 => ("5\" wide".to_owned(), 1),
            2 => ("\n".to_owned(), 2),
            3 => (format!("\"{}\"", "x\n".repeat(5000)), 5001),
            _ => ("z".repeat(random.random_range(0..30)), 1),
        };
        text += &format!("{row},{note}\n");
        expected.push((f64::from(row), line));
        line += n_lines;
    }
    let file = File::new(text);
    let wanted = [(0, Kind::Number), (1, Kind::Text), (0, Kind::Text)];
    for n_rows in [usize::MAX, 1000, 7777] {
        let mut csv = file.open(&TextOptions::default()).expect("a header");
        let mut found = Vec::new();
        loop {
            let batches = csv.read(&wanted, n_rows).expect("rows");
            let n_read: usize = batches.iter().map(|batch| batch.n_rows).sum();
            assert!(n_read <= n_rows, "{n_read} of {n_rows} rows");
            for batch in &batches {
                let first = found.len();
                let lines = (0..batch.n_rows).map(|row| batch.places.line(row).expect("a line"));
                found.extend(
                    numbers(std::slice::from_ref(batch), 0)
                        .into_iter()
                        .zip(lines),
                );
                assert_eq!(
                    batch.columns[2].as_string::<i64>().value(0),
                    found[first].0.to_string()
                );
            }
            if batches.is_empty() {
                break;
            }
        }
        assert!(found == expected, "spans of {n_rows}");
    }
}

/// Whatever is done to a text, no row is lost: as many are read as a plain automaton counts, or it is refused.
#[test]
fn no_row_of_a_mutated_text_is_lost() {
    let text = "age,port,\"fare, paid\",class\n1,S,0.5,a\n,C,2,b\n3,\"Q, or\nso\",,a\n4,\"the \"\"port\"\"\",1e3,b\n";
    let (mut random, mut n_read) = (SmallRng::seed_from_u64(4), 0);
    for round in 0..4000 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=random.random_range(0..2) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..5) {
                0 => bytes.truncate(at + 1),
                1 => bytes.insert(at, b" ,\"\n\r;\t0-e"[random.random_range(0..10)]),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                3 => bytes[at] = random.random(),
                _ => bytes[at] ^= 1 << random.random_range(0..8),
            }
        }
        let options = TextOptions {
            separator: Some(','),
            header: Some(true),
            ..TextOptions::default()
        };
        let file = File::new(&bytes);
        let read = file
            .open(&options)
            .and_then(|mut csv| all(&mut csv, Kind::Text));
        let Ok(batches) = read else { continue };
        n_read += 1;
        let (mut in_quotes, mut is_start, mut is_blank, mut n_rows) = (false, true, true, 0);
        // Where no line feed is, a carriage return ends a line.
        let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
        for byte in bytes.iter().chain(&[end]) {
            match byte {
                byte if *byte == end && !in_quotes => {
                    n_rows += usize::from(!is_blank);
                    (is_start, is_blank) = (true, true);
                    continue;
                }
                b'"' if in_quotes || is_start => in_quotes ^= true,
                _ => {}
            }
            is_start = *byte == b',' && !in_quotes
                || is_start && (byte.is_ascii_whitespace() || in_quotes);
            is_blank &= byte.is_ascii_whitespace();
            // A quote behind the first one may be the second half of a doubled one.
            is_start |= *byte == b'"';
        }
        let n_found: usize = batches.iter().map(|batch| batch.n_rows).sum();
        assert_eq!(
            n_found + 1,
            n_rows,
            "round {round}: {}",
            bytes.escape_ascii()
        );
    }
    assert!(n_read > 1000, "{n_read} read");
}
