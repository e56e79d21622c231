//! Exponential and logarithm without a branch or a call, so that loops over them become vectors.

use crate::simd::mul_add;
use std::f64::consts::{LN_2, LOG2_E};

/// `exp(x)` for x ≤ 0, to 2 ULP; 0 below −708, where the result would be subnormal.
///
/// `exp(x) = 2ⁿ exp(r)` with `r = x − n ln 2` in [−½ ln 2, ½ ln 2], and Taylor's series for exp(r) to
/// degree 13, its remainder below 5·10⁻¹⁸ (Muller et al., "Handbook of Floating-Point Arithmetic", 2nd
/// edition, section 10.2: reduction with ln 2 in two parts).
#[inline(always)]
pub(super) fn exp<const FUSED: bool>(x: f64) -> f64 {
    // ln 2 in two parts, the first so short that n times it is exact.
    const LN_2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEE0_0000);
    const LN_2_LOW: f64 = f64::from_bits(0x3DEA_39EF_3579_3C76);
    let (n, power) = nearest_power::<FUSED>(x);
    let r = mul_add::<FUSED>(n, -LN_2_HIGH, x);
    let r = mul_add::<FUSED>(n, -LN_2_LOW, r);
    let [low, middle, high, r4] = terms::<FUSED>(r);
    let upper = mul_add::<FUSED>(high, r4, middle);
    let series = mul_add::<FUSED>(upper, r4, low);
    if x < -708.0 { 0.0 } else { series * power }
}

/// [`exp`] in a shorter chain of operations that wait for each other, to 2 ULP too; exp(−708) below −708. One product
/// with ln 2, rounded but once, gives r; what ln 2 has beyond a number is made up for in the power,
/// `2ⁿ (1 − n LN_2_REST)`.
#[inline(always)]
pub(super) fn exp_of_short_chain<const FUSED: bool>(x: f64) -> f64 {
    const LN_2_REST: f64 = 2.319_046_813_846_3e-17;
    if !FUSED {
        return exp::<FUSED>(x);
    }
    // A choice at the end would become a branch for each number where few of them are written out.
    let x = if x < -708.0 { -708.0 } else { x };
    let (n, power) = nearest_power::<FUSED>(x);
    let r = mul_add::<FUSED>(n, -LN_2, x);
    let [low, middle, high, r4] = terms::<FUSED>(r);
    let lower = mul_add::<FUSED>(middle, r4, low);
    let series = mul_add::<FUSED>(high, r4 * r4, lower);
    series * mul_add::<FUSED>(power, n * -LN_2_REST, power)
}

/// The integer n nearest to `x / ln 2`, and 2ⁿ.
#[inline(always)]
fn nearest_power<const FUSED: bool>(x: f64) -> (f64, f64) {
    // Adding 1.5 · 2⁵² rounds to an integer, which then stands in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let shifted = mul_add::<FUSED>(x, LOG2_E, ROUND);
    let power = (shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits());
    (shifted - ROUND, f64::from_bits(power))
}

/// Taylor's series for exp(r) as `low + middle r⁴ + high r⁸`, and r⁴. Pairs of terms, then pairs of pairs: short chains
/// of dependent operations.
#[inline(always)]
fn terms<const FUSED: bool>(r: f64) -> [f64; 4] {
    let pair = |i: usize| mul_add::<FUSED>(INVERSE_FACTORIALS[i + 1], r, INVERSE_FACTORIALS[i]);
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = mul_add::<FUSED>(pair(2), r2, pair(0));
    let middle = mul_add::<FUSED>(pair(6), r2, pair(4));
    let high = mul_add::<FUSED>(pair(10), r2, pair(8));
    [low, middle, mul_add::<FUSED>(pair(12), r4, high), r4]
}

/// `1 / i!` for i up to 13.
const INVERSE_FACTORIALS: [f64; 14] = {
    let mut inverse = [1.0; 14];
    let mut factorial = 1.0;
    let mut i = 1;
    while i < inverse.len() {
        factorial *= i as f64;
        inverse[i] = 1.0 / factorial;
        i += 1;
    }
    inverse
};

/// `ln(1 + q)` for q in [0, 1], to 2 ULP, however small q is.
///
/// `ln(1 + q) = 2 artanh(u)` with `u = q / (2 + q)` in [0, ⅓], and the series of artanh to u³³, its
/// remainder below 5·10⁻¹⁸ of the result (Abramowitz and Stegun, 4.1.27).
#[inline(always)]
pub(super) fn ln_1p<const FUSED: bool>(q: f64) -> f64 {
    let u = q / (2.0 + q);
    let u2 = u * u;
    let u4 = u2 * u2;
    // Two chains, of the even and of the odd terms.
    let (mut even, mut odd) = (ODD_INVERSES[16], ODD_INVERSES[15]);
    let mut i = 14;
    while i > 0 {
        even = mul_add::<FUSED>(even, u4, ODD_INVERSES[i]);
        odd = mul_add::<FUSED>(odd, u4, ODD_INVERSES[i - 1]);
        i -= 2;
    }
    even = mul_add::<FUSED>(even, u4, 1.0);
    let series = mul_add::<FUSED>(odd, u2, even);
    2.0 * u * series
}

/// `ln(s)` for s in [1, 2³¹], to 3 ULP: `s = 2ⁿ (1 + q)`.
#[inline(always)]
pub(super) fn ln<const FUSED: bool>(s: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let n = (s.to_bits() >> 52) as i32 - 1023;
    let one_to_two = f64::from_bits(s.to_bits() & MANTISSA | 1.0_f64.to_bits());
    mul_add::<FUSED>(f64::from(n), LN_2, ln_1p::<FUSED>(one_to_two - 1.0))
}

/// `1 / (2i + 1)` for i up to 16.
const ODD_INVERSES: [f64; 17] = {
    let mut inverse = [1.0; 17];
    let mut i = 0;
    while i < inverse.len() {
        inverse[i] = 1.0 / (2 * i + 1) as f64;
        i += 1;
    }
    inverse
};

#[cfg(test)]
mod tests {
    use super::{exp, exp_of_short_chain, ln, ln_1p};

    /// Whether `value` is within 2 ULP of `reference`, itself the nearest or next to it.
    fn close(value: f64, reference: f64) -> bool {
        (value - reference).abs() <= 3.0 * f64::EPSILON * reference
    }

    #[test]
    fn exp_is_that_of_the_standard_library() {
        let mut x = 0.0;
        while x > -708.0 {
            for value in [
                exp::<true>(x),
                exp::<false>(x),
                exp_of_short_chain::<true>(x),
            ] {
                assert!(
                    close(value, x.exp()),
                    "exp({x}) = {value:e}, not {:e}",
                    x.exp()
                );
            }
            x -= 0.000_731 + 1e-4 * x.abs();
        }
        for x in [-708.1, -745.0, -1e4, -1e300] {
            for value in [exp::<true>(x), exp_of_short_chain::<true>(x)] {
                assert!(value <= 1e-307, "exp({x}) = {value:e}");
            }
        }
        for x in [-0.0, -1e-300, -1e-17] {
            assert!(
                close(exp::<true>(x), 1.0),
                "exp({x}) = {:e}",
                exp::<true>(x)
            );
        }
    }

    #[test]
    fn ln_is_that_of_the_standard_library() {
        let mut s = 1.0;
        while s < 2e9 {
            for value in [ln::<true>(s), ln::<false>(s)] {
                assert!(
                    close(value, s.ln()),
                    "ln({s}) = {value:e}, not {:e}",
                    s.ln()
                );
            }
            s *= 1.000_37;
        }
    }

    #[test]
    fn ln_1p_is_that_of_the_standard_library() {
        let mut q = 1.0;
        while q > 1e-300 {
            for value in [ln_1p::<true>(q), ln_1p::<false>(q)] {
                assert!(
                    close(value, q.ln_1p()),
                    "ln(1 + {q:e}) = {value:e}, not {:e}",
                    q.ln_1p()
                );
            }
            q *= 0.9993;
        }
        assert!(
            ln_1p::<true>(0.0) <= 0.0,
            "ln(1 + 0) = {:e}",
            ln_1p::<true>(0.0)
        );
    }
}
