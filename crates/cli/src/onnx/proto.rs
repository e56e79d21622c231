//! Messages in the encoding of protocol buffers, of which ONNX needs whole numbers and bytes alone.

/// A message, written field by field. `tag` is the number that `onnx.proto` gives a field.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// Seven bits a byte, the lowest first; the eighth says whether more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 1 << 7 {
            self.0.push(value.to_le_bytes()[0] | 1 << 7);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    /// Adds the whole number `value`.
    pub(super) fn int(mut self, tag: u8, value: u64) -> Self {
        self.varint(u64::from(tag) << 3);
        self.varint(value);
        self
    }

    /// Adds bytes, or a text.
    pub(super) fn bytes(mut self, tag: u8, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.varint(u64::from(tag) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds each of `parts`, texts or messages, as a value of the field `tag`.
    pub(super) fn each<P: AsRef<[u8]>>(self, tag: u8, parts: impl IntoIterator<Item = P>) -> Self {
        parts
            .into_iter()
            .fold(self, |message, part| message.bytes(tag, part))
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
