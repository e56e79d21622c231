//! Ctrl-C and requests of the system to end: the first one ends a training with what it has reached, any other one the
//! process, and leaves no unfinished file.

use neuralnet::atomic_file;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The exit code that shells give a process ended by Ctrl-C.
pub(crate) const EXIT_CODE: u8 = 130;

/// A request that follows the first one so soon is the same: `timeout` signals a program and then its group, and of a
/// terminal that closes both the kernel and the shell tell.
const ECHO: Duration = Duration::from_secs(1);

/// Says that the training ends, once there is one.
static TRAINING: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();
/// When the training was asked to end.
static ASKED: OnceLock<Instant> = OnceLock::new();

/// `Break` once the training was asked to end.
pub(crate) fn flow() -> ControlFlow<()> {
    match ASKED.get() {
        Some(_) => ControlFlow::Break(()),
        None => ControlFlow::Continue(()),
    }
}

/// Lets the next request end a training and not the process. It calls `tell` at once.
pub(crate) fn end_training(tell: impl Fn() + Send + Sync + 'static) {
    drop(TRAINING.set(Box::new(tell)));
}

fn asked() {
    match (TRAINING.get(), ASKED.get()) {
        (Some(tell), None) => {
            ASKED.get_or_init(Instant::now);
            tell();
        }
        (Some(_), Some(first)) if first.elapsed() < ECHO => {}
        _ => {
            atomic_file::remove_unfinished();
            std::process::exit(i32::from(EXIT_CODE));
        }
    }
}

/// Handles requests to end from now on. To be called before there are other threads.
#[cfg(not(unix))]
pub(crate) fn handle() -> crate::error::Result<()> {
    use crate::error::Error;
    ctrlc::set_handler(asked).map_err(|error| Error::Signals(error.to_string()))
}

#[cfg(unix)]
pub(crate) use signals::handle;

#[cfg(unix)]
mod signals {
    use super::asked;
    use crate::error::{Error, Result};
    use nix::sys::signal::{SigSet, Signal};
    use std::thread;

    /// The signals that ask a process to end, and their numbers.
    const SIGNALS: [(Signal, u32); 3] = [
        (Signal::SIGHUP, 1),
        (Signal::SIGINT, 2),
        (Signal::SIGTERM, 15),
    ];

    /// Handles requests to end from now on. To be called before there are other threads: these inherit that the signals
    /// are blocked, so that all of them reach the one that waits for them.
    pub(crate) fn handle() -> Result<()> {
        let ignored = ignored();
        let signals = SIGNALS.iter();
        let signals = signals.filter(|(_, number)| (ignored >> (number - 1)) & 1 == 0);
        let signals: SigSet = signals.map(|(signal, _)| *signal).collect();
        let wait = move || {
            while signals.wait().is_ok() {
                asked();
            }
        };
        let blocked = signals.thread_block().map_err(std::io::Error::from);
        let thread = blocked.and_then(|()| thread::Builder::new().spawn(wait));
        thread
            .map(drop)
            .map_err(|error| Error::Signals(error.to_string()))
    }

    /// The signals that whoever started this process wants it to ignore, as `nohup` does, a bit for each number. Only
    /// Linux tells; other systems give ignored signals to nobody who waits for them.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.unwrap_or_default()
    }
}
