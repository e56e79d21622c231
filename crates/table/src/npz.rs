//! NumPy's `.npz` files, archives of arrays: the features and the targets of a table, or both in one.

mod write;

pub(super) use write::write;

use super::columns::{listed, shown};
use super::map;
use super::npy::{Array, ElementKind, Placed, zeros};
use super::table::{Cells, Kind, Table};
use crate::error::{Error, Result};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// What the features and the targets may be called, and the names of all columns.
const FEATURES: [&str; 3] = ["X", "inputs", "data"];
const TARGETS: [&str; 3] = ["y", "targets", "target"];
const COLUMNS: &str = "columns";

type Parsed<T> = std::result::Result<T, String>;

/// An archive whose arrays are unpacked.
#[derive(Debug)]
pub(super) struct Npz {
    path: PathBuf,
    /// Bytes of `.npy` files.
    features: Vec<u8>,
    targets: Option<Vec<u8>>,
    names: Vec<String>,
    n_features: usize,
}

/// Opens the archive `path`.
///
/// # Errors
/// Where it cannot be read or does not hold the arrays of one table; those that are there are named.
pub(super) fn open(path: &Path) -> Result<Npz> {
    let bytes = map::bytes(path, ".npz")?;
    parse(path, &bytes).map_err(|reason| Error::table(path, reason))
}

fn parse(path: &Path, bytes: &[u8]) -> Parsed<Npz> {
    let damaged = |error: &dyn std::fmt::Display| {
        format!("cannot be unpacked ({error}); write it with numpy.savez, or copy it again")
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let mut arrays = Vec::with_capacity(archive.len());
    for at in 0..archive.len() {
        let file = archive.by_index(at).map_err(|error| damaged(&error))?;
        let name = file.name().map_err(|error| damaged(&error))?.into_owned();
        arrays.push(name.strip_suffix(".npy").unwrap_or(&name).to_owned());
    }
    let chosen = Chosen::among(&arrays)?;
    let mut unpack = |at: usize| -> Parsed<Vec<u8>> {
        let wrong = |reason| format!("array `{}`: {reason}", shown(&arrays[at]));
        let mut file = archive
            .by_index(at)
            .map_err(|error| wrong(damaged(&error)))?;
        let mut unpacked = Vec::new();
        // To its end, where the checksum is compared.
        let read = file.read_to_end(&mut unpacked);
        read.map_err(|error| wrong(damaged(&error)))?;
        Array::of(&unpacked).map_err(wrong)?;
        Ok(unpacked)
    };
    let features = unpack(chosen.features)?;
    let targets = chosen.targets.map(&mut unpack).transpose()?;
    let columns = chosen.columns.map(&mut unpack).transpose()?;
    Npz::of(path, features, targets, columns)
}

/// The places of the arrays of one table.
struct Chosen {
    features: usize,
    targets: Option<usize>,
    columns: Option<usize>,
}

impl Chosen {
    fn among(arrays: &[String]) -> Parsed<Self> {
        let remedy = |arrays: &[String]| {
            let given = |at: usize| arrays.get(at).map_or("…", String::as_str);
            format!(
                "it needs `X` and `y`: z = numpy.load(FILE); numpy.savez(OTHER, X=z['{}'], y=z['{}'])",
                shown(given(0)),
                shown(given(1))
            )
        };
        let only = |names: &[&str]| {
            let mut found = (0..arrays.len()).filter(|at| names.contains(&arrays[*at].as_str()));
            match (found.next(), found.next()) {
                (Some(first), Some(second)) => Err(format!(
                    "holds `{}` and `{}`, and only one of them can be meant; {}",
                    arrays[first],
                    arrays[second],
                    remedy(arrays)
                )),
                (found, _) => Ok(found),
            }
        };
        let (features, targets) = (only(&FEATURES)?, only(&TARGETS)?);
        let columns = only(&[COLUMNS])?;
        let chosen = match (features, targets, columns, arrays) {
            (Some(features), ..) => Self {
                features,
                targets,
                columns,
            },
            (None, None, None, [_]) => Self {
                features: 0,
                targets: None,
                columns: None,
            },
            (None, _, _, []) => return Err("holds no array; write it with numpy.savez".to_owned()),
            _ => {
                return Err(format!(
                    "holds the arrays {}, and none of them is named as features are; {}",
                    listed(arrays),
                    remedy(arrays)
                ));
            }
        };
        let used = [Some(chosen.features), chosen.targets, chosen.columns];
        match (0..arrays.len()).find(|at| !used.contains(&Some(*at))) {
            None => Ok(chosen),
            Some(other) => Err(format!(
                "holds the arrays {}, and `{}` is neither features nor targets; {}",
                listed(arrays),
                shown(&arrays[other]),
                remedy(arrays)
            )),
        }
    }
}

impl Npz {
    fn of(
        path: &Path,
        features: Vec<u8>,
        targets: Option<Vec<u8>>,
        columns: Option<Vec<u8>>,
    ) -> Parsed<Self> {
        let x = Array::of(&features)?;
        let y = targets.as_deref().map(Array::of).transpose()?;
        if let Some(y) = y
            && y.n_rows != x.n_rows
        {
            return Err(format!(
                "has {} rows of features and {} of targets; each row needs both",
                x.n_rows, y.n_rows
            ));
        }
        let mut names: Vec<String> = (0..x.width).map(|column| column.to_string()).collect();
        match y.map_or(0, |y| y.width) {
            0 => {}
            1 => names.push("y".to_owned()),
            width => names.extend((0..width).map(|column| format!("y{column}"))),
        }
        let n_features = x.width;
        if let Some(columns) = columns {
            names = column_names(&columns, names.len())?;
        }
        Ok(Self {
            path: path.to_owned(),
            features,
            targets,
            names,
            n_features,
        })
    }

    fn cells(&self, wanted: &[(usize, Kind)]) -> Parsed<Cells> {
        let was_read = "it was read before";
        let features = Array::of(&self.features).expect(was_read);
        let width = wanted.len();
        let mut values = zeros(features.n_rows, width)?;
        let mut texts = vec![Vec::new(); width];
        let (x_names, y_names) = self.names.split_at(self.n_features);
        let mut read = |array: Array<'_>, names, first: usize| -> Parsed<()> {
            let columns = first..first + array.width;
            let placed = wanted.iter().enumerate();
            let placed: Vec<Placed> = placed
                .filter(|(_, (column, _))| columns.contains(column))
                .map(|(place, (column, kind))| (place, (column - first, *kind)))
                .collect();
            let found = array.read(&placed, names, &mut values, width)?;
            for ((place, _), found) in placed.iter().zip(found) {
                texts[*place] = found;
            }
            Ok(())
        };
        read(features, x_names, 0)?;
        if let Some(targets) = &self.targets {
            let targets = Array::of(targets).expect(was_read);
            read(targets, y_names, self.n_features)?;
        }
        Ok(Cells {
            n_rows: features.n_rows,
            values,
            texts,
            n_empty: vec![0; width],
            ..Cells::default()
        })
    }
}

impl Table for Npz {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, wanted: &[(usize, Kind)]) -> Result<Cells> {
        self.cells(wanted)
            .map_err(|reason| Error::table(&self.path, reason))
    }
}

/// The names of all columns, each of its own.
fn column_names(file: &[u8], width: usize) -> Parsed<Vec<String>> {
    let array = Array::of(file)?;
    let wrong = |reason: String| format!("array `{COLUMNS}`: {reason}");
    if !matches!(array.element.kind, ElementKind::Text(_))
        || array.width != 1
        || array.n_rows != width
    {
        return Err(wrong(format!(
            "names the columns, so it needs {width} texts; save numpy.array([…], dtype='U')"
        )));
    }
    let cells = array.cells(&[(0, Kind::Text)], &[COLUMNS.to_owned()])?;
    let [names] = &cells.texts[..] else {
        return Err(wrong("holds no texts".to_owned()));
    };
    // Fewer where one is there twice.
    if names.len() != width
        || names
            .iter()
            .any(|name| name.is_empty() || name.contains(char::is_control))
    {
        return Err(wrong(
            "has a name twice, an empty one, or control characters in one; name each column"
                .to_owned(),
        ));
    }
    Ok(names.clone())
}
