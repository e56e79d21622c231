//! CSV files: the same numbers as the `csv` crate and the standard library read, the same errors for any number of
//! threads, and no file that makes reading panic, hang, or lose a row.

use crate::common::{Random, scratch};
use flate2::Compression;
use flate2::write::GzEncoder;
use neuralnet::Dataset;
use neuralnet_table::{Error, TableOptions, TextOptions};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("csv");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

impl Random {
    fn digits(&mut self, n: usize) -> String {
        (0..n)
            .map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap()))
            .collect()
    }

    /// A number in one of its spellings.
    fn number(&mut self) -> String {
        let sign = self.of(&["", "", "", "-", "+"]);
        let (whole, part) = (self.below(12), self.below(22));
        let (whole, part) = (self.digits(whole), self.digits(part));
        let exponent = match self.below(4) {
            0 => format!(
                "{}{}{}",
                self.of(&["e", "E"]),
                self.of(&["", "-", "+"]),
                self.below(25)
            ),
            _ => String::new(),
        };
        match self.below(8) {
            0 => self
                .of(&[
                    "0",
                    "1",
                    "-0",
                    ".5",
                    "5.",
                    "00",
                    "1e-45",
                    "3.4028235e38",
                    "16777217",
                ])
                .to_owned(),
            1 => f32::from_bits(u32::try_from(self.below(0x7F80_0000)).unwrap()).to_string(),
            2 => format!("{sign}{}", self.below(1000)),
            3 => format!("{sign}{}.{}", self.below(100), self.below(10_000)),
            4 => format!("{sign}0.{part}1{exponent}"),
            _ => format!("{sign}1{whole}.{part}{exponent}"),
        }
    }

    /// A cell that is none, or not a finite one.
    fn broken(&mut self) -> String {
        self.of(&[
            "x",
            "1x",
            "--1",
            "1e",
            "1.2.3",
            ".",
            "-",
            "NaN",
            "inf",
            "1e39",
            "0x1",
            "1_0",
            "\"1\"\"\"",
            "1;2",
            "é",
            "\"1,5\"",
        ])
        .to_owned()
    }

    fn cell(&mut self) -> String {
        let cell = self.number();
        match self.below(12) {
            0 => format!(" {cell}"),
            1 => format!("{cell}\t "),
            2 => format!("\"{cell}\""),
            _ => cell,
        }
    }
}

/// What is in a file: the bits of its rows, or the first place where it is wrong, a line and a column.
#[derive(Debug, PartialEq)]
enum Content {
    Rows(Vec<u32>),
    Wrong(u64, Option<String>),
}

/// The lines of a file, each read by the `csv` crate, and each cell by the standard library.
fn expected(text: &str) -> Content {
    let mut rows = Vec::new();
    let mut names: Option<Vec<String>> = None;
    for (line, text) in (1..).zip(text.split('\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        let cells: Vec<String> = record
            .iter()
            .map(|cell| cell.trim_ascii().to_owned())
            .collect();
        let Some(names) = &names else {
            names = Some(cells);
            continue;
        };
        if cells.len() != names.len() {
            return Content::Wrong(line, None);
        }
        for (cell, name) in cells.iter().zip(names) {
            match cell.parse::<f64>().map(nearest) {
                Ok(value) if value.is_finite() => rows.push(value.to_bits()),
                _ => return Content::Wrong(line, Some(name.clone())),
            }
        }
    }
    Content::Rows(rows)
}

/// Files with commas and a header, of which only empty cells are missing; numbers as they are.
fn options() -> TableOptions {
    TableOptions {
        text: TextOptions {
            separator: Some(','),
            header: Some(true),
            missing: Some(Vec::new()),
            ..TextOptions::default()
        },
        keep_zero: true,
        ..TableOptions::default()
    }
}

/// A number as a feature.
#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is wanted")]
fn nearest(number: f64) -> f32 {
    number as f32
}

fn bits(dataset: &Dataset) -> Vec<u32> {
    let (n_samples, n_inputs) = (dataset.n_samples(), dataset.n_inputs());
    let (mut x, mut t) = (vec![0.0; n_samples * n_inputs], vec![0.0; n_samples]);
    dataset.read(0..n_samples, &mut x, &mut t);
    let rows = x.chunks_exact(n_inputs).zip(&t);
    rows.flat_map(|(x, t)| {
        x.iter()
            .chain([t])
            .map(|value| value.to_bits())
            .collect::<Vec<_>>()
    })
    .collect()
}

/// The same of this program; the target is the last column, so its rows are the file's.
fn found(read: Result<Dataset, Error>) -> Content {
    match read {
        Ok(dataset) => Content::Rows(bits(&dataset)),
        Err(Error::Table { place, .. }) => match place.line {
            Some(line) => Content::Wrong(line, place.column),
            None => panic!("no line: {place}"),
        },
        Err(other) => panic!("{other}"),
    }
}

/// A file of 2 to 31 rows, one in three broken somewhere.
fn file(random: &mut Random) -> String {
    let width = 2 + random.below(5);
    let line_end = random.of(&["\n", "\r\n"]);
    let header: Vec<String> = (0..width).map(|column| format!("c{column}")).collect();
    let mut lines = vec![header.join(",")];
    for row in 0..2 + random.below(30) {
        if random.below(10) == 0 {
            lines.push(random.of(&["", " ", "\t"]).to_owned());
        }
        let mut cells: Vec<String> = (1..width).map(|_| random.cell()).collect();
        // A target that is the same in every row would be refused.
        cells.push(row.to_string());
        lines.push(cells.join(","));
    }
    if random.below(3) == 0 {
        let at = 1 + random.below(lines.len() - 1);
        let mut cells: Vec<String> = lines[at].split(',').map(str::to_owned).collect();
        let cell = random.below(cells.len());
        match random.below(4) {
            0 => drop(cells.remove(cell)),
            1 => cells.push("1".to_owned()),
            _ => cells[cell] = random.broken(),
        }
        lines[at] = cells.join(",");
    }
    let end = if random.below(3) == 0 { "" } else { line_end };
    lines.join(line_end) + end
}

#[test]
fn files_are_read_as_the_csv_crate_and_the_standard_library_do() {
    let mut random = Random::new(1);
    let path = path("random.csv");
    let (mut n_read, mut n_refused) = (0, 0);
    for round in 0..10_000 {
        let text = file(&mut random);
        fs::write(&path, &text).unwrap();
        let expected = expected(&text);
        // A text among the numbers of the target is told by its line and column as well.
        let found = found(crate::common::tables::open(&path, &options()));
        match &expected {
            Content::Rows(_) => n_read += 1,
            Content::Wrong(..) => n_refused += 1,
        }
        assert_eq!(found, expected, "round {round}: {text}");
    }
    assert!(
        n_read > 5000 && n_refused > 2000,
        "{n_read} read, {n_refused} refused"
    );
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(work)
}

/// Several pieces, with texts that first stand in different ones, and of two errors the first.
#[test]
fn the_number_of_threads_changes_nothing() {
    let mut random = Random::new(2);
    let mut lines = vec!["a,kind,b,y".to_owned()];
    for row in 0..60_000 {
        let kind = random.below(1 + row / 1000);
        let (a, b) = (random.cell(), random.cell());
        lines.push(format!(
            "{a},k{kind},{b},{}",
            ["no", "yes"][random.below(2)]
        ));
        if random.below(100) == 0 {
            lines.push(String::new());
        }
    }
    let path = path("threads.csv");
    let options = TableOptions {
        one_hot: vec!["kind".to_owned()],
        ..TableOptions::default()
    };
    let read = |lines: &[String]| {
        fs::write(&path, lines.join("\n")).unwrap();
        [1, 2, 7].map(|threads| {
            with_threads(threads, || {
                match crate::common::tables::open(&path, &options) {
                    Ok(dataset) => Ok((dataset.input_names().to_vec(), bits(&dataset))),
                    Err(error) => Err(error.to_string()),
                }
            })
        })
    };
    let [one, two, seven] = read(&lines);
    let (names, _) = one.as_ref().unwrap();
    assert_eq!(names.len(), 62, "a, b, and 60 texts");
    assert!(one == two && one == seven, "rows");
    let (first, second) = (40_000, 55_000);
    lines[second] = "1,k1,x,yes".to_owned();
    lines[first] = "1,k1".to_owned();
    let [one, two, seven] = read(&lines);
    let refused = one.as_ref().unwrap_err();
    assert!(
        refused.contains(&format!("threads.csv:{}: has 2 of 4 cells", first + 1)),
        "{refused}"
    );
    assert!(one == two && one == seven, "the first error");
}

/// A piece ends at each possible place of a line, in a file of several.
#[test]
fn lines_across_pieces_are_whole() {
    let path = path("pieces.csv");
    for length in [1, 2, 63, 1000] {
        let pad = " ".repeat(length);
        let rows = (0..900_000 / (length + 10)).map(|row| format!("{row},{pad}{}\r\n", row % 2));
        fs::write(&path, "a,y\n".to_owned() + &rows.collect::<String>()).unwrap();
        let dataset = crate::common::tables::open(&path, &TableOptions::default()).unwrap();
        let expected: Vec<u32> = (0..900_000 / (length + 10))
            .flat_map(|row| [row as f32, (row % 2) as f32].map(f32::to_bits))
            .collect();
        assert!(bits(&dataset) == expected, "padded by {length}");
        let last = dataset.n_samples() - 1;
        assert!(
            dataset
                .input_place(last, 0)
                .contains(&format!(":{}:", last + 2)),
            "its line"
        );
    }
}

/// A table of every kind of column: numbers, gaps, texts, classes.
fn table() -> String {
    let mut random = Random::new(3);
    let mut text = "age,port,\"fare, paid\",class\n".to_owned();
    for _ in 0..40 {
        let age = if random.below(5) == 0 {
            String::new()
        } else {
            random.below(90).to_string()
        };
        let port = random.of(&["S", "C", "\"Q, or so\"", "\"the \"\"port\"\"\""]);
        text += &format!(
            "{age},{port},{}.{},{}\n",
            random.below(500),
            random.below(100),
            random.of(&["1st", "2nd", "3rd"])
        );
    }
    text
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(2) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 => bytes.truncate(at + 1),
            1 => bytes.insert(at, random.byte()),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            3 | 4 => bytes[at] = b" ,\"\n\r0123456789.-e"[random.below(18)],
            5 => bytes[at] = random.byte(),
            _ => bytes[at] ^= 1 << random.below(8),
        }
    }
    bytes
}

/// What is read of mutated files is what stands in them: each row of numbers, texts and gaps, found independently.
#[test]
fn whatever_is_written_into_a_file_no_row_is_lost_and_no_value_changed() {
    let table = table();
    let mut random = Random::new(4);
    let options = TableOptions {
        one_hot: vec!["port".to_owned()],
        impute: Some(neuralnet_table::Impute::Zero),
        ..options()
    };
    let (mut n_read, mut n_refused) = (0, 0);
    for round in 0..7000 {
        let compressed = round % 7 == 0;
        let text = mutated(table.as_bytes(), &mut random);
        let (name, bytes) = match compressed {
            // Half of these are damaged as they are packed, half before.
            true if round % 2 == 0 => (
                "mutated.csv.gz",
                mutated(&packed(table.as_bytes()), &mut random),
            ),
            true => ("mutated.csv.gz", packed(&text)),
            false => ("mutated.csv", text.clone()),
        };
        let path = path(name);
        fs::write(&path, &bytes).unwrap();
        let text = if compressed && round % 2 == 0 {
            table.clone().into_bytes()
        } else {
            text
        };
        match crate::common::tables::open(&path, &options) {
            Ok(dataset) => {
                n_read += 1;
                assert_as_written(&dataset, &text);
            }
            Err(error) => {
                n_refused += 1;
                let told = error.to_string();
                let is_placed = told.starts_with(path.to_str().unwrap());
                // A column that was asked for may have lost its name.
                assert!(
                    is_placed || matches!(error, Error::Setting { .. }),
                    "{told}"
                );
            }
        }
    }
    assert!(
        n_read > 1000 && n_refused > 1000,
        "{n_read} read, {n_refused} refused"
    );
}

/// A data set holds the rows of `text`: ages, 0 where there is none; ports, one of the columns each; fares; classes.
fn assert_as_written(dataset: &Dataset, text: &[u8]) {
    let shown = text.escape_ascii();
    let rows = &rows(text)[1..];
    assert_eq!(dataset.n_samples(), rows.len(), "{shown}");
    let names = dataset.input_names();
    let classes = dataset.classes().map(|classes| &classes.names);
    let (n_inputs, width) = (dataset.n_inputs(), dataset.n_outputs());
    let (mut x, mut t) = (
        vec![0.0; rows.len() * n_inputs],
        vec![0.0; rows.len() * width],
    );
    dataset.read(0..rows.len(), &mut x, &mut t);
    for ((row, x), t) in rows
        .iter()
        .zip(x.chunks_exact(n_inputs))
        .zip(t.chunks_exact(width))
    {
        let number = |text: &str| -> f32 {
            if text.is_empty() {
                0.0
            } else {
                nearest(text.parse().unwrap())
            }
        };
        for (at, (name, x)) in names.iter().zip(x).enumerate() {
            let expected = match at {
                0 => number(&row[0]),
                _ if at == n_inputs - 1 => number(&row[2]),
                _ => f32::from(*name == format!("port={}", row[1])),
            };
            assert_eq!(
                x.to_bits(),
                expected.to_bits(),
                "{name} of {row:?}: {shown}"
            );
        }
        let expected: Vec<f32> = match classes {
            // Cut short, a file may hold a number there.
            None => vec![number(&row[3])],
            Some(classes) if width == 1 => vec![f32::from(classes[1] == row[3])],
            Some(classes) => classes
                .iter()
                .map(|class| f32::from(*class == row[3]))
                .collect(),
        };
        assert_eq!(t, expected, "class of {row:?}: {shown}");
    }
}

/// The cells of all rows by a plain automaton: what begins with a quote is quoted.
fn rows(text: &[u8]) -> Vec<Vec<String>> {
    let mut rows = vec![vec![Vec::new()]];
    let (mut is_quoted, mut in_quotes) = (false, false);
    for byte in text {
        let row = rows.last_mut().unwrap();
        let cell = row.last_mut().unwrap();
        is_quoted |= *byte == b'"' && cell.trim_ascii().is_empty();
        in_quotes ^= *byte == b'"' && is_quoted;
        match byte {
            b',' if !in_quotes => row.push(Vec::new()),
            b'\n' if !in_quotes => rows.push(vec![Vec::new()]),
            _ => {
                cell.push(*byte);
                continue;
            }
        }
        is_quoted = false;
    }
    let cell = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        let text = text.trim_ascii();
        match text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
        {
            Some(quoted) => quoted.trim_ascii().replace("\"\"", "\""),
            None => text.to_owned(),
        }
    };
    let is_blank = |row: &Vec<Vec<u8>>| row.len() == 1 && row[0].trim_ascii().is_empty();
    rows.retain(|row| !is_blank(row));
    let cells = rows
        .into_iter()
        .map(|row| row.into_iter().map(cell).collect());
    cells.collect()
}

/// What is read from a pipe that gives `text` once.
#[cfg(unix)]
fn piped(name: &str, text: String) -> Result<Dataset, Error> {
    let path = path(name);
    let _ = fs::remove_file(&path);
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success(), "a pipe was made");
    let pipe = path.clone();
    let writer = std::thread::spawn(move || fs::write(Path::new(&pipe), text).unwrap());
    let read = crate::common::tables::open(&path, &TableOptions::default());
    writer.join().unwrap();
    read
}

/// A pipe is read to its end, and a table of any length from it; and once, whatever is wrong with it.
#[cfg(unix)]
#[test]
fn a_pipe_is_read_whole() {
    let rows = |last: &str| {
        let rows = (0..200_000).map(|row| format!("{row},{}\n", row % 2));
        format!("a,y\n{}{last}", rows.collect::<String>())
    };
    let refused = piped("texts.csv", rows("red,1\n")).unwrap_err().to_string();
    assert!(
        refused.contains("`red` is not a number; `one_hot` a"),
        "{refused}"
    );
    let dataset = piped("pipe.csv", rows("")).unwrap();
    assert_eq!(dataset.n_samples(), 200_000);
    let reading = dataset.reading().unwrap();
    assert_eq!(reading.bytes, 1_688_894, "every byte is counted");
    assert!(reading.seconds > 0.0, "and takes its time");
}
