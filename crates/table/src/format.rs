//! The formats of tables, told by the endings of their names and held against their first bytes.

use crate::csv::Csv;
use crate::error::{Error, Result};
use crate::file;
use crate::options::TextOptions;
use crate::reader::Reader;
use crate::{idx, ipc, npy, npz, parquet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes of a file that are looked at.
const FIRST_BYTES: u64 = 1 << 12;

/// What a table is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Also compressed.
    Csv,
    Npy,
    Npz,
    Parquet,
    /// Also compressed by gzip.
    Idx,
    /// Arrow's own, which pandas calls Feather.
    Ipc,
}

impl Format {
    /// The format by the ending of the name; CSV if it is none of the others'.
    fn of(path: &Path) -> Self {
        let name = lowercase_name(path);
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        let plain = plain.strip_suffix(".zst").unwrap_or(plain);
        if plain.ends_with("-ubyte") {
            return Self::Idx;
        }
        match plain.rsplit_once('.').map(|(_, ending)| ending) {
            Some("npy") => Self::Npy,
            Some("npz") => Self::Npz,
            Some("parquet" | "pq") => Self::Parquet,
            Some("idx") => Self::Idx,
            Some("feather" | "arrow" | "ipc") => Self::Ipc,
            _ => Self::Csv,
        }
    }

    /// What is wrong with a file of this format by its name that begins with `bytes`, if those say another.
    fn contradicted(self, bytes: &[u8]) -> Option<String> {
        let is_packed = matches!(self, Self::Csv | Self::Idx);
        let named = |what, ending| format!("is {what}; give it a name that ends in {ending}");
        Some(match bytes {
            [] if self != Self::Csv => "is empty; write or copy it again".to_owned(),
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] if self != Self::Npy => {
                named("a NumPy file", ".npy")
            }
            // No text goes on like that.
            [b'P', b'A', b'R', b'1', 0..=8 | 14..=31, ..] if self != Self::Parquet => {
                named("a Parquet file", ".parquet")
            }
            [b'A', b'R', b'R', b'O', b'W', b'1', 0, 0, ..] if self != Self::Ipc => {
                named("a Feather file", ".feather")
            }
            [0, 0, 8..=14, 1..=255, ..] if self != Self::Idx => named("an IDX file", ".idx"),
            [0x1f, 0x8b, ..] if is_packed => named("a gzip file", ".gz"),
            [0x1f, 0x8b, ..] => "is a gzip file; unpack it with gunzip".to_owned(),
            [0x28, 0xb5, 0x2f, 0xfd, ..] if is_packed => named("compressed by Zstandard", ".zst"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                "is compressed by Zstandard; unpack it with unzstd".to_owned()
            }
            [b'P', b'K', 3, 4, ..] if self == Self::Npz => return None,
            _ => binary(bytes)
                .or_else(|| text(bytes).filter(|_| self == Self::Csv))?
                .to_owned(),
        })
    }
}

/// What a file that no reader reads is by its first bytes, and the way on.
fn binary(bytes: &[u8]) -> Option<&'static str> {
    let holds = |part: &[u8]| memchr::memmem::find(bytes, part).is_some();
    Some(match bytes {
        [b'P', b'K', 3, 4, ..] if holds(b"[Content_Types].xml") || holds(b"xl/") => {
            "is an Excel workbook; save its sheet as CSV"
        }
        [b'P', b'K', 3, 4, ..] => {
            "is a ZIP archive; give it a name that ends in .npz if NumPy wrote it, save it as CSV if it is a spreadsheet, or unpack it"
        }
        [0xd0, 0xcf, 0x11, 0xe0, ..] => "is an old Excel workbook; save its sheet as CSV",
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] => {
            "is compressed by bzip2: unpack it with bunzip2"
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "is compressed by xz: unpack it with unxz",
        [b'7', b'z', 0xbc, 0xaf, ..] => "is a 7z archive; unpack it",
        [0x80, 2..=5, ..] => {
            "is a Python pickle; load it with pandas.read_pickle and write it with `to_parquet`, or with numpy.save if it is an array"
        }
        [0x89, b'H', b'D', b'F', ..] => {
            "is an HDF5 file; read it with pandas.read_hdf or h5py, and write it with `to_parquet` or numpy.save"
        }
        [b'F', b'E', b'A', b'1', 0, ..] => {
            "is a Feather file of version 1; read it with pandas.read_feather and write it with `to_feather`"
        }
        _ => return None,
    })
}

/// What a text that is not a table of cells is by its first lines, and the way on.
fn text(bytes: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let begins = |with: &str| {
        text.get(..with.len())
            .is_some_and(|text| text.eq_ignore_ascii_case(with))
    };
    let inner = |outer| text.strip_prefix(outer).map(str::trim_start);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let statement = lines
        .clone()
        .find(|line| !line.starts_with('%'))
        .unwrap_or_default();
    Some(match () {
        () if begins("version https://git-lfs") => {
            "is a pointer of Git LFS, not the file itself; fetch it with `git lfs pull`"
        }
        () if begins("<!doctype html")
            || begins("<html")
            || begins("<head")
            || begins("<table") =>
        {
            "is a page of the web (HTML); download the file itself, or save the table in it as CSV"
        }
        () if begins("<?xml") => "is XML; write its rows as CSV",
        () if inner('{').is_some_and(|text| text.starts_with(['"', '}']))
            || inner('[').is_some_and(|text| text.starts_with(['{', '['])) =>
        {
            "is JSON; read it with pandas.read_json (with lines=True if each line is an object) and write it with `to_csv`"
        }
        () if statement.to_ascii_lowercase().starts_with("@relation") => {
            "is an ARFF file; read it with scipy.io.arff.loadarff and write it as CSV"
        }
        () if lines.next().is_some_and(is_libsvm) => {
            "is a LIBSVM file; read it with sklearn.datasets.load_svmlight_file and write it with numpy.savez(…, X=X.toarray(), y=y)"
        }
        () => return None,
    })
}

/// Whether the line is a label, then numbers with their indices, as in `-1 3:0.5 7:1`.
fn is_libsvm(line: &str) -> bool {
    let mut parts = line
        .split('#')
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace();
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    let is_feature = |part: &str| {
        let (index, value) = part.split_once(':').unwrap_or_default();
        (index == "qid" || index.parse::<u64>().is_ok()) && is_number(value)
    };
    let has_label = parts
        .next()
        .is_some_and(|label| label.split(',').all(is_number));
    let mut features = parts.peekable();
    has_label && features.peek().is_some() && features.all(is_feature)
}

/// Opens the table in the file `path`; `labels` names the file with the labels of one of pictures.
///
/// # Errors
/// If the file cannot be read, is not a table, or is of another format than its name says.
pub(crate) fn open(
    path: &Path,
    text: &TextOptions,
    labels: Option<&Path>,
) -> Result<Box<dyn Reader>> {
    let format = Format::of(path);
    if labels.is_some() && format != Format::Idx {
        return Err(Error::Setting {
            setting: "labels",
            reason: format!(
                "names the labels of pictures in the IDX format, and `{}` is not such a file; leave it out",
                path.display()
            ),
            remedies: Vec::new(),
        });
    }
    if let Some(reason) = first_bytes(path, format).and_then(|bytes| format.contradicted(&bytes)) {
        return Err(Error::file(path, reason));
    }
    Ok(match format {
        Format::Csv => Box::new(Csv::open(path, text)?),
        Format::Npy => Box::new(npy::open(path)?),
        Format::Npz => Box::new(npz::open(path)?),
        Format::Parquet => Box::new(parquet::open(path)?),
        Format::Idx => Box::new(idx::open(path, labels)?),
        Format::Ipc => Box::new(ipc::open(path)?),
    })
}

/// The first bytes of a file, unpacked if the format may be compressed; none if they cannot be read, or can be read but
/// once: the reader of the format says why.
fn first_bytes(path: &Path, format: Format) -> Option<Vec<u8>> {
    if !path.is_file() {
        return None;
    }
    let mut file = BufReader::new(File::open(path).ok()?);
    let (mut bytes, is_empty) = (Vec::new(), file.fill_buf().ok()?.is_empty());
    let reader: Box<dyn Read + '_> = match format {
        Format::Csv | Format::Idx if !is_empty => file::decoder(path, &mut file).ok()?,
        _ => Box::new(&mut file),
    };
    reader.take(FIRST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn lowercase_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{Format, first_bytes, is_libsvm};
    use std::path::Path;

    #[test]
    fn names_tell_formats() {
        for (name, format) in [
            ("a.csv", Format::Csv),
            ("a.CSV.zst", Format::Csv),
            ("parquet", Format::Csv),
            ("a.tsv.gz", Format::Csv),
            ("a.PQ", Format::Parquet),
            ("train-images-idx3-ubyte.gz", Format::Idx),
            ("a.feather", Format::Ipc),
            ("a.npz", Format::Npz),
        ] {
            assert_eq!(Format::of(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn what_is_not_read_is_named_by_its_first_bytes() {
        for (bytes, part) in [
            (&b"BZh91AY&SY"[..], "bunzip2"),
            (b"\xfd7zXZ\0", "unxz"),
            (b"PK\x03\x04....[Content_Types].xml", "Excel"),
            (b"PK\x03\x04....a.csv", "unpack it"),
            (b"\xd0\xcf\x11\xe0", "old Excel"),
            (b"\x1f\x8b\x08", ".gz"),
            (b"\x28\xb5\x2f\xfd", ".zst"),
            (b"PAR1\x15\x04", ".parquet"),
            (b"ARROW1\0\0", ".feather"),
            (b"\x93NUMPY\x01", ".npy"),
            (b"\0\0\x08\x03", ".idx"),
            (b"\n<!DOCTYPE html>", "HTML"),
            (b"% made by\n@RELATION iris", "ARFF"),
            (b"-1 1:0.5 3:1e-2 # first\n", "LIBSVM"),
            (
                b"version https://git-lfs.github.com/spec/v1\n",
                "git lfs pull",
            ),
            (b"\x80\x04\x95", "pickle"),
            (b"\x89HDF\r\n", "HDF5"),
            (b"[\n {\"a\": 1}]", "JSON"),
            (b"{\"a\": 1}\n{", "lines=True"),
        ] {
            let reason = Format::Csv.contradicted(bytes).unwrap_or_default();
            assert!(reason.contains(part), "{}: {reason}", bytes.escape_ascii());
        }
        for text in [
            "a,b\n1,2\n",
            "PAR1,PAR2\n",
            "BZh,y\n",
            "[a],{b}\n",
            "version,y\n",
            "<5,y\n",
            "1 12:30,1\n",
            "",
        ] {
            assert_eq!(Format::Csv.contradicted(text.as_bytes()), None, "{text}");
        }
        let packed = Format::Npz
            .contradicted(b"\x1f\x8b\x08")
            .unwrap_or_default();
        assert!(packed.contains("gunzip"), "{packed}");
        assert!(
            !is_libsvm("1") && !is_libsvm("a 1:2"),
            "no features, no label"
        );
    }

    #[test]
    fn a_compressed_file_is_looked_into() {
        let path = std::env::temp_dir().join(format!("{}.csv.zst", std::process::id()));
        let text = b"@relation x\n".repeat(1000);
        std::fs::write(&path, zstd::encode_all(&text[..], 1).expect("in memory")).expect("a disk");
        let bytes = first_bytes(&path, Format::Csv).expect("a file");
        assert!(
            Format::Csv
                .contradicted(&bytes)
                .is_some_and(|reason| reason.contains("ARFF"))
        );
        std::fs::remove_file(&path).expect("was written");
    }
}
