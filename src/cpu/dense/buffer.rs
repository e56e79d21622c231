//! Memory that a thread takes again and again: a batch needs as much as the one before it, and to ask the system for
//! it each time takes as long as the arithmetic.

use crate::cpu::float::Float;
use std::ops::{Deref, DerefMut};

/// The most buffers that a thread keeps.
const MOST: usize = 1024;

/// Numbers whose memory is kept for the next buffer.
#[derive(Debug, Default)]
pub(super) struct Buffer<T: Float>(Vec<T>);

impl<T: Float> Buffer<T> {
    /// `length` zeros.
    pub(super) fn zeros(length: usize) -> Self {
        let mut zeros = Self::of_length(length);
        zeros.fill(T::default());
        zeros
    }

    /// `length` numbers, which may be those of an earlier use, in the smallest memory that is free and large enough. If
    /// there is none, the largest that is free is given back for it: what is too small for later networks would be kept for
    /// good.
    pub(super) fn of_length(length: usize) -> Self {
        let free = T::free_memory().with_borrow_mut(|free| {
            let all = free.iter().map(Vec::capacity).enumerate();
            let fitting = all.clone().filter(|(_, capacity)| *capacity >= length);
            let smallest = fitting.min_by_key(|(_, capacity)| *capacity);
            let (at, _) = smallest.or_else(|| all.max_by_key(|(_, capacity)| *capacity))?;
            Some(free.swap_remove(at))
        });
        let fitting = free.filter(|numbers| numbers.capacity() >= length);
        let mut numbers = fitting.unwrap_or_default();
        numbers.resize(length, T::default());
        Self(numbers)
    }
}

impl<T: Float> Drop for Buffer<T> {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.0);
        // At the end of a thread there is nobody to keep it for.
        let _ = T::free_memory().try_with(|free| {
            let mut free = free.borrow_mut();
            if numbers.capacity() > 0 && free.len() < MOST {
                free.push(numbers);
            }
        });
    }
}

impl<T: Float> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Float> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffer, Float};

    #[test]
    fn what_earlier_networks_held_is_given_back() {
        for length in (100..1000).step_by(100) {
            let both = [length, 2 * length].map(Buffer::<f64>::of_length);
            assert_eq!(both.each_ref().map(|it| it.len()), [length, 2 * length]);
        }
        let kept = f64::free_memory().with_borrow(Vec::len);
        assert_eq!(kept, 2, "buffers");
    }
}
