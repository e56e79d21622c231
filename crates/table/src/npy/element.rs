//! What an array is of: the types of NumPy that are plain numbers or texts.

use crate::error::shown;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BooleanArray, Float32Array, LargeStringArray, PrimitiveArray};
use half::f16;
use std::sync::Arc;

/// The type of an array's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// What it is in NumPy's letters: `f`, `i`, `u`, `b` for bools, `U` for characters of Unicode.
    pub(crate) letter: u8,
    /// Bytes of one element.
    pub(crate) n_bytes: usize,
    /// Whether the most significant byte stands first.
    pub(crate) is_big_endian: bool,
}

impl Element {
    /// `<f4`, which is used where it lies.
    pub(crate) const F32: Self = Self {
        letter: b'f',
        n_bytes: 4,
        is_big_endian: false,
    };

    /// The type of a name such as `<f4`; what is wrong with it, and what to do, if it is none of them.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let refused = |why: &str| Err(format!("holds `{}`, {why}", shown(name)));
        let (order, letter, length) = match name.as_bytes() {
            [order @ (b'<' | b'>' | b'|'), letter, ..] if name.is_ascii() => {
                (*order, *letter, &name[2..])
            }
            _ => (0, 0, ""),
        };
        let length: usize = length.parse().unwrap_or_default();
        let n_bytes = match (letter, length) {
            (b'f', 2 | 4 | 8) | (b'i' | b'u', 1 | 2 | 4 | 8) | (b'b', 1) => length,
            // If this is more than can be counted, so is the array.
            (b'U', 1..) => length.saturating_mul(4),
            (b'O', _) => {
                return refused(
                    "Python objects, which only Python can read; write pandas.DataFrame(X).infer_objects().rename(columns=str).to_parquet('X.parquet')",
                );
            }
            (b'S', _) => return refused("byte strings; save X.astype('U')"),
            (b'M' | b'm', _) => {
                return refused(
                    "dates or times; save numbers, as X.astype('<M8[s]').astype('<i8') has seconds since 1970",
                );
            }
            (b'c', _) => {
                return refused("complex numbers; save X.real and X.imag as columns of their own");
            }
            (b'f', _) => {
                return refused("and numbers of 8 bytes at most are needed; save X.astype('<f8')");
            }
            _ => {
                return refused(
                    "and numbers of 1, 2, 4 or 8 bytes or texts are needed; save X.astype('<f4')",
                );
            }
        };
        if order == b'|' && n_bytes > 1 {
            return refused("which is not a type that NumPy has; write it with numpy.save");
        }
        Ok(Self {
            letter,
            n_bytes,
            is_big_endian: order == b'>',
        })
    }

    /// An array of the elements that `cells` begin with. Half precision becomes single precision.
    ///
    /// # Errors
    /// The number of the first cell that the type does not have, and what is wrong with it.
    pub(super) fn array<'a>(
        self,
        cells: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Result<ArrayRef, (usize, String)> {
        macro_rules! numbers {
            ($number:ty, $arrow:ty) => {{
                let numbers = cells.map(|cell| <$number>::from_le_bytes(self.sized(cell)));
                Arc::new(PrimitiveArray::<$arrow>::from_iter_values(numbers))
            }};
        }
        Ok(match (self.letter, self.n_bytes) {
            (b'f', 2) => {
                let numbers = cells.map(|cell| f16::from_le_bytes(self.sized(cell)).to_f32());
                Arc::new(Float32Array::from_iter_values(numbers))
            }
            (b'f', 4) => numbers!(f32, Float32Type),
            (b'f', _) => numbers!(f64, Float64Type),
            (b'i', 1) => numbers!(i8, Int8Type),
            (b'i', 2) => numbers!(i16, Int16Type),
            (b'i', 4) => numbers!(i32, Int32Type),
            (b'i', _) => numbers!(i64, Int64Type),
            (b'u', 1) => numbers!(u8, UInt8Type),
            (b'u', 2) => numbers!(u16, UInt16Type),
            (b'u', 4) => numbers!(u32, UInt32Type),
            (b'u', _) => numbers!(u64, UInt64Type),
            (b'b', _) => {
                let truths = cells.enumerate().map(|(row, cell)| match cell[0] {
                    truth @ (0 | 1) => Ok(truth == 1),
                    other => Err((
                        row,
                        format!(
                            "{other} is neither 0 nor 1, which a bool has to be; write it again"
                        ),
                    )),
                });
                Arc::new(BooleanArray::from(truths.collect::<Result<Vec<_>, _>>()?))
            }
            _ => {
                let texts = cells.enumerate().map(|(row, cell)| {
                    let text = self.text(&cell[..self.n_bytes]);
                    text.ok_or_else(|| (row, "is not a text; write it again".to_owned()))
                });
                Arc::new(LargeStringArray::from(
                    texts.collect::<Result<Vec<_>, _>>()?,
                ))
            }
        })
    }

    /// The text in the bytes of a cell, which zeros fill up, unless they are not characters.
    fn text(self, cell: &[u8]) -> Option<String> {
        let codes = cell
            .chunks(4)
            .map(|code| u32::from_le_bytes(self.sized(code)));
        let mut text: String = codes.map(char::from_u32).collect::<Option<_>>()?;
        text.truncate(text.trim_end_matches('\0').len());
        Some(text)
    }

    /// The first N bytes of a cell, the least significant first.
    fn sized<const N: usize>(self, cell: &[u8]) -> [u8; N] {
        let mut bytes = *cell
            .first_chunk()
            .expect("a cell has the bytes of its type");
        if self.is_big_endian {
            bytes.reverse();
        }
        bytes
    }
}
