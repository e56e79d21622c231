//! Numbers of fewer than 16 bytes, as most are, by vectors of bytes. Nothing here branches on how many digits there are,
//! which no machine predicts.

use wide::{i16x8, u8x16, u16x8};

/// ± `integer` · 10^−`n_decimals`, and where it ends.
pub(super) struct Short {
    pub(super) negative: bool,
    /// Below 10¹⁵.
    pub(super) integer: u64,
    pub(super) n_decimals: u32,
    pub(super) end: usize,
}

/// Reads the number that begins at `text[at]`: digits, a point before, among or behind them or none, perhaps a `-`.
/// `None` where there is none, or the bytes around it are too few.
#[inline(always)]
pub(super) fn read(text: &[u8], at: usize) -> Option<Short> {
    let bytes = vector(text, at)?;
    // These bytes follow each other: - . / 0 1 2 3 4 5 6 7 8 9
    let n_bytes = among(bytes, b'-', b'9').trailing_ones();
    if n_bytes == 0 || n_bytes == 16 {
        return None;
    }
    let end = at + n_bytes as usize;
    let all = (1 << n_bytes) - 1;
    let negative = text[at] == b'-';
    let points = among(bytes, b'.', b'.') & all;
    let has_point = points != 0;
    let others = all & !among(bytes, b'0', b'9');
    let n_digits = n_bytes - u32::from(negative) - u32::from(has_point);
    let one_point = points & points.wrapping_sub(1) == 0;
    if !one_point || others != points | u32::from(negative) || n_digits == 0 {
        return None;
    }
    let point = (points | (all + 1)).trailing_zeros();
    let n_decimals = n_bytes.saturating_sub(point + 1);
    // Its last digit last, and what stands before the point one byte further, over the point.
    let start = end.checked_sub(16 + usize::from(has_point))?;
    let decimals = last(n_decimals);
    let characters = (vector(text, end - 16)? & decimals) | (vector(text, start)? & !decimals);
    let digits = (characters - u8x16::splat(b'0')) & last(n_digits);
    Some(Short {
        negative,
        integer: value_of(digits),
        n_decimals,
        end,
    })
}

#[inline(always)]
fn vector(text: &[u8], at: usize) -> Option<u8x16> {
    let bytes: &[u8; 16] = text.get(at..)?.first_chunk()?;
    Some(u8x16::new(*bytes))
}

/// A bit for each byte: whether it is one of those from `first` to `last`.
#[inline(always)]
fn among(bytes: u8x16, first: u8, last: u8) -> u32 {
    let distance = bytes - u8x16::splat(first);
    let nearer = distance.min(u8x16::splat(last - first));
    nearer.simd_eq(distance).to_bitmask()
}

/// All bits of the last `n` bytes.
#[inline(always)]
fn last(n: u32) -> u8x16 {
    const WINDOW: [u8; 32] = {
        let mut window = [0; 32];
        let mut at = 16;
        while at < 32 {
            window[at] = 0xFF;
            at += 1;
        }
        window
    };
    let bytes: &[u8; 16] = WINDOW[n as usize & 15..]
        .first_chunk()
        .expect("two vectors");
    u8x16::new(*bytes)
}

/// The number of 16 digits: neighbours are joined to pairs, fours, eights and all.
#[inline(always)]
fn value_of(digits: u8x16) -> u64 {
    let neighbours: u16x8 = bytemuck::cast(digits);
    let pairs = (neighbours & u16x8::splat(0xFF)) * u16x8::splat(10) + (neighbours >> 8_i32);
    let pairs: i16x8 = bytemuck::cast(pairs);
    let fours = pairs.dot(i16x8::new([100, 1, 100, 1, 100, 1, 100, 1]));
    let [upper, lower]: [u64; 2] = bytemuck::cast(fours);
    let joined = |fours: u64| fours.wrapping_mul(1 + (10_000 << 32)) >> 32;
    joined(upper) * 100_000_000 + joined(lower)
}
