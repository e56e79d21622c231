//! What goes wrong on a device: errors while something is made, and those that nobody waits for.

use std::sync::{Arc, OnceLock};
use wgpu::ErrorFilter;

/// The first failure that no call has returned, among them kernels that did not compile. Every later wait returns it.
#[derive(Clone, Debug, Default)]
pub(in crate::gpu) struct Failure(Arc<OnceLock<String>>);

impl Failure {
    /// Keeps `message` unless there is an earlier one.
    pub(in crate::gpu) fn note(&self, message: String) {
        let _ = self.0.set(message);
    }

    pub(super) fn noted(&self) -> Option<&String> {
        self.0.get()
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
