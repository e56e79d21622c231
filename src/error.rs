//! Everything that can go wrong, each with the place, the reason, and the remedies.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// The result of every fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Something to change after an error. A program that has names of its own for the settings, such as flags, can tell
/// a remedy in those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Give the setting of this name that value.
    Set(&'static str, &'static str),
    /// Give the setting of this name a smaller value.
    Lower(&'static str),
    /// Give the setting of this name a larger value.
    Raise(&'static str),
    /// Do something that is not a setting.
    Do(&'static str),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(setting, value) => write!(f, "set `{setting}` to {value}"),
            Self::Lower(setting) => write!(f, "lower `{setting}`"),
            Self::Raise(setting) => write!(f, "raise `{setting}`"),
            Self::Do(what) => f.write_str(what),
        }
    }
}

/// Alternatives in one sentence: `a`, `a, or b`, or `a, b, or c`.
#[must_use]
pub fn alternatives<T: fmt::Display>(remedies: impl IntoIterator<Item = T>) -> String {
    let told: Vec<String> = remedies
        .into_iter()
        .map(|remedy| remedy.to_string())
        .collect();
    match told.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{}, or {last}", others.join(", ")),
    }
}

/// Remedies that several errors share.
pub(crate) const ON_THE_CPU: Remedy = Remedy::Set("backend", "cpu");
pub(crate) const LEAVE_OUT: Remedy = Remedy::Do("leave it out");
pub(crate) const RESCALE: Remedy = Remedy::Do("rescale the columns");
pub(crate) const CLIP: Remedy = Remedy::Set("clip_norm", "1, which bounds the gradient");

/// Why an operation failed. Nothing was trained, or what was trained is not a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be written.
    Write {
        /// The file as it was named, not the one beside it that was to take its place.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a model or a checkpoint that can be used.
    Model {
        /// The file as it was named.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A `synthetic:` description or arrays handed to the library do not make a data set.
    Dataset {
        /// The data set as it was named.
        source_name: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A setting has a value that cannot be used.
    Setting {
        /// The name of the setting, as a field of the configuration has it.
        setting: &'static str,
        /// What is wrong.
        reason: String,
        /// What to change.
        remedies: &'static [Remedy],
    },
    /// An input does not fit the storage.
    Input {
        /// File, line and column, or row and column.
        place: String,
        /// The value and the limit.
        reason: String,
        /// What to change.
        remedies: &'static [Remedy],
    },
    /// The data do not fit the objective.
    Target {
        /// File, line and column, or row and column.
        place: String,
        /// The target.
        value: f32,
    },
    /// The values of a comparison with f32 may leave its range.
    BeyondF32 {
        /// The data set as it was named.
        source_name: String,
        /// What has the largest number.
        what: String,
        /// What to change.
        remedies: &'static [Remedy],
    },
    /// The parameters or the loss are no longer finite.
    Diverged {
        /// The last update before it. Of a network of one layer, the last one of the submission after which it was
        /// seen.
        iteration: u64,
        /// What is no longer finite; of a network with hidden layers, with the first layer of which something is.
        what: Cow<'static, str>,
        /// What to change.
        remedies: Vec<Remedy>,
    },
    /// More than the memory of this machine.
    HostMemory {
        /// What was to be held.
        what: String,
        /// Bytes.
        needed: u64,
    },
    /// No adapter can be used.
    NoAdapter {
        /// Why not.
        reason: String,
        /// What to change.
        remedies: &'static [Remedy],
    },
    /// The device's limits are below what the problem needs.
    DeviceLimit {
        /// The adapter's name.
        adapter: String,
        /// Both numbers.
        reason: String,
    },
    /// The device refused an allocation.
    DeviceMemory {
        /// The adapter's name.
        adapter: String,
        /// What was to be held.
        what: String,
        /// Bytes.
        needed: u64,
        /// Bytes already held for this problem.
        held: u64,
    },
    /// The device failed while it worked.
    DeviceFailed {
        /// The adapter's name.
        adapter: String,
        /// What the driver said.
        message: String,
    },
}

impl Error {
    /// wgpu sees no adapter at all.
    #[must_use]
    pub fn no_adapter() -> Self {
        Self::NoAdapter {
            reason: "no adapter: wgpu sees no Vulkan, Metal or DX12 device".to_owned(),
            remedies: &[
                Remedy::Do("install the GPU's driver"),
                Remedy::Do("install a software adapter (Debian and Ubuntu: mesa-vulkan-drivers)"),
                ON_THE_CPU,
            ],
        }
    }

    /// Whether the cause is a device (absent, too small, or failed), not the user's input.
    #[must_use]
    pub fn is_device(&self) -> bool {
        matches!(
            self,
            Self::NoAdapter { .. }
                | Self::DeviceLimit { .. }
                | Self::DeviceMemory { .. }
                | Self::DeviceFailed { .. }
        )
    }

    /// What went wrong and where, without the remedies.
    #[must_use]
    pub fn statement(&self) -> String {
        match self {
            Self::Write { path, source } => {
                format!("{}: cannot be written: {source}", path.display())
            }
            Self::Model { path, reason } => format!("{}: {reason}", path.display()),
            Self::Setting {
                setting, reason, ..
            } => format!("`{setting}`: {reason}"),
            Self::Dataset {
                source_name: place,
                reason,
            }
            | Self::Input { place, reason, .. }
            | Self::DeviceLimit {
                adapter: place,
                reason,
            } => format!("{place}: {reason}"),
            Self::Target { place, value } => format!(
                "{place}: target {value} lies outside [0, 1], which cross-entropy cannot use"
            ),
            Self::BeyondF32 {
                source_name, what, ..
            } => format!(
                "{source_name}: {what}, so values may leave the range of f32, whose largest is {:e}, and no error bound holds",
                f32::MAX
            ),
            Self::Diverged {
                iteration, what, ..
            } => format!("training diverged: after iteration {iteration} {what} is not finite"),
            Self::HostMemory { what, needed } => format!(
                "{what} needs {needed} bytes of host memory, which this machine does not grant"
            ),
            Self::NoAdapter { reason, .. } => reason.clone(),
            Self::DeviceMemory {
                adapter,
                what,
                needed,
                held,
            } => format!(
                "{adapter}: out of memory: {what} needs {needed} bytes, refused after {held} bytes were held"
            ),
            Self::DeviceFailed { adapter, message } => {
                format!("{adapter}: the device failed: {message}")
            }
        }
    }

    /// What to change, one of these; empty for errors that tell it with their reason.
    #[must_use]
    pub fn remedies(&self) -> &[Remedy] {
        match self {
            // What the system said has a number; other reasons tell what to do.
            Self::Write { source, .. } if source.raw_os_error().is_some() => &[
                Remedy::Do("make room there"),
                Remedy::Do("get the right to write there"),
                Remedy::Do("name another file"),
            ],
            Self::Write { .. } | Self::Model { .. } | Self::Dataset { .. } => &[],
            Self::Setting { remedies, .. }
            | Self::Input { remedies, .. }
            | Self::BeyondF32 { remedies, .. }
            | Self::NoAdapter { remedies, .. } => remedies,
            Self::Diverged { remedies, .. } => remedies,
            Self::DeviceLimit { .. } => &[
                Remedy::Do("take fewer rows, columns or hidden units"),
                ON_THE_CPU,
            ],
            Self::Target { .. } => &[
                Remedy::Do("rescale it"),
                Remedy::Set("activation", "identity"),
            ],
            Self::HostMemory { .. } => &[Remedy::Do("take fewer rows")],
            Self::DeviceMemory { .. } => &[
                Remedy::Do("take fewer rows"),
                Remedy::Do("take a larger device"),
                ON_THE_CPU,
            ],
            Self::DeviceFailed { .. } => &[Remedy::Do("run again"), ON_THE_CPU],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.statement())?;
        match self.remedies() {
            [] => Ok(()),
            remedies => write!(f, "; {}", alternatives(remedies)),
        }
    }
}
