//! Quantization of a column to bytes: `scale · (code + offset)`, where the sum is exact and the product is rounded
//! once.

/// Below this every integer is an f32.
const EXACT: f64 = (1 << 24) as f64;

/// The range of a column, and the power of two that all of its values are multiples of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ValueRange {
    pub(super) min: f32,
    max: f32,
    /// Every value is a multiple of 2^step; `i32::MAX` if all are 0.
    step: i32,
}

impl ValueRange {
    /// The range of a column without values.
    pub(super) const NONE: Self = Self {
        min: f32::INFINITY,
        max: f32::NEG_INFINITY,
        step: i32::MAX,
    };

    pub(super) fn add(&mut self, x: f32) {
        self.min = self.min.min(x);
        self.max = self.max.max(x);
        let magnitude = x.to_bits() & 0x7FFF_FFFF;
        let exponent = magnitude >> 23;
        let fraction = match exponent {
            0 => magnitude,
            _ => magnitude & 0x007F_FFFF | 0x0080_0000,
        };
        if fraction != 0 {
            let step = exponent.max(1) + fraction.trailing_zeros();
            self.step = self.step.min(step.cast_signed() - 150);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.step = self.step.min(other.step);
    }

    /// The largest magnitude.
    pub(super) fn largest(self) -> f64 {
        f64::from(self.min.abs().max(self.max.abs()))
    }

    /// The largest value less the smallest.
    pub(super) fn width(self) -> f64 {
        f64::from(self.max) - f64::from(self.min)
    }
}

/// Decodes a byte as `scale · (code + offset)`, and encodes a value as the nearest code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AffineQuantizer {
    pub(crate) scale: f32,
    pub(crate) offset: f32,
    /// 1 / scale
    inverse: f64,
    /// ½ − offset: with it, cutting off the fraction rounds to the nearest.
    half: f64,
}

impl AffineQuantizer {
    /// For synthetic features, which lie in [−1, 1): a code is the upper 8 bits of a feature.
    pub(super) const SYNTHETIC: Self = Self::new(1.0 / 128.0, -127.5);

    /// For whole numbers from 0 to 255: a code is its value.
    pub(super) const BYTES: Self = Self::new(1.0, 0.0);

    const fn new(scale: f32, offset: f32) -> Self {
        Self {
            scale,
            offset,
            inverse: 1.0 / scale as f64,
            half: 0.5 - offset as f64,
        }
    }

    /// Steps that hold the values of a column exactly if there are such, otherwise steps from its smallest to its
    /// largest value. `None` if these would leave the range of f32.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "scales and offsets are rounded to f32 or exact in it"
    )]
    pub(super) fn fitted(range: ValueRange) -> Option<Self> {
        if range.step >= 0 && range.min >= 0.0 && range.max <= 255.0 {
            return Some(Self::BYTES);
        }
        let step = f64::from(range.step).exp2();
        let exact = range.width() / step <= 255.0 && range.largest() / step <= EXACT;
        if exact && (step as f32).is_normal() {
            let offset = f64::from(range.min) / step;
            return Some(Self::new(step as f32, offset as f32));
        }
        // Wide enough that code + offset stays below 2²², so that a value finds its code again.
        let scale = (range.width() / 255.0)
            .max(range.largest() / (EXACT / 4.0))
            .max(f64::from(f32::MIN_POSITIVE)) as f32;
        Self::finite(scale, f64::from(range.min) / f64::from(scale))
    }

    /// The quantizer of the same codes for the values `(x − center) · inverse_scale`; for 0 if that is 0.
    #[expect(clippy::cast_possible_truncation, reason = "scales are rounded to f32")]
    pub(super) fn standardised(self, center: f64, inverse_scale: f64) -> Option<Self> {
        if inverse_scale <= 0.0 {
            return Some(Self::BYTES);
        }
        let scale = (f64::from(self.scale) * inverse_scale) as f32;
        let offset = f64::from(self.offset) - center / f64::from(self.scale);
        match scale.is_normal() {
            true => Self::finite(scale, offset),
            false => None,
        }
    }

    /// An offset as fine as it can be with code + offset exact; `None` if a value would leave the range of f32.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the offset is exact in f32"
    )]
    fn finite(scale: f32, offset: f64) -> Option<Self> {
        let fineness = (EXACT / (offset.abs() + 256.0)).log2().floor().exp2();
        let offset = (offset * fineness).round() / fineness;
        let column = Self::new(scale, offset as f32);
        let ends = [column.decode(0), column.decode(255)];
        ends.iter().all(|end| end.is_finite()).then_some(column)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast should cut off the fraction and end at 0 and 255"
    )]
    pub(super) fn encode(self, x: f32) -> u8 {
        (f64::from(x) * self.inverse + self.half) as u8
    }

    pub(super) fn decode(self, code: u8) -> f32 {
        self.scale * (f32::from(code) + self.offset)
    }

    /// Whether the scale is a power of two, so that a device multiplies by it without rounding.
    pub(super) fn is_exact(self) -> bool {
        self.scale.to_bits() & 0x007F_FFFF == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{AffineQuantizer, ValueRange};

    fn range(values: &[f32]) -> ValueRange {
        let mut range = ValueRange::NONE;
        values.iter().for_each(|x| range.add(*x));
        range
    }

    fn rounded(column: AffineQuantizer, x: f32) -> f32 {
        column.decode(column.encode(x))
    }

    #[test]
    fn what_is_on_equal_dyadic_steps_is_kept_exactly() {
        let bytes: Vec<f32> = (0..=255_u8).map(f32::from).collect();
        let map = |of: &dyn Fn(f32) -> f32| bytes.iter().map(|x| of(*x)).collect::<Vec<f32>>();
        for (what, values) in [
            ("pictures", bytes.clone()),
            ("two bytes", vec![3.0, 255.0]),
            ("centred", map(&|x| x - 128.0)),
            ("years", map(&|x| 1900.0 + x)),
            ("thousands", map(&|x| x * 1024.0)),
            ("256ths", map(&|x| x / 256.0 - 0.5)),
            ("as large as goes", map(&|x| 16_777_216.0 - x)),
            ("as low as goes", map(&|x| x - 16_777_216.0)),
            ("tiny", map(&|x| x * f32::MIN_POSITIVE)),
            ("one value", vec![0.1]),
            ("one huge value", vec![-3.3e38]),
            ("nothing", vec![0.0, -0.0]),
        ] {
            let column = AffineQuantizer::fitted(range(&values)).unwrap();
            assert!(column.is_exact(), "{what}: {column:?}");
            for x in values {
                let kept = (rounded(column, x) - x).abs() <= 0.0;
                assert!(kept, "{what}: {x:e} by {column:?}");
            }
        }
        assert_eq!(
            AffineQuantizer::fitted(range(&bytes)),
            Some(AffineQuantizer::BYTES),
            "pictures"
        );
    }

    /// Ranges far from 0, across it, tiny, subnormal, as wide as f32: each value goes to the nearest
    /// step, each code is its own, and neither sums nor ends need rounding.
    #[test]
    fn what_is_not_goes_to_the_nearest_step() {
        for (min, max) in [
            (-1.0_f32, 1.0_f32),
            (0.0, 0.1),
            (-0.3, 1.7),
            (1e6, 1_000_001.3),
            (-16_777_215.0, -16_700_000.5),
            (1.7e9, 1.700_2e9),
            // 300 steps of f32 below 2²⁰, half as many above.
            (1_048_569.8, 1_048_588.5),
            (-1e-30, 7e30),
            (3e-38, 3.1e-37),
            (-1e-40, 1e-39),
            (-1.6e38, 1.6e38),
            (0.333_333_34, 0.333_333_4),
        ] {
            let steps = 1000_u16;
            let mut values: Vec<f32> = (0..=steps)
                .map(|i| {
                    let part = f64::from(i) / f64::from(steps);
                    #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
                    let x = (f64::from(min) + part * (f64::from(max) - f64::from(min))) as f32;
                    x
                })
                .collect();
            values.push(min.next_up());
            let range = range(&values);
            let column = AffineQuantizer::fitted(range).unwrap();
            let what = format!("[{min:e}, {max:e}] by {column:?}");
            assert!(column.scale.is_normal(), "{what}");
            let step = f64::from(column.scale);
            // A step more than needed by one part in 2¹⁵, an offset to the same, a product rounded.
            let slack = step * 2_f64.powi(-8) + range.largest() * 2_f64.powi(-24);
            for x in values {
                let error = (f64::from(x) - f64::from(rounded(column, x))).abs();
                assert!(error <= step / 2.0 + slack, "{x:e} of {what}: {error:e}");
            }
            for code in 0..=255 {
                let sum = f64::from(code) + f64::from(column.offset);
                let in_f32 = f64::from(f32::from(code) + column.offset);
                assert!((sum - in_f32).abs() <= 0.0, "{code} of {what}: rounded");
                assert_eq!(column.encode(column.decode(code)), code, "{what}");
            }
        }
    }

    #[test]
    fn steps_beyond_f32_are_refused() {
        // The smallest value lies at −∞: its offset is rounded away from 0.
        assert_eq!(
            AffineQuantizer::fitted(range(&[f32::MIN, 0.1 * f32::MAX])),
            None
        );
        assert!(
            AffineQuantizer::fitted(range(&[f32::MIN, f32::MAX])).is_some(),
            "all of f32"
        );
    }

    #[test]
    fn the_columns_of_synthetic_batches_hold_the_upper_bits() {
        for feature in [
            -8_388_608, -8_388_607, -65_537, -65_536, -1, 0, 1, 65_535, 8_388_607,
        ] {
            #[expect(clippy::cast_precision_loss, reason = "24 bits fit an f32 exactly")]
            let x = feature as f32 / 8_388_608.0;
            let code = AffineQuantizer::SYNTHETIC.encode(x);
            assert_eq!(i32::from(code), (feature >> 16) + 128, "{feature}");
        }
    }
}
