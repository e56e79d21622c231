//! Memory that a thread takes again and again: a batch needs as much as the one before it, and to ask the system for
//! it each time takes as long as the arithmetic.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// The most buffers that a thread keeps.
const MOST: usize = 1024;

thread_local! {
    static FREE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers whose memory is kept for the next buffer.
#[derive(Debug, Default)]
pub(super) struct Buffer(Vec<f64>);

impl Buffer {
    /// `length` zeros, in the smallest memory that is free and large enough.
    pub(super) fn zeros(length: usize) -> Self {
        let free = FREE.with_borrow_mut(|free| {
            let fitting = free.iter().enumerate();
            let fitting = fitting.filter(|(_, numbers)| numbers.capacity() >= length);
            let (at, _) = fitting.min_by_key(|(_, numbers)| numbers.capacity())?;
            Some(free.swap_remove(at))
        });
        let mut numbers = free.unwrap_or_default();
        numbers.clear();
        numbers.resize(length, 0.0);
        Self(numbers)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.0);
        // At the end of a thread there is nobody to keep it for.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if numbers.capacity() > 0 && free.len() < MOST {
                free.push(numbers);
            }
        });
    }
}

impl Deref for Buffer {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.0
    }
}
