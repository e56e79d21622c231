//! Halves that are never subnormal, as a device may flush those: below 2⁻¹⁴ a value becomes 0 or ±2⁻¹⁴.

/// Largest half.
pub(super) const MAX_HALF: f32 = 65_504.0;
/// Least half that is not subnormal, 2⁻¹⁴, as the bits of an f32; and the half itself.
const LEAST_HALF: u32 = 113 << 23;
const LEAST_HALF_CODE: u32 = 1 << 10;
/// From the exponent of a half to that of an f32.
const EXPONENT_SHIFT: u32 = 112 << 23;
/// The nearest half, ties to even, of a value of at most [`MAX_HALF`].
#[expect(
    clippy::cast_possible_truncation,
    reason = "a half has 16 bits; a check would keep the loop over a row from vector instructions"
)]
pub(super) fn half(x: f32) -> u16 {
    let bits = x.to_bits();
    let magnitude = bits & 0x7FFF_FFFF;
    let code = if magnitude >= LEAST_HALF {
        // The carry out of the fraction, if there is one, belongs to the exponent.
        let ties_to_even = 0xFFF + ((magnitude >> 13) & 1);
        (magnitude - EXPONENT_SHIFT + ties_to_even) >> 13
    } else if magnitude > LEAST_HALF - (1 << 23) {
        LEAST_HALF_CODE
    } else {
        0
    };
    (code | (bits >> 16 & 0x8000)) as u16
}

/// The value of a half that [`half`] gives.
pub(in crate::data) fn widened(half: u16) -> f32 {
    let half = u32::from(half);
    let magnitude = half & 0x7FFF;
    let bits = if magnitude == 0 {
        0
    } else {
        (magnitude << 13) + EXPONENT_SHIFT
    };
    f32::from_bits(bits | (half & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::{LEAST_HALF_CODE, half, widened};

    fn reference(bits: u16) -> f32 {
        ::half::f16::from_bits(bits).to_f32()
    }

    /// Halves that are used: finite, not subnormal.
    fn used() -> impl Iterator<Item = u16> {
        (0..=u16::MAX).filter(|bits| {
            let magnitude = bits & 0x7FFF;
            magnitude == 0 || (u32::from(magnitude) >= LEAST_HALF_CODE && magnitude < 0x7C00)
        })
    }

    #[test]
    fn every_half_widens_to_its_value_and_finds_itself_again() {
        assert_eq!(used().count(), 2 * (1 + 30 * 1024), "halves");
        for bits in used() {
            let value = widened(bits);
            assert_eq!(value.to_bits(), reference(bits).to_bits(), "{bits:#x}");
            assert_eq!(half(value), bits, "{value}");
        }
    }

    /// At every half, at the middle between it and the next, and one f32 to either side of both.
    #[test]
    fn values_go_to_the_nearest_half_and_ties_to_the_even_one() {
        let normal = used().filter(|bits| (0x0400..0x7BFF).contains(bits));
        for bits in normal {
            let (low, high) = (reference(bits), reference(bits + 1));
            let middle = low + (high - low) / 2.0;
            for value in [low, low.next_up(), middle.next_down(), middle]
                .into_iter()
                .chain([middle.next_up(), high.next_down(), high])
            {
                for value in [value, -value] {
                    let expected = ::half::f16::from_f32(value).to_bits();
                    assert_eq!(half(value), expected, "{value:e}");
                }
            }
        }
    }

    #[test]
    fn values_below_the_least_half_go_to_it_or_to_0() {
        let least = reference(0x0400);
        let middle = least / 2.0;
        for (value, expected) in [
            (0.0, 0.0),
            (f32::from_bits(1), 0.0),
            (middle, 0.0),
            (middle.next_up(), least),
            (least.next_down(), least),
            (least, least),
        ] {
            assert_eq!(
                widened(half(value)).to_bits(),
                f32::to_bits(expected),
                "{value:e}"
            );
            let negative = widened(half(-value));
            assert_eq!(negative.to_bits(), f32::to_bits(-expected), "-{value:e}");
        }
    }
}
