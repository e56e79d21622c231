//! The header of a `.npy` file: a magic word, a version, a length, and a Python dictionary of three fixed
//! keys, `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
//!
//! Read strictly by a few lines of our own: the crates that do (`npyz`, `ndarray-npy`) bring a generator of
//! grammars and arithmetic on big numbers, more than thirty crates for a hundred bytes.

use super::element::Element;
use crate::columns::shown;

/// What every file begins with.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

/// The bytes before the values as NumPy writes them for two dimensions, whatever these are.
const WRITTEN_BYTES: usize = 128;

/// More columns than this are a table on its side: their names alone would take the memory.
pub(crate) const MAX_COLUMNS: usize = 1 << 20;

type Parsed<T> = Result<T, String>;

/// An array of plain numbers or texts, as large as it says.
#[derive(Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) element: Element,
    /// Column by column.
    pub(crate) fortran_order: bool,
    pub(crate) shape: Vec<usize>,
    /// Byte of the first value.
    pub(crate) offset: usize,
}

impl Header {
    /// Of the file whose bytes are `file`; what is wrong with it, and what to do, where it is none.
    pub(crate) fn read(file: &[u8]) -> Parsed<Self> {
        let (text, offset) = split(file)?;
        let fields = Fields::parse(text)?;
        let header = Self {
            element: Element::parse(fields.descr)?,
            fortran_order: fields.fortran_order,
            shape: fields.shape,
            offset,
        };
        header.table()?;
        let sizes = header.shape.iter().copied();
        let promised = sizes
            .chain([header.element.bytes()])
            .try_fold(1, usize::checked_mul)
            .ok_or_else(|| {
                format!(
                    "says its shape is {}, more bytes than can be counted; write it again",
                    header.shown_shape()
                )
            })?;
        let there = file.len() - offset;
        if there != promised {
            return Err(format!(
                "says its shape is {}, {promised} bytes of values, and holds {there}: {}",
                header.shown_shape(),
                if there < promised {
                    "it is cut short; write or copy it again"
                } else {
                    "something else follows; write it again"
                }
            ));
        }
        Ok(header)
    }

    /// Rows and columns; one dimension is one column.
    pub(crate) fn table(&self) -> Parsed<(usize, usize)> {
        let (n_rows, width) = match *self.shape {
            [n_rows] => (n_rows, 1),
            [n_rows, width] => (n_rows, width),
            _ => {
                return Err(format!(
                    "has the shape {}, and rows and columns are needed: save a 2-D array, as numpy.column_stack((X, y)) or X.reshape(len(X), -1) are",
                    self.shown_shape()
                ));
            }
        };
        match (n_rows, width) {
            (0, _) => Err(format!(
                "has the shape {}, no rows; at least one is needed",
                self.shown_shape()
            )),
            (_, 0) => Err(self.without_feature()),
            _ if width > MAX_COLUMNS => Err(format!(
                "has the shape {}, more than {MAX_COLUMNS} columns; if it lies on its side, save numpy.ascontiguousarray(X.T)",
                self.shown_shape()
            )),
            _ => Ok((n_rows, width)),
        }
    }

    /// What is wrong with an array of so few columns.
    pub(super) fn without_feature(&self) -> String {
        format!(
            "has the shape {}, and a feature and a target column are needed: save numpy.column_stack((X, y))",
            self.shown_shape()
        )
    }

    /// The shape as Python writes it.
    pub(crate) fn shown_shape(&self) -> String {
        let listed: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let comma = if self.shape.len() == 1 { "," } else { "" };
        shown(&format!("({}{comma})", listed.join(", ")))
    }

    /// The bytes before the values of an array (`n_samples`, `width`) of `descr`, as NumPy writes them.
    pub(crate) fn bytes(descr: &str, n_samples: usize, width: usize) -> Vec<u8> {
        Self::bytes_of(descr, &format!("({n_samples}, {width})"))
    }

    /// The same for one dimension.
    pub(crate) fn bytes_1d(descr: &str, n_samples: usize) -> Vec<u8> {
        Self::bytes_of(descr, &format!("({n_samples},)"))
    }

    fn bytes_of(descr: &str, shape: &str) -> Vec<u8> {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        let length = WRITTEN_BYTES - MAGIC.len() - 4;
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend(u16::try_from(length).expect("118").to_le_bytes());
        bytes.extend(format!("{text:<width$}\n", width = length - 1).bytes());
        bytes
    }
}

/// The dictionary, and the byte after it.
fn split(file: &[u8]) -> Parsed<(&[u8], usize)> {
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

/// The dictionary's entries.
struct Fields<'a> {
    descr: &'a [u8],
    fortran_order: bool,
    shape: Vec<usize>,
}

impl<'a> Fields<'a> {
    fn parse(text: &'a [u8]) -> Parsed<Self> {
        let mut literal = Literal { rest: text };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        literal.expect(b'{')?;
        while !literal.eat(b'}') {
            let key = literal.string()?;
            literal.expect(b':')?;
            let repeated = match key {
                b"descr" => descr.replace(literal.descr()?).is_some(),
                b"fortran_order" => fortran_order.replace(literal.truth()?).is_some(),
                b"shape" => shape.replace(literal.integers()?).is_some(),
                _ => return Err(literal.damaged()),
            };
            if repeated {
                return Err(literal.damaged());
            }
            if !literal.eat(b',') {
                literal.expect(b'}')?;
                break;
            }
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) if literal.is_done() => Ok(Self {
                descr,
                fortran_order,
                shape,
            }),
            _ => Err(literal.damaged()),
        }
    }
}

/// The rest of a Python literal, read token by token; white space may stand before each.
struct Literal<'a> {
    rest: &'a [u8],
}

impl<'a> Literal<'a> {
    fn eat(&mut self, token: u8) -> bool {
        self.rest = self.rest.trim_ascii_start();
        let rest = self.rest.strip_prefix(&[token]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: u8) -> Parsed<()> {
        match self.eat(token) {
            true => Ok(()),
            false => Err(self.damaged()),
        }
    }

    /// Nothing is left but the spaces that align the values.
    fn is_done(&self) -> bool {
        self.rest.trim_ascii_start().is_empty()
    }

    /// Takes what is before the first byte that does not fit.
    fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !fits(*byte));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn string(&mut self) -> Parsed<&'a [u8]> {
        let quote = match self.eat(b'\'') {
            true => b'\'',
            false => {
                self.expect(b'"')?;
                b'"'
            }
        };
        let text = self.take_while(|byte| byte != quote);
        self.expect(quote)?;
        Ok(text)
    }

    /// A type's name; records have a list of them.
    fn descr(&mut self) -> Parsed<&'a [u8]> {
        match self.rest.trim_ascii_start() {
            [b'[', ..] => Err(
                "holds records, and plain numbers are needed; save numpy.lib.recfunctions.structured_to_unstructured(X).astype('<f4')".to_owned(),
            ),
            _ => self.string(),
        }
    }

    fn truth(&mut self) -> Parsed<bool> {
        self.rest = self.rest.trim_ascii_start();
        match self.take_while(|byte| byte.is_ascii_alphanumeric()) {
            b"True" => Ok(true),
            b"False" => Ok(false),
            _ => Err(self.damaged()),
        }
    }

    /// A tuple.
    fn integers(&mut self) -> Parsed<Vec<usize>> {
        let mut integers = Vec::new();
        self.expect(b'(')?;
        while !self.eat(b')') {
            let digits = self.take_while(|byte| byte.is_ascii_digit());
            let digits = std::str::from_utf8(digits).expect("digits");
            if digits.is_empty() {
                return Err(self.damaged());
            }
            integers.push(digits.parse().map_err(|_| {
                format!(
                    "has `{}` in its shape, more than can be counted; write it again",
                    shown(digits)
                )
            })?);
            if !self.eat(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(integers)
    }

    fn damaged(&self) -> String {
        format!(
            "has a header that is not the dictionary of 'descr', 'fortran_order' and 'shape' it must be, at `{}`; write it with numpy.save",
            shown(&String::from_utf8_lossy(self.rest.trim_ascii()))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Element, Fields, Header};

    /// As NumPy 2.4 writes it.
    const OF_NUMPY: &[u8] = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }                                                          \n";

    #[test]
    fn what_numpy_writes_is_read_and_written() {
        assert_eq!(Header::bytes("<f4", 4, 3), OF_NUMPY, "the same bytes");
        let largest = Header::bytes("<f4", usize::MAX, usize::MAX);
        assert_eq!(largest.len(), OF_NUMPY.len(), "whatever the shape");
        let file = [OF_NUMPY, &[0; 48]].concat();
        let header = Header {
            element: Element::F32,
            fortran_order: false,
            shape: vec![4, 3],
            offset: 128,
        };
        assert_eq!(Header::read(&file), Ok(header));
    }

    #[test]
    fn any_spelling_of_the_dictionary_is_read() {
        for text in [
            "{'descr':'<f4','fortran_order':False,'shape':(4,3)}",
            "\t{ \"shape\" : ( 4 , 3 , ) ,\n'fortran_order': False, 'descr': \"<f4\" , } \n",
        ] {
            let fields = Fields::parse(text.as_bytes()).unwrap();
            assert_eq!(
                (fields.descr, fields.fortran_order, fields.shape.as_slice()),
                (b"<f4".as_slice(), false, [4, 3].as_slice()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_such_dictionary_is_refused() {
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
            "{'descr': '<f4', 'fortran_order': False, 'shape': [4, 3]}",
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
