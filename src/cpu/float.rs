//! The numbers that networks are computed in.

use crate::simd::mul_add;
use std::cell::RefCell;
use std::fmt::Debug;
use std::ops::{Add, AddAssign};
use std::thread::LocalKey;

/// f32 or f64.
pub(super) trait Float:
    Copy
    + Debug
    + Default
    + Add<Output = Self>
    + AddAssign
    + From<f32>
    + Into<f64>
    + Send
    + Sync
    + 'static
{
    /// The nearest number to `x`.
    fn rounded(x: f64) -> Self;

    /// `a · b + c`, rounded once where `FUSED` and otherwise twice.
    fn mul_add<const FUSED: bool>(a: Self, b: Self, c: Self) -> Self;

    /// The memory that this thread keeps for numbers of this kind.
    fn free_memory() -> &'static LocalKey<RefCell<Vec<Vec<Self>>>>;
}

impl Float for f64 {
    #[inline(always)]
    fn rounded(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn mul_add<const FUSED: bool>(a: Self, b: Self, c: Self) -> Self {
        mul_add::<FUSED>(a, b, c)
    }

    fn free_memory() -> &'static LocalKey<RefCell<Vec<Vec<Self>>>> {
        thread_local! {
            static FREE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
        }
        &FREE
    }
}

impl Float for f32 {
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "to round is what is asked for"
    )]
    fn rounded(x: f64) -> Self {
        x as Self
    }

    #[inline(always)]
    fn mul_add<const FUSED: bool>(a: Self, b: Self, c: Self) -> Self {
        if FUSED { a.mul_add(b, c) } else { a * b + c }
    }

    fn free_memory() -> &'static LocalKey<RefCell<Vec<Vec<Self>>>> {
        thread_local! {
            static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
        }
        &FREE
    }
}
