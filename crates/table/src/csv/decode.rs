//! Texts that are not UTF-8 with line feeds: what spreadsheets and old systems write.

use crate::file::Bytes;
use memchr::{memchr, memchr_iter};

/// Bytes that tell whether lines end in carriage returns alone.
const LOOKED_AT: usize = 1 << 16;

/// The text as UTF-8 whose lines end in a line feed; unchanged if it is.
pub(super) fn decoded(bytes: Bytes) -> Result<Bytes, String> {
    let bytes = match bytes[..] {
        [0xff, 0xfe, ..] => utf16(&bytes[2..], u16::from_le_bytes)?.into(),
        [0xfe, 0xff, ..] => utf16(&bytes[2..], u16::from_be_bytes)?.into(),
        // Without a mark, the zeros of the first letters tell.
        [1..=255, 0, 1..=255, 0, ..] => utf16(&bytes, u16::from_le_bytes)?.into(),
        [0, 1..=255, 0, 1..=255, ..] => utf16(&bytes, u16::from_be_bytes)?.into(),
        _ => bytes,
    };
    let first = &bytes[..bytes.len().min(LOOKED_AT)];
    if memchr(b'\n', first).is_some() || memchr(b'\r', first).is_none() {
        return Ok(bytes);
    }
    let mut text = bytes.to_vec();
    for at in 0..text.len() {
        if text[at] == b'\r' && text.get(at + 1) != Some(&b'\n') {
            text[at] = b'\n';
        }
    }
    Ok(text.into())
}

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Result<Vec<u8>, String> {
    let units = bytes.as_chunks().0.iter().map(|bytes| unit(*bytes));
    let mut text = String::with_capacity(bytes.len() / 2);
    let is_whole = char::decode_utf16(units).try_for_each(|char| char.map(|char| text.push(char)));
    match is_whole {
        Ok(()) if bytes.len().is_multiple_of(2) => Ok(text.into_bytes()),
        _ => Err(format!(
            "is UTF-16 that is damaged after line {}; save the file as UTF-8",
            memchr_iter(b'\n', text.as_bytes()).count()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn utf16_with_and_without_a_mark_and_lines_of_carriage_returns_are_read() {
        let text = "a,b\ré,2\r";
        let utf16 = |mark: &str, order: fn(u16) -> [u8; 2]| {
            (mark.to_owned() + text)
                .encode_utf16()
                .flat_map(order)
                .collect::<Vec<u8>>()
        };
        for bytes in [
            utf16("\u{feff}", u16::to_le_bytes),
            utf16("\u{feff}", u16::to_be_bytes),
            utf16("", u16::to_le_bytes),
            utf16("", u16::to_be_bytes),
            text.as_bytes().to_vec(),
        ] {
            let read = decoded(bytes.into()).expect("whole");
            assert_eq!(str::from_utf8(&read), Ok("a,b\né,2\n"));
        }
        let mut cut = utf16("\u{feff}", u16::to_le_bytes);
        cut.pop();
        let message = decoded(cut.into()).err().expect("cut short");
        assert!(message.contains("damaged after line"), "{message}");
    }
}
