//! The formats of tables, told by the endings of their names and held against their first bytes.

use super::csv::Csv;
use super::table::Table;
use super::{idx, npy, npz, parquet};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a table is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Also compressed by gzip.
    Csv,
    Npy,
    Npz,
    Parquet,
    Idx,
}

impl Format {
    /// By the ending of the name; CSV where it has none of the others'.
    pub(crate) fn of(path: &Path) -> Self {
        let name = lowercase_name(path);
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        if plain.ends_with("-ubyte") || plain.ends_with(".idx") {
            return Self::Idx;
        }
        match plain.rsplit_once('.') {
            Some((_, "npy")) => Self::Npy,
            Some((_, "npz")) => Self::Npz,
            Some((_, "parquet")) => Self::Parquet,
            _ => Self::Csv,
        }
    }

    /// What is wrong with a file of this format by its name that begins with `bytes`, where that says another.
    fn contradicted(self, bytes: &[u8], gzip: bool) -> Option<String> {
        let (what, ending) = match bytes {
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] if self != Self::Npy => {
                ("a NumPy file", ".npy")
            }
            [b'P', b'A', b'R', b'1', ..] if self != Self::Parquet => ("a Parquet file", ".parquet"),
            [b'P', b'K', 3, 4, ..] if self != Self::Npz => {
                return Some(
                    "is a ZIP archive; give it a name that ends in .npz if NumPy wrote it, save it as CSV if it is a spreadsheet, or unpack it".to_owned(),
                );
            }
            [0x1f, 0x8b, ..] if !gzip => {
                return Some(match self {
                    Self::Csv | Self::Idx => {
                        "is a gzip file; give it a name that ends in .gz".to_owned()
                    }
                    Self::Npy | Self::Npz | Self::Parquet => {
                        "is a gzip file; unpack it with gunzip".to_owned()
                    }
                });
            }
            [0, 0, 8..=14, 1..=255, ..] if self != Self::Idx => ("an IDX file", ".idx"),
            _ => return None,
        };
        Some(format!("is {what}; give it a name that ends in {ending}"))
    }
}

/// Opens the table in the file `path`; `labels` names the file with the labels of one of pictures.
///
/// # Errors
/// Where the file cannot be read, is not a table, or is of another format than its name says.
pub(super) fn open(path: &Path, labels: Option<&Path>) -> Result<Box<dyn Table>> {
    let format = checked(path, labels)?;
    Ok(match format {
        Format::Csv => Box::new(Csv::open(path)?),
        Format::Npy => Box::new(npy::open(path)?),
        Format::Npz => Box::new(npz::open(path)?),
        Format::Parquet => Box::new(parquet::open(path)?),
        Format::Idx => Box::new(idx::open(path, labels)?),
    })
}

/// The format of the file `path`, its first bytes held against its name.
fn checked(path: &Path, labels: Option<&Path>) -> Result<Format> {
    let format = Format::of(path);
    if labels.is_some() && format != Format::Idx {
        return Err(Error::Setting {
            flag: "--labels",
            reason: format!(
                "names the labels of pictures in the IDX format, and `{}` is not such a file; leave it out",
                path.display()
            ),
        });
    }
    let unpacked = matches!(format, Format::Csv | Format::Idx);
    let gzip = unpacked && lowercase_name(path).ends_with(".gz");
    match format.contradicted(&first_bytes(path), gzip) {
        Some(reason) => Err(Error::table(path, reason)),
        None => Ok(format),
    }
}

/// The file's first bytes; none where they cannot be read, or can be read but once: its reader says why.
fn first_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if path.is_file()
        && let Ok(file) = File::open(path)
    {
        drop(file.take(8).read_to_end(&mut bytes));
    }
    bytes
}

fn lowercase_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().to_ascii_lowercase()
}
