//! Panics of the crate `parquet`, which damaged files cause: errors like any other.

use super::{Parsed, damaged};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread becomes an error, which is told in its place.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` gives; an error where it panics, as the crate does on some damaged pages, such as one that asks for a
/// dictionary where there is none. Nothing of the panic reaches stderr; those of other threads do as ever.
pub(super) fn contained<T>(read: impl FnOnce() -> Parsed<T>) -> Parsed<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !CONTAINED.get() {
                others(panic);
            }
        }));
    });
    let before = CONTAINED.replace(true);
    let read = panic::catch_unwind(AssertUnwindSafe(read));
    CONTAINED.set(before);
    read.unwrap_or_else(|_| Err(damaged(&"its parts disagree")))
}

#[cfg(test)]
mod tests {
    use super::{CONTAINED, contained};
    use std::thread;

    #[test]
    fn only_panics_of_the_reading_thread_are_contained_and_only_while_it_reads() {
        let elsewhere = || thread::spawn(|| CONTAINED.get()).join();
        let seen = contained(|| Ok((CONTAINED.get(), elsewhere().expect("no panic"))));
        assert_eq!(seen, Ok((true, false)));
        let refused = contained(|| -> Result<(), String> { panic!("a damaged page") });
        assert!(refused.is_err_and(|reason| reason.contains("its parts disagree")));
        assert!(!CONTAINED.get(), "after a panic");
    }
}
