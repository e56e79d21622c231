//! NumPy's `.npz` files, archives of arrays: the features and the targets of a table, or both in one.

use crate::error::{Error, Result, Unplaced, listed, shown};
use crate::file::{Bytes, contained};
use crate::npy::{Array, Arrays};
use crate::reader::Columns;
use arrow_array::cast::AsArray;
use std::collections::HashSet;
use std::io::{Cursor, Read};
use std::path::Path;
use zip::ZipArchive;

/// What the features and the targets may be called, in letters of either case.
const FEATURES: [&str; 4] = ["X", "x_train", "inputs", "data"];
const TARGETS: [&str; 4] = ["y", "y_train", "targets", "target"];
/// What the names of all columns are called.
pub(crate) const COLUMNS: &str = "columns";
/// What may be there beside arrays to train on, and is not read.
const HELD_OUT: [&str; 6] = ["x_test", "y_test", "x_val", "y_val", "x_valid", "y_valid"];
/// What NumPy calls arrays without names.
const UNNAMED: [&str; 2] = ["arr_0", "arr_1"];

/// Opens the archive `path` of these bytes.
///
/// # Errors
/// If it does not hold the arrays of one table; those that are there are named.
pub(crate) fn open(path: &Path, bytes: &Bytes) -> Result<Arrays> {
    let table = contained(|| Archive::new(path, bytes)?.table());
    table.map_err(|reason| Error::file(path, reason))
}

struct Archive<'a> {
    path: &'a Path,
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// The names of the arrays.
    names: Vec<String>,
}

fn damaged(error: impl std::fmt::Display) -> String {
    format!("cannot be unpacked ({error}); write it with numpy.savez, or copy it again")
}

impl<'a> Archive<'a> {
    fn new(path: &'a Path, bytes: &'a [u8]) -> Unplaced<Self> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        let names = (0..archive.len()).map(|at| {
            let file = archive.by_index(at).map_err(damaged)?;
            let name = file.name().map_err(damaged)?.into_owned();
            Ok(name.strip_suffix(".npy").unwrap_or(&name).to_owned())
        });
        let names = names.collect::<Unplaced<_>>()?;
        Ok(Self {
            path,
            archive,
            names,
        })
    }

    fn table(mut self) -> Unplaced<Arrays> {
        let [features, targets, columns] =
            [&FEATURES[..], &TARGETS, &[COLUMNS]].map(|names| self.only(names));
        let (mut features, mut targets, columns, mut notices) =
            (features?, targets?, columns?, Vec::new());
        let others =
            (0..self.names.len()).filter(|at| ![features, targets, columns].contains(&Some(*at)));
        let others: Vec<usize> = others.collect();
        let named = |at: &usize| shown(&self.names[*at]);
        match (features, &others[..]) {
            (Some(_), []) => {}
            (Some(_), others) => match others
                .iter()
                .find(|at| !is_one_of(&HELD_OUT, &self.names[**at]))
            {
                None => notices.push(format!(
                    "the arrays {} are not read",
                    listed(others.iter().map(|at| &self.names[*at]))
                )),
                Some(other) => {
                    return Err(self.refused(&format!(
                        "`{}` is neither features nor targets",
                        named(other)
                    )));
                }
            },
            (None, []) if targets.is_none() => {
                return Err("holds no array; write it with numpy.savez".to_owned());
            }
            (None, [only]) if self.names.len() == 1 => features = Some(*only),
            (None, &[first, second])
                if self.names.len() == 2
                    && [first, second]
                        .iter()
                        .all(|at| UNNAMED.contains(&&*self.names[*at])) =>
            {
                let narrow =
                    [first, second].map(|at| Ok::<_, String>(self.unpack(at)?.header.width() == 1));
                let in_order = self.names[first] == UNNAMED[0];
                let [(x, is_x_narrow), (y, is_y_narrow)] = match (narrow, in_order) {
                    ([a, b], true) => [(first, a?), (second, b?)],
                    ([a, b], false) => [(second, b?), (first, a?)],
                };
                let (x, y) = if is_x_narrow && !is_y_narrow {
                    (y, x)
                } else {
                    (x, y)
                };
                (features, targets) = (Some(x), Some(y));
                notices.push(format!(
                    "the arrays have no names: `{}` is taken as the features and `{}` as the targets",
                    self.names[x], self.names[y]
                ));
            }
            _ => return Err(self.refused("none of them is named as features are")),
        }
        self.side_by_side(features.unwrap_or_default(), targets, columns, notices)
    }

    /// The table of the arrays of these indices.
    fn side_by_side(
        mut self,
        features: usize,
        targets: Option<usize>,
        columns: Option<usize>,
        mut notices: Vec<String>,
    ) -> Unplaced<Arrays> {
        let mut arrays = Vec::new();
        for at in [Some(features), targets].into_iter().flatten() {
            let array = self.unpack(at)?;
            notices.extend(
                array
                    .header
                    .notice(&format!("the array `{}`", shown(&self.names[at]))),
            );
            arrays.push(array);
        }
        let n_features = arrays[0].header.width();
        let mut names: Vec<String> = (0..n_features).map(|column| column.to_string()).collect();
        if let [Array { header: x, .. }, Array { header: y, .. }] = &arrays[..] {
            if x.n_rows() != y.n_rows() {
                return Err(format!(
                    "has {} rows of features and {} of targets; each row needs both",
                    x.n_rows(),
                    y.n_rows()
                ));
            }
            match y.width() {
                1 => names.push("y".to_owned()),
                width => names.extend((0..width).map(|column| format!("y{column}"))),
            }
        }
        if let Some(at) = columns {
            names = names_in(&self.unpack(at)?, names.len())
                .map_err(|reason| format!("array `{COLUMNS}`: {reason}"))?;
        }
        let columns = Columns {
            targets: (n_features..names.len()).collect(),
            notices,
            ..Columns::named(names)
        };
        Ok(Arrays::new(columns, arrays))
    }

    /// The index of the one array that has one of these names.
    fn only(&self, names: &[&str]) -> Unplaced<Option<usize>> {
        let mut found = (0..self.names.len()).filter(|at| is_one_of(names, &self.names[*at]));
        match (found.next(), found.next()) {
            (Some(_), Some(second)) => Err(self.refused(&format!(
                "`{}` is one of two that mean the same",
                self.names[second]
            ))),
            (found, _) => Ok(found),
        }
    }

    fn refused(&self, why: &str) -> String {
        let known = |names: &[&str]| self.names.iter().find(|name| is_one_of(names, name));
        let mut others = self
            .names
            .iter()
            .filter(|name| !is_one_of(&[COLUMNS], name));
        let features = known(&FEATURES).or_else(|| others.next());
        // Without targets there is a table to predict.
        let targets =
            known(&TARGETS).or_else(|| others.next().filter(|_| known(&FEATURES).is_none()));
        let parts = [
            ("X", features),
            ("y", targets),
            (COLUMNS, known(&[COLUMNS])),
        ];
        let parts = parts.into_iter().filter_map(|(part, name)| {
            let name = shown(name?);
            Some(format!("{part}=z['{name}']"))
        });
        let parts: Vec<String> = parts.collect();
        format!(
            "holds the arrays {}, and {why}; it needs `X`, and `y` to train: z = numpy.load(FILE); numpy.savez(OTHER, {})",
            listed(&self.names),
            parts.join(", ")
        )
    }

    fn unpack(&mut self, at: usize) -> Unplaced<Array> {
        let mut bytes = Vec::new();
        let file = self.archive.by_index(at).map_err(damaged);
        // To its end, where the checksum is compared.
        let read = file.and_then(|mut file| file.read_to_end(&mut bytes).map_err(damaged));
        let array = read.and_then(|_| Array::of(self.path, bytes.into()));
        array.map_err(|reason| format!("array `{}`: {reason}", shown(&self.names[at])))
    }
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// The names of `width` columns, each once.
fn names_in(array: &Array, width: usize) -> Unplaced<Vec<String>> {
    let header = &array.header;
    if header.element.letter != b'U' || header.width() != 1 || header.n_rows() != width {
        return Err(format!(
            "names the columns, so it needs {width} texts; save numpy.array([…], dtype='U')"
        ));
    }
    let texts = array
        .cells(0, COLUMNS, &(0..width))
        .map_err(|error| error.to_string())?;
    let names: Vec<String> = texts
        .as_string::<i64>()
        .iter()
        .flatten()
        .map(str::to_owned)
        .collect();
    let mut seen = HashSet::new();
    let is_wrong = |name: &String| name.is_empty() || name.contains(char::is_control);
    match names
        .iter()
        .any(|name| is_wrong(name) || !seen.insert(name))
    {
        false => Ok(names),
        true => Err(
            "has a name twice, an empty one, or control characters in one; name each column"
                .to_owned(),
        ),
    }
}
