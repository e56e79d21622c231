//! Decimal numbers to the nearest f32, the same bits as `str::parse` gives, several times as fast.
//!
//! Up to 19 digits are an integer w < 2⁶⁴, and the number is w · 10ᵉ. In f64 w, the power and their product are each
//! rounded by at most a part in 2⁵³, so the product is within 3 ulp of the number. Rounded on to f32 it gives the
//! nearest f32 wherever no midpoint between two f32 lies as near; there, and for all other spellings, `str::parse`
//! decides. (Clinger, How to Read Floating Point Numbers Accurately, PLDI 1990, has the case without rounding.)

mod short;

/// 10⁻²² to 10²², each the nearest f64.
const POWERS: [f64; 45] = [
    1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10,
    1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Any number of as many digits is below 2⁶⁴.
const MAX_DIGITS: usize = 19;

/// Reads the number that begins at `text[*at]` and moves `at` behind it; `None` where there is none, or none that is
/// decided here. What follows the number is the caller's to judge.
#[inline(always)]
pub(super) fn fast(text: &[u8], at: &mut usize) -> Option<f32> {
    if let Some(short) = short::read(text, *at)
        && !matches!(text.get(short.end), Some(b'e' | b'E'))
        && let Some(magnitude) = rounded(short.integer, -short.n_decimals.cast_signed())
    {
        *at = short.end;
        return Some(signed(short.negative, magnitude));
    }
    any(text, at)
}

/// As [`fast`], of any length, in any place.
#[inline(never)]
fn any(text: &[u8], at: &mut usize) -> Option<f32> {
    let mut here = *at;
    let negative = text.get(here) == Some(&b'-');
    here += usize::from(negative);
    let start = here;
    let mut integer = digits(0, text, &mut here);
    let mut n_digits = here - start;
    let mut significant = n_digits;
    let mut exponent = 0;
    if text.get(here) == Some(&b'.') {
        here += 1;
        let start = here;
        if integer == 0 {
            significant = 0;
            while text.get(here) == Some(&b'0') {
                here += 1;
            }
        }
        let first = here;
        integer = digits(integer, text, &mut here);
        significant += here - first;
        n_digits += here - start;
        exponent = i32::try_from(here - start).ok()?.checked_neg()?;
    }
    if n_digits == 0 || significant > MAX_DIGITS {
        return None;
    }
    if let Some(b'e' | b'E') = text.get(here) {
        here += 1;
        exponent = power(text, &mut here)?.checked_add(exponent)?;
    }
    let magnitude = rounded(integer, exponent)?;
    *at = here;
    Some(signed(negative, magnitude))
}

/// Without a branch, to which a sign is anyone's guess.
fn signed(negative: bool, magnitude: f32) -> f32 {
    f32::from_bits(magnitude.to_bits() | u32::from(negative) << 31)
}

/// The f32 nearest to w · 10ᵉ, where it can be told.
fn rounded(integer: u64, exponent: i32) -> Option<f32> {
    if integer == 0 {
        return Some(0.0);
    }
    let power = POWERS.get(usize::try_from(exponent.checked_add(22)?).ok()?)?;
    let value = integer as f64 * power;
    // The 29 bits that an f32 has not got; half of them is a midpoint. Subnormal f32 have others.
    const LOST: u64 = (1 << 29) - 1;
    const MIDPOINT: u64 = 1 << 28;
    const NEAR: u64 = 4;
    let decided = (value.to_bits() & LOST).abs_diff(MIDPOINT) > NEAR
        && value >= f64::from(f32::MIN_POSITIVE)
        && value <= f64::from(f32::MAX);
    #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
    let value = value as f32;
    decided.then_some(value)
}

/// The power of ten after an `e`.
fn power(text: &[u8], at: &mut usize) -> Option<i32> {
    let sign = match text.get(*at)? {
        b'-' => -1,
        b'+' => 1,
        _ => 0,
    };
    *at += usize::from(sign != 0);
    let start = *at;
    let mut power = 0;
    while let Some(digit @ b'0'..=b'9') = text.get(*at) {
        power = power * 10 + i32::from(digit - b'0');
        *at += 1;
    }
    let n_digits = *at - start;
    (1..=4)
        .contains(&n_digits)
        .then_some(if sign < 0 { -power } else { power })
}

/// Appends the digits from `text[*at]` on to `number`, eight at a time; past 19 of them it wraps.
fn digits(mut number: u64, text: &[u8], at: &mut usize) -> u64 {
    const TENS: [u64; 9] = [
        1,
        10,
        100,
        1000,
        10_000,
        100_000,
        1_000_000,
        10_000_000,
        100_000_000,
    ];
    loop {
        let eight = match text[*at..].first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => padded(&text[*at..]),
        };
        let n = n_digits(eight);
        number = number
            .wrapping_mul(TENS[n])
            .wrapping_add(value_of(eight, n));
        *at += n;
        if n < 8 {
            return number;
        }
    }
}

/// Fewer than eight bytes, and zeros, which are no digits.
fn padded(rest: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(eight)
}

/// How many of eight bytes are digits before the first that is none.
fn n_digits(eight: u64) -> usize {
    // A digit has the upper half 3, before and after 6 is added to it.
    const UPPER: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    const THREES: u64 = 0x3030_3030_3030_3030;
    let others = (eight & UPPER) ^ THREES;
    let above_nine = ((eight & !UPPER) + 0x0606_0606_0606_0606) & UPPER;
    ((others | above_nine).trailing_zeros() / 8) as usize
}

/// The number of the first `n` of eight digits: neighbours are joined to pairs, fours and the eight.
fn value_of(eight: u64, n: usize) -> u64 {
    if n == 0 {
        return 0;
    }
    // Moved up, past zeros in the places of more significant digits.
    let digits = (eight << (64 - 8 * n)) & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = (digits.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(1 + (10_000 << 32)) >> 32
}

#[cfg(test)]
mod tests {
    use super::fast;

    /// Alone and among others, which are read in different ways.
    fn read(text: &str) -> Option<(f32, usize)> {
        const BEFORE: &str = "0.25,-17,0.5,-8.75,";
        let among = format!("{BEFORE}{text},0.25,-17,0.5,8");
        let [alone, among] = [(text, 0), (&among, BEFORE.len())].map(|(text, start)| {
            let mut at = start;
            fast(text.as_bytes(), &mut at).map(|value| (value.to_bits(), at - start))
        });
        assert_eq!(alone, among, "{text}");
        alone.map(|(bits, end)| (f32::from_bits(bits), end))
    }

    #[test]
    fn every_spelling_gives_the_bits_of_the_standard_library() {
        let mut n_fast = 0;
        let spellings = [
            "0",
            "-0",
            "0.0",
            "-0.000",
            "1",
            "1.",
            ".5",
            "-.5",
            "00012",
            "12345678",
            "123456789",
            "0.1",
            "3.4028235e38",
            "1e22",
            "1E-22",
            "9007199254740993",
            "16777217",
            "16777219",
            "0.00012345678901234567",
            "1234567890123456789",
            "1e-45",
            "1.17549435e-38",
            "8388608.5",
            "8388609.5",
            "340282356779733661637539395458142568447",
            "1e+5",
            "-7.5e-3",
            "1e0007",
        ];
        for text in spellings {
            let expected: f32 = text.parse().unwrap();
            if let Some((value, end)) = read(text) {
                n_fast += 1;
                assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
                assert_eq!(end, text.len(), "{text}");
            }
        }
        assert!(n_fast >= 20, "{n_fast} of {} read here", spellings.len());
    }

    /// Numbers at, below and above the midpoints between two f32, to the last of 19 digits; shortest and longest
    /// spellings of f32 and f64; digits without a plan.
    #[test]
    fn hard_numbers_give_the_bits_of_the_standard_library() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 16
        };
        let mut n_fast = 0;
        let n_rounds = 200_000;
        for round in 0..n_rounds {
            let bits = u32::try_from(random() & 0x7FFF_FFFF).unwrap();
            let value = f32::from_bits(bits % 0x7F80_0000);
            let middle = (f64::from(value) + f64::from(value.next_up())) / 2.0;
            let text = match round % 6 {
                0 => format!("{value}"),
                1 => format!("{value:e}"),
                2 => format!("{middle:.18e}"),
                3 => format!("{:.16e}", middle.next_up()),
                4 => format!("{}.{}", random() % 100_000, random()),
                _ => format!("0.{:0width$}", random() % 1_000_000, width = round % 20),
            };
            let expected: f32 = text.parse().unwrap();
            if let Some((value, end)) = read(&text) {
                n_fast += 1;
                assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
                assert_eq!(end, text.len(), "{text}");
            }
        }
        assert!(n_fast > n_rounds / 3, "{n_fast} read here");
    }

    #[test]
    fn what_is_no_number_is_left_where_it_stands() {
        for text in [
            "", "-", ".", "-.", "e5", "abc", " 1", "+1", "nan", "inf", "1e", "1e+", "\"1\"", "--1",
            "/1", "..",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("12,5"), Some((12.0, 2)));
        assert_eq!(read("1.5\r\n"), Some((1.5, 3)));
        assert_eq!(read("7abc"), Some((7.0, 1)));
        assert_eq!(read("1.5.2"), Some((1.5, 3)));
        assert_eq!(read("1-2"), Some((1.0, 1)));
        assert_eq!(read("1/2"), Some((1.0, 1)));
    }
}
