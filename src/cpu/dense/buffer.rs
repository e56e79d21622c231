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

    /// `length` numbers, which may be those of an earlier use, in the smallest memory that is free and large enough.
    pub(super) fn of_length(length: usize) -> Self {
        let free = T::free_memory().with_borrow_mut(|free| {
            let fitting = free.iter().enumerate();
            let fitting = fitting.filter(|(_, numbers)| numbers.capacity() >= length);
            let (at, _) = fitting.min_by_key(|(_, numbers)| numbers.capacity())?;
            Some(free.swap_remove(at))
        });
        let mut numbers = free.unwrap_or_default();
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
