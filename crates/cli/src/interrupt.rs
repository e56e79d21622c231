//! Ctrl-C: the first ends a training with what it has reached, the second the process at once.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code that shells give a process ended by Ctrl-C.
pub(crate) const EXIT_CODE: u8 = 130;

/// Whether Ctrl-C was pressed.
static PRESSED: AtomicBool = AtomicBool::new(false);

/// `Break` once Ctrl-C was pressed.
pub(crate) fn flow() -> ControlFlow<()> {
    match PRESSED.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

/// Handles Ctrl-C and requests of the system to end from now on.
pub(crate) fn handle() {
    let handler = || {
        if PRESSED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(EXIT_CODE));
        }
    };
    // If no handler can be set, Ctrl-C ends the process at once, which is its default.
    drop(ctrlc::set_handler(handler));
}
