//! The header of a `.npy` file: a magic word, a version, a length, and a Python dictionary of three fixed
//! keys, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
//!
//! Read by a few lines of our own: the crates that do (`npyz`, `ndarray-npy`) bring a generator of grammars and
//! arithmetic on big numbers, more than thirty crates for a hundred bytes.

use super::element::Element;
use crate::error::{Unplaced, shown};

/// What every file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Bytes of every header that is written, as NumPy writes them for two dimensions: whatever the shape, so that the
/// number of rows can be put in at the end.
const WRITTEN_BYTES: usize = 128;

/// The most columns of a table. More are a table on its side, whose names alone would take the memory.
pub(crate) const MAX_COLUMNS: usize = 1 << 20;

/// What a file says of its array, and where the values begin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) element: Element,
    /// Whether the first dimension varies fastest.
    pub(crate) is_fortran: bool,
    pub(crate) shape: Vec<usize>,
    /// Byte of the first value.
    pub(crate) offset: usize,
}

impl Header {
    /// The header of the file whose bytes are `file`; what is wrong, and what to do, if it is not an array of at least
    /// one row and one column, or not as large as it says.
    pub(crate) fn read(file: &[u8]) -> Unplaced<Self> {
        let (text, offset) = split(file)?;
        let fields = Fields::parse(text)?;
        let Some(descr) = fields.descr.as_str() else {
            return Err("holds records, and plain numbers are needed; write pandas.DataFrame(X).to_parquet('X.parquet')".to_owned());
        };
        let header = Self {
            element: Element::parse(descr)?,
            is_fortran: fields.fortran_order,
            shape: fields.shape,
            offset,
        };
        header.checked(file.len() - offset)
    }

    /// This header, if it is one of an array of `n_there` bytes, of at least one row and one column.
    pub(crate) fn checked(self, n_there: usize) -> Unplaced<Self> {
        let sizes = self.shape.iter().copied();
        let promised = sizes
            .chain([self.element.n_bytes])
            .try_fold(1, usize::checked_mul)
            .ok_or_else(|| self.wrong("more bytes than can be counted; write it again"))?;
        self.check_shape()?;
        if n_there != promised {
            let why = match n_there < promised {
                true => "it is cut short; write or copy it again",
                false => "something else follows; write it again",
            };
            return Err(self.wrong(&format!(
                "{promised} bytes of values, and holds {n_there}: {why}"
            )));
        }
        Ok(self)
    }

    fn check_shape(&self) -> Unplaced<()> {
        match *self.shape {
            [] => Err(self.wrong("and rows and columns are needed: save a 2-D array, as numpy.column_stack((X, y)) is")),
            [0, ..] => Err(self.wrong("no rows; at least one is needed")),
            _ if self.width() == 0 => Err(self.wrong(
                "and a feature and a target column are needed: save numpy.column_stack((X, y))",
            )),
            _ if self.width() > MAX_COLUMNS => Err(self.wrong(&format!(
                "more than {MAX_COLUMNS} columns; if it lies on its side, save numpy.ascontiguousarray(X.T)"
            ))),
            _ => Ok(()),
        }
    }

    fn wrong(&self, why: &str) -> String {
        format!("has the shape {}, {why}", shown(&python_tuple(&self.shape)))
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.shape[0]
    }

    /// Numbers of each row.
    pub(crate) fn width(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// What is said of an array called `name` that is not a table but is taken as one.
    pub(crate) fn notice(&self, name: &str) -> Option<String> {
        (self.shape.len() > 2).then(|| {
            format!(
                "{name} has the shape {}: each row is the {} numbers of one entry",
                shown(&python_tuple(&self.shape)),
                self.width()
            )
        })
    }

    /// The bytes before the values of an array of the type `descr` and the shape `shape`, as NumPy writes them.
    pub(crate) fn bytes(descr: &str, shape: &[usize]) -> Vec<u8> {
        let shape = python_tuple(shape);
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        let length = WRITTEN_BYTES - MAGIC.len() - 4;
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend(u16::try_from(length).expect("118").to_le_bytes());
        bytes.extend(format!("{text:<width$}\n", width = length - 1).bytes());
        bytes
    }
}

fn python_tuple(sizes: &[usize]) -> String {
    let listed: Vec<String> = sizes.iter().map(usize::to_string).collect();
    let comma = if sizes.len() == 1 { "," } else { "" };
    format!("({}{comma})", listed.join(", "))
}

/// The dictionary, and the byte after it.
fn split(file: &[u8]) -> Unplaced<(&[u8], usize)> {
    let Some(rest) = file.strip_prefix(MAGIC) else {
        return Err("does not begin as a NumPy file; write it with numpy.save".to_owned());
    };
    let short = || "ends within its header: it is cut short; write or copy it again".to_owned();
    let (version, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (length, rest) = match version {
        [1, 0] => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(short)?;
            (u32::from(u16::from_le_bytes(*length)), rest)
        }
        // They differ in the encoding of names, and plain numbers have none.
        [2 | 3, 0] => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(short)?;
            (u32::from_le_bytes(*length), rest)
        }
        [major, minor] => {
            return Err(format!(
                "is of version {major}.{minor} of the .npy format, and 1.0, 2.0 and 3.0 are known; write it with numpy.save"
            ));
        }
    };
    let length = usize::try_from(length).map_err(|_| short())?;
    let text = rest.get(..length).ok_or_else(short)?;
    Ok((text, file.len() - rest.len() + length))
}

/// The dictionary's entries, each once and no others.
#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// A type's name; records have a list of them.
    descr: serde_json::Value,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Fields {
    /// The dictionary as Python writes it, which is JSON but for its quotes, its tuples, its commas before an end and
    /// its spelling of truth.
    fn parse(text: &[u8]) -> Unplaced<Self> {
        let text = String::from_utf8_lossy(text);
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let replaced = [
            ("'", "\""),
            (",}", "}"),
            (",)", ")"),
            ("(", "["),
            (")", "]"),
            ("True", "true"),
            ("False", "false"),
        ];
        let json = replaced
            .iter()
            .fold(parts.join(","), |text, (python, json)| {
                text.replace(python, json)
            });
        serde_json::from_str(&json).map_err(|error| {
            let error = error.to_string();
            let (error, _) = error.split_once(" at line").unwrap_or((&error, ""));
            format!(
                "has a header that is not the dictionary of 'descr', 'fortran_order' and 'shape' it must be ({error}); write it with numpy.save"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, Header};

    /// The header that NumPy 2.4 writes.
    const OF_NUMPY: &[u8] = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }                                                          \n";

    #[test]
    fn what_numpy_writes_is_read_and_written() {
        assert_eq!(Header::bytes("<f4", &[4, 3]), OF_NUMPY, "the same bytes");
        let largest = Header::bytes("<f4", &[usize::MAX, usize::MAX]);
        assert_eq!(largest.len(), OF_NUMPY.len(), "whatever the shape");
        let header = Header::read(&[OF_NUMPY, &[0; 48]].concat()).unwrap();
        assert_eq!(
            (header.n_rows(), header.width(), header.offset),
            (4, 3, 128)
        );
    }

    #[test]
    fn any_spelling_of_the_dictionary_is_read() {
        let plain = "{'descr':'<f4','fortran_order':False,'shape':(4,3)}";
        let other =
            "\t{ \"shape\" : ( 4 , 3 , ) ,\n'fortran_order': False, 'descr': \"<f4\" , } \n";
        let [plain, other] = [plain, other].map(|text| Fields::parse(text.as_bytes()).unwrap());
        assert_eq!(plain, other);
        assert_eq!(plain.shape, [4, 3]);
    }

    #[test]
    fn what_is_not_such_a_dictionary_is_refused() {
        for text in [
            "",
            "{",
            "{}",
            "{,}",
            "{'descr': '<f4', 'fortran_order': False}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3)",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3)} x",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3)}}",
            "{'descr': '<f4', 'fortran_order': False 'shape': (4, 3)}",
            "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), 'more': 1}",
            "{'descr': '<f4, 'fortran_order': False, 'shape': (4, 3)}",
            "{'descr': <f4, 'fortran_order': False, 'shape': (4, 3)}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (4, 3)}",
            "{'descr': '<f4', 'fortran_order': Falsehood, 'shape': (4, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4,, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-4, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4.0, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 99999999999999999999)}",
        ] {
            assert!(Fields::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
