//! Halves that are never subnormal, as a device may flush those: below 2⁻¹⁴ a value becomes 0 or ±2⁻¹⁴.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// Values converted at a time: whole slices are converted several times faster than single values.
pub(super) const BLOCK: usize = 64;

/// The smallest half that is normal, 2⁻¹⁴.
const LEAST: f32 = f16::MIN_POSITIVE.to_f32_const();

/// The nearest halves, ties to even, of at most [`BLOCK`] values in the range of f16; none of them subnormal.
pub(super) fn normal_halves<'a>(values: &[f32], halves: &'a mut [f16; BLOCK]) -> &'a [f16] {
    let (mut normal, n) = ([0.0; BLOCK], values.len());
    for (normal, x) in normal.iter_mut().zip(values) {
        let nearest = if x.abs() > LEAST / 2.0 { LEAST } else { 0.0 };
        *normal = if x.abs() >= LEAST {
            *x
        } else {
            nearest.copysign(*x)
        };
    }
    halves[..n].convert_from_f32_slice(&normal[..n]);
    &halves[..n]
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, normal_halves};
    use half::f16;

    fn normal_half(x: f32) -> f16 {
        normal_halves(&[x], &mut [f16::ZERO; BLOCK])[0]
    }

    /// Halves that are normal and finite, or 0.
    fn used() -> impl Iterator<Item = f16> {
        let all = (0..=u16::MAX).map(f16::from_bits);
        all.filter(|half| half.is_normal() || half.to_bits() << 1 == 0)
    }

    #[test]
    fn every_normal_half_finds_itself_again() {
        assert_eq!(used().count(), 2 * (1 + 30 * 1024), "halves");
        for half in used() {
            let bits = normal_half(half.to_f32()).to_bits();
            assert_eq!(bits, half.to_bits(), "{half}");
        }
    }

    /// At the middle between every half and the next, and one f32 to either side.
    #[test]
    fn values_go_to_the_nearest_half_and_ties_to_the_even_one() {
        for low in used().filter(|half| (0x0400..0x7BFF).contains(&half.to_bits())) {
            let high = f16::from_bits(low.to_bits() + 1);
            let even = if low.to_bits() % 2 == 0 { low } else { high };
            let middle = low.to_f32() + (high.to_f32() - low.to_f32()) / 2.0;
            for (value, expected) in [
                (middle.next_down(), low),
                (middle, even),
                (middle.next_up(), high),
            ] {
                assert_eq!(normal_half(value), expected, "{value:e}");
                assert_eq!(normal_half(-value), -expected, "-{value:e}");
            }
        }
    }

    #[test]
    fn values_below_the_least_normal_half_go_to_it_or_to_0() {
        let least = f16::MIN_POSITIVE.to_f32();
        let middle = least / 2.0;
        for (value, expected) in [
            (0.0, 0.0),
            (f32::from_bits(1), 0.0),
            (middle, 0.0),
            (middle.next_up(), least),
            (least.next_down(), least),
            (least, least),
        ] {
            for (value, expected) in [(value, expected), (-value, -expected)] {
                let found = normal_half(value).to_f32();
                assert_eq!(found.to_bits(), f32::to_bits(expected), "{value:e}");
            }
        }
    }
}
