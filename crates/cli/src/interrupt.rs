//! Ctrl-C: the first ends a training where it stands, the second the process at once.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a shell expects of a process that Ctrl-C has ended.
pub(crate) const EXIT_CODE: u8 = 130;

/// Whether Ctrl-C was pressed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        match self.0.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// From now on Ctrl-C, or the request of a system to end, is noted first.
pub(crate) fn handled() -> Interrupted {
    let interrupted = Interrupted::default();
    let noted = interrupted.clone();
    let handler = move || {
        if noted.0.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(EXIT_CODE));
        }
    };
    // Where no handler can be set, Ctrl-C ends the process at once, as it does by itself.
    drop(ctrlc::set_handler(handler));
    interrupted
}
