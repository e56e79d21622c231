//! What an array is of: the types of NumPy that are plain numbers or texts.

use crate::columns::shown;
use half::f16;

/// The type of an array's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) kind: ElementKind,
    /// Whether the most significant byte stands first.
    pub(crate) big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementKind {
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    /// Unicode, so many characters of 4 bytes each, filled up with zeros.
    Text(usize),
}

impl Element {
    /// float32, as it is used in place.
    pub(crate) const F32: Self = Self {
        kind: ElementKind::F32,
        big_endian: false,
    };

    /// Of a type's name, such as `<f4`; what is wrong with it, and what to do, where it is none of them.
    pub(super) fn parse(descr: &[u8]) -> Result<Self, String> {
        let refused = |why: &str| {
            Err(format!(
                "holds `{}`, {why}",
                shown(&String::from_utf8_lossy(descr))
            ))
        };
        let (order, name) = descr.split_first().unwrap_or((&0, &[]));
        let kind = match name {
            b"f2" => ElementKind::F16,
            b"f4" => ElementKind::F32,
            b"f8" => ElementKind::F64,
            b"i1" => ElementKind::I8,
            b"i2" => ElementKind::I16,
            b"i4" => ElementKind::I32,
            b"i8" => ElementKind::I64,
            b"u1" => ElementKind::U8,
            b"u2" => ElementKind::U16,
            b"u4" => ElementKind::U32,
            b"u8" => ElementKind::U64,
            b"b1" => ElementKind::Bool,
            [b'U', length @ ..] => match std::str::from_utf8(length).map(str::parse) {
                Ok(Ok(length)) => ElementKind::Text(length),
                _ => return refused("no type that NumPy has; write it with numpy.save"),
            },
            b"O" => {
                return refused(
                    "Python objects, which only Python can read; save X.astype('<f4'), or of texts X.astype('U')",
                );
            }
            _ => {
                return refused(
                    "and numbers of 1, 2, 4 or 8 bytes are needed; save X.astype('<f4')",
                );
            }
        };
        let element = Self {
            kind,
            big_endian: *order == b'>',
        };
        match order {
            b'<' | b'>' => Ok(element),
            b'|' if element.bytes() == 1 => Ok(element),
            _ => refused("no type that NumPy has; write it with numpy.save"),
        }
    }

    /// Bytes of one element.
    pub(crate) fn bytes(self) -> usize {
        match self.kind {
            ElementKind::I8 | ElementKind::U8 | ElementKind::Bool => 1,
            ElementKind::F16 | ElementKind::I16 | ElementKind::U16 => 2,
            ElementKind::F32 | ElementKind::I32 | ElementKind::U32 => 4,
            ElementKind::F64 | ElementKind::I64 | ElementKind::U64 => 8,
            // Where this is more than can be counted, so is the array.
            ElementKind::Text(length) => length.saturating_mul(4),
        }
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self.kind, ElementKind::Text(_))
    }

    /// The element whose bytes begin `bytes`, as the nearest f32: not finite where it has none, and where it is a text.
    #[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is wanted")]
    pub(super) fn number(self, bytes: &[u8]) -> f32 {
        match self.kind {
            ElementKind::F16 => f16::from_le_bytes(self.sized(bytes)).to_f32(),
            ElementKind::F32 => f32::from_le_bytes(self.sized(bytes)),
            ElementKind::F64 => f64::from_le_bytes(self.sized(bytes)) as f32,
            ElementKind::I8 => i8::from_le_bytes(self.sized(bytes)).into(),
            ElementKind::I16 => i16::from_le_bytes(self.sized(bytes)).into(),
            ElementKind::I32 => i32::from_le_bytes(self.sized(bytes)) as f32,
            ElementKind::I64 => i64::from_le_bytes(self.sized(bytes)) as f32,
            ElementKind::U8 => bytes[0].into(),
            ElementKind::U16 => u16::from_le_bytes(self.sized(bytes)).into(),
            ElementKind::U32 => u32::from_le_bytes(self.sized(bytes)) as f32,
            ElementKind::U64 => u64::from_le_bytes(self.sized(bytes)) as f32,
            ElementKind::Bool => match bytes[0] {
                truth @ (0 | 1) => truth.into(),
                _ => f32::NAN,
            },
            ElementKind::Text(_) => f32::NAN,
        }
    }

    /// The element whose bytes begin `bytes`, in the fewest digits that give it back, or the text that it is;
    /// none where it is not a text though its type says so.
    pub(super) fn text(self, bytes: &[u8]) -> Option<String> {
        Some(match self.kind {
            ElementKind::F16 | ElementKind::F32 => self.number(bytes).to_string(),
            ElementKind::F64 => f64::from_le_bytes(self.sized(bytes)).to_string(),
            ElementKind::I8 => i8::from_le_bytes(self.sized(bytes)).to_string(),
            ElementKind::I16 => i16::from_le_bytes(self.sized(bytes)).to_string(),
            ElementKind::I32 => i32::from_le_bytes(self.sized(bytes)).to_string(),
            ElementKind::I64 => i64::from_le_bytes(self.sized(bytes)).to_string(),
            ElementKind::U8 | ElementKind::Bool => bytes[0].to_string(),
            ElementKind::U16 => u16::from_le_bytes(self.sized(bytes)).to_string(),
            ElementKind::U32 => u32::from_le_bytes(self.sized(bytes)).to_string(),
            ElementKind::U64 => u64::from_le_bytes(self.sized(bytes)).to_string(),
            ElementKind::Text(_) => {
                let characters = bytes[..self.bytes()].chunks_exact(4);
                let codes = characters.map(|bytes| u32::from_le_bytes(self.sized(bytes)));
                let text: Option<String> = codes.map(char::from_u32).collect();
                text?.trim_end_matches('\0').to_owned()
            }
        })
    }

    /// The first N of `bytes`, the least significant first.
    fn sized<const N: usize>(self, bytes: &[u8]) -> [u8; N] {
        let mut sized = [0; N];
        sized.copy_from_slice(&bytes[..N]);
        if self.big_endian {
            sized.reverse();
        }
        sized
    }
}
