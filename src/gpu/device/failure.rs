//! What goes wrong on a device: errors while something is made, and those that nobody waits for.

use std::sync::{Arc, Mutex, PoisonError};
use wgpu::ErrorFilter;

/// The first failure that was not returned where it happened, or that a kernel was not compiled. Every later wait returns
/// it.
#[derive(Clone, Debug, Default)]
pub(in crate::gpu) struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    pub(in crate::gpu) fn note(&self, message: String) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(message);
    }

    pub(super) fn noted(&self) -> Option<String> {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.clone()
    }
}

/// Runs `make` inside error scopes, which are the current thread's.
pub(in crate::gpu) fn scoped<T>(
    device: &wgpu::Device,
    make: impl FnOnce(&wgpu::Device) -> T,
) -> Result<T, wgpu::Error> {
    let scopes = [
        ErrorFilter::Internal,
        ErrorFilter::Validation,
        ErrorFilter::OutOfMemory,
    ]
    .map(|filter| device.push_error_scope(filter));
    let made = make(device);
    // Scopes are a stack; every one has to be popped, the last first.
    let errors = scopes
        .into_iter()
        .rev()
        .map(|scope| pollster::block_on(scope.pop()));
    match errors.fold(None, |first, error| first.or(error)) {
        None => Ok(made),
        Some(error) => Err(error),
    }
}
