//! The formats of tables, told by the endings of their names and held against their first bytes.

use crate::csv::Csv;
use crate::error::{Error, Result};
use crate::file;
use crate::options::TextOptions;
use crate::reader::Reader;
use crate::{idx, ipc, npy, npz, parquet};
use memchr::memmem;
use std::path::Path;

/// Bytes of a file that are looked at.
const FIRST_BYTES: usize = 1 << 12;

/// What a table is kept in, packed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Npy,
    Npz,
    Parquet,
    Idx,
    /// Arrow's own, which pandas calls Feather.
    Ipc,
}

impl Format {
    /// The format by the ending of the name; CSV if it is none of the others'.
    pub(crate) fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
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

    /// What is wrong with a file of this format by its name that begins with `bytes`, if those say another; and the way
    /// on.
    fn contradicted(self, bytes: &[u8]) -> Option<String> {
        const PICKLE: &str = "is a Python pickle; load it with pandas.read_pickle and write it with `to_parquet`, or with numpy.save if it is an array";
        let named = |what, ending| Some(format!("is {what}; give it a name that ends in {ending}"));
        let told = match bytes {
            [] if self != Self::Csv => "is empty; write or copy it again",
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] if self != Self::Npy => {
                return named("a NumPy file", ".npy");
            }
            // No text goes on like that.
            [b'P', b'A', b'R', b'1', 0..=8 | 14..=31, ..] if self != Self::Parquet => {
                return named("a Parquet file", ".parquet");
            }
            [b'A', b'R', b'R', b'O', b'W', b'1', 0, 0, ..] if self != Self::Ipc => {
                return named("a Feather file", ".feather");
            }
            [0, 0, 8..=14, 1..=255, ..] if self != Self::Idx => {
                return named("an IDX file", ".idx");
            }
            [0x1f, 0x8b, ..] => return named("a gzip file", ".gz"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                return named("compressed by Zstandard", ".zst");
            }
            [b'P', b'K', 3, 4, ..] if self == Self::Npz => return None,
            [b'P', b'K', 3, 4, ..] => match memmem::find(bytes, b"[Content_Types].xml") {
                Some(_) => "is an Excel workbook; save its sheet as CSV",
                None => {
                    "is a ZIP archive; give it a name that ends in .npz if NumPy wrote it, save it as CSV if it is a spreadsheet, or unpack it"
                }
            },
            [0xd0, 0xcf, 0x11, 0xe0, ..] => "is an old Excel workbook; save its sheet as CSV",
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] => {
                "is compressed by bzip2; unpack it with bunzip2"
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "is compressed by xz; unpack it with unxz",
            [b'7', b'z', 0xbc, 0xaf, ..] => "is a 7z archive; unpack it",
            [_, _, _, 0, 0, 0, 0, 0, b'{', ..] => {
                "is a safetensors file, such as a model; name a table"
            }
            _ if bytes.starts_with(b"ORC") && bytes.contains(&0) => {
                "is an ORC file; read it with pandas.read_orc and write it with `to_parquet`"
            }
            _ if bytes.starts_with(b"SQLite format 3") => {
                "is an SQLite database; read a table of it with pandas.read_sql and write it with `to_parquet`"
            }
            [b'O', b'b', b'j', 1, ..] => {
                "is an Avro file; read it with a package such as fastavro and write it as Parquet"
            }
            _ if bytes.starts_with(b"MATLAB 5.0") => {
                "is a MATLAB file; read it with scipy.io.loadmat and write an array of it with numpy.save"
            }
            [0x68..=0x73, 1 | 2, 1, 0, ..] | [b'<', b's', b't', b'a', b't', b'a', b'_', ..] => {
                "is a Stata file; read it with pandas.read_stata and write it with `to_parquet`"
            }
            _ if bytes.get(257..262) == Some(b"ustar") => {
                "is a tar archive; unpack it with `tar xf`"
            }
            _ if bytes.starts_with(b"ccopy_reg\n") => PICKLE,
            [0x80, 2..=5, ..] => PICKLE,
            [0x89, b'H', b'D', b'F', ..] => {
                "is an HDF5 file; read it with pandas.read_hdf or h5py, and write it with `to_parquet` or numpy.save"
            }
            [b'F', b'E', b'A', b'1', 0, ..] => {
                "is a Feather file of version 1; read it with pandas.read_feather and write it with `to_feather`"
            }
            bytes if self == Self::Csv => text(bytes)?,
            bytes if is_text(bytes) => return named("a text, as CSV is", ".csv"),
            _ => return None,
        };
        Some(told.to_owned())
    }
}

/// Whether bytes are lines of ASCII at their beginning, and hold no control characters.
fn is_text(bytes: &[u8]) -> bool {
    let is_allowed = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    bytes[0].is_ascii() && bytes.contains(&b'\n') && bytes.iter().all(is_allowed)
}

/// What a text that is not a table of cells is by its first lines, and the way on.
fn text(bytes: &[u8]) -> Option<&'static str> {
    const HTML: &str =
        "is a page of the web (HTML); download the file itself, or save the table in it as CSV";
    const JSON: &str = "is JSON; read it with pandas.read_json (with lines=True if each line is an object) and write it with `to_csv`";
    const ARFF: &str = "is an ARFF file; read it with scipy.io.arff.loadarff and write it as CSV";
    const LIBSVM: &str = "is a LIBSVM file; read it with sklearn.datasets.load_svmlight_file and write it with numpy.savez(…, X=X.toarray(), y=y)";
    const LFS: &str = "is a pointer of Git LFS, not the file itself; fetch it with `git lfs pull`";
    /// Beginnings in lowercase and without white space.
    const BEGINNINGS: [(&str, &str); 11] = [
        ("versionhttps://git-lfs", LFS),
        ("<!doctypehtml", HTML),
        ("<html", HTML),
        ("<head", HTML),
        ("<table", HTML),
        ("<?xml", "is XML; write its rows as CSV"),
        ("{\"", JSON),
        ("{}", JSON),
        ("[{", JSON),
        ("[[", JSON),
        ("@relation", ARFF),
    ];
    let text = String::from_utf8_lossy(bytes);
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    // Lines of percent signs are the comments of ARFF.
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('%'));
    let n_libsvm = lines.clone().filter(|line| is_libsvm(line)).count();
    if 2 * n_libsvm > lines.clone().count() {
        return Some(LIBSVM);
    }
    let begins: String = lines.flat_map(str::split_whitespace).collect();
    let begins = begins.to_ascii_lowercase();
    let known = BEGINNINGS
        .into_iter()
        .find(|(beginning, _)| begins.starts_with(beginning));
    known.map(|(_, told)| told)
}

/// Whether the line is a label, then numbers with their indices, as in `-1 3:0.5 7:1`, and not with times, as in `5 9:30`.
fn is_libsvm(line: &str) -> bool {
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    let mut last = None;
    let mut is_feature = |part: &str| {
        let (index, value) = part.split_once(':').unwrap_or_default();
        let index = match index {
            "qid" => None,
            index => index.parse::<u64>().ok(),
        };
        let is_next = part.starts_with("qid:") || index > std::mem::replace(&mut last, index);
        is_next && is_number(value)
    };
    let is_time = |part: &str| matches!(part.as_bytes(), [.., b':', b'0'..=b'5', b'0'..=b'9']);
    let line = line.split_once('#').map_or(line, |(line, _)| line);
    let (label, features) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let mut features = features.split_whitespace();
    label.split(',').all(is_number)
        && !features.clone().all(is_time)
        && features.all(&mut is_feature)
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
        return Err(Error::setting(
            "labels",
            format!(
                "names the labels of pictures in the IDX format, and `{}` is not such a file; leave it out",
                path.display()
            ),
        ));
    }
    if format != Format::Csv {
        let what = format!("a file of the {format:?} format");
        text.refuse(&what, &path.display().to_string())?;
    }
    let bytes = file::read(path)?;
    if let Some(reason) = format.contradicted(&bytes[..bytes.len().min(FIRST_BYTES)]) {
        return Err(Error::file(path, reason));
    }
    Ok(match format {
        Format::Csv => Box::new(Csv::open(path, bytes, text)?),
        Format::Npy => Box::new(npy::open(path, bytes)?),
        Format::Npz => Box::new(npz::open(path, &bytes)?),
        Format::Parquet => Box::new(parquet::open(path, bytes)?),
        Format::Idx => Box::new(idx::open(path, bytes, labels)?),
        Format::Ipc => Box::new(ipc::open(path, &bytes)?),
    })
}

#[cfg(test)]
mod tests {
    use super::{Format, is_libsvm};
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
            (b"\x80\x04\0\0\0\0\0\0{\"__meta", "safetensors"),
            (b"ccopy_reg\n_reconstructor\n", "pickle"),
            (b"ORC\n\x1e\0", "read_orc"),
            (b"SQLite format 3\0", "read_sql"),
            (b"Obj\x01\x04", "Avro"),
            (b"MATLAB 5.0 MAT-file", "loadmat"),
            (b"<stata_dta><header>", "read_stata"),
            (b"\x72\x02\x01\0\x05", "read_stata"),
            (&[&[b'a'; 257][..], b"ustar\x0000"].concat(), "tar xf"),
            (b"\x89HDF\r\n", "HDF5"),
            (b"[\n {\"a\": 1}]", "JSON"),
            (b"{\"a\": 1}\n{", "lines=True"),
        ] {
            let reason = Format::Csv.contradicted(bytes).unwrap_or_default();
            assert!(reason.contains(part), "{}: {reason}", bytes.escape_ascii());
        }
        for text in [
            "a,b\n1,2\n",
            "ORC,MATLAB\n",
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
        assert!(
            !is_libsvm("1") && !is_libsvm("a 1:2"),
            "no features, no label"
        );
    }
}
