//! The threads of the CPU.

use crate::error::{Error, Remedy, Result};

/// Numbers for whose sake threads are woken.
const WORTH_SHARING: usize = 1 << 16;

/// A pool of `threads` threads; `None` takes every core.
pub(super) fn of(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .map_err(|error| Error::Setting {
            setting: "threads",
            reason: format!("the threads could not be started: {error}"),
            remedies: &[Remedy::Do("take fewer")],
        })
}

/// The CPU for people to read: how many threads compute, and with `what`.
pub(super) fn described(n_threads: usize, what: &str) -> String {
    match n_threads {
        1 => format!("1 thread, {what}"),
        n => format!("{n} threads, {what}"),
    }
}

/// Calls `work`, which does something for each of `n_numbers` numbers, on the threads of `pool`, if it is worth it.
pub(super) fn share<R: Send>(
    pool: &rayon::ThreadPool,
    n_numbers: usize,
    work: impl FnOnce() -> R + Send,
) -> R {
    if n_numbers >= WORTH_SHARING && pool.current_num_threads() > 1 {
        pool.install(work)
    } else {
        work()
    }
}
