//! Ctrl-C: the first ends a training with what it has reached, the second the process at once.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code that shells give a process ended by Ctrl-C.
pub(crate) const EXIT_CODE: u8 = 130;

/// Whether Ctrl-C was pressed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    /// `Break` once Ctrl-C was pressed.
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        match self.0.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Handles Ctrl-C and requests of the system to end from now on; the result says whether there was one.
pub(crate) fn handle() -> Interrupted {
    let interrupted = Interrupted::default();
    let noted = interrupted.clone();
    let handler = move || {
        if noted.0.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(EXIT_CODE));
        }
    };
    // If no handler can be set, Ctrl-C ends the process at once, which is its default.
    drop(ctrlc::set_handler(handler));
    interrupted
}
