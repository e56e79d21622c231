//! Everything that can go wrong, each with the place and the remedy.

use std::path::PathBuf;

/// The result of every fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation failed. Nothing was trained, or what was trained is not a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be written.
    #[error("{path}: cannot be written: {source}")]
    Write {
        /// The file as it was named, or the one beside it that was to take its place.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no model that can be used.
    #[error("{path}: {reason}")]
    Model {
        /// The file as it was named.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A `synthetic:` description or arrays handed to the library do not make a data set.
    #[error("{source_name}: {reason}")]
    Dataset {
        /// The data set as it was named.
        source_name: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A setting has a value that cannot be used.
    #[error("{flag}: {reason}")]
    Setting {
        /// The flag of the command line that sets it.
        flag: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// An input does not fit the storage.
    #[error("{place}: {reason}")]
    Input {
        /// File, line and column, or row and column.
        place: String,
        /// The value, the limit, and what to do.
        reason: String,
    },
    /// The data do not fit the objective.
    #[error(
        "{place}: target {value} lies outside [0, 1], which cross-entropy cannot use; rescale it, or take --loss squared-error"
    )]
    Target {
        /// File, line and column, or row and column.
        place: String,
        /// The target.
        value: f32,
    },
    /// The values of a comparison with f32 may leave its range.
    #[error(
        "{source_name}: values may leave the range of f32, whose largest is {largest:e}, so no error bound holds; rescale the columns, or train with --backend cpu",
        largest = f32::MAX
    )]
    BeyondF32 {
        /// The data set as it was named.
        source_name: String,
    },
    /// The parameters or the loss are no longer finite.
    #[error("training diverged: after iteration {iteration} the {what} is not finite; {remedy}")]
    Diverged {
        /// The last iteration of the batch after which it was seen.
        iteration: u64,
        /// What is no longer finite.
        what: &'static str,
        /// What to change.
        remedy: &'static str,
    },
    /// More than the memory of this machine.
    #[error(
        "{what} needs {needed} bytes of host memory, which this machine does not grant; take fewer rows"
    )]
    HostMemory {
        /// What was to be held.
        what: String,
        /// Bytes.
        needed: u64,
    },
    /// No adapter can be used.
    #[error("{0}")]
    NoAdapter(String),
    /// The device's limits are below what the problem needs.
    #[error("{adapter}: {reason}")]
    DeviceLimit {
        /// The adapter's name.
        adapter: String,
        /// Both numbers, and what to do.
        reason: String,
    },
    /// The device refused an allocation.
    #[error(
        "{adapter}: out of memory: {what} needs {needed} bytes, refused after {held} bytes were held; take fewer rows, a larger device, or --backend cpu"
    )]
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
    #[error("{adapter}: the device failed: {message}; run again, or take --backend cpu")]
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
        Self::NoAdapter(
            "no adapter: wgpu sees no Vulkan, Metal or DX12 device; install the GPU's driver or a software adapter (Debian and Ubuntu: mesa-vulkan-drivers), or take --backend cpu".to_owned(),
        )
    }

    /// Whether the cause is a device (absent, too small, or failed), not the user's input.
    #[must_use]
    pub fn is_device(&self) -> bool {
        matches!(
            self,
            Self::NoAdapter(_)
                | Self::DeviceLimit { .. }
                | Self::DeviceMemory { .. }
                | Self::DeviceFailed { .. }
        )
    }
}
