//! The arguments that say how the hardware is used.

use super::choice::choice;
use crate::error::{Error, Result};
use clap::Args;
use neuralnet::{BackendChoice, GpuOptions, Hardware, Precision, Storage};

/// The threads, and how the GPU's memory is used.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct HardwareArgs {
    /// Threads that read tables and that compute on the CPU; the bits do not depend on it (default: every core)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Hardware")]
    threads: Option<u16>,
    /// How the inputs are stored: f16 and u8 take half and a quarter of the memory and its traffic, and round the inputs; `validate` says by how much, and what that does to the loss. Bytes, such as those of pictures, lose nothing as u8 with --no-standardise
    #[arg(long, value_parser = choice::<Storage>(), default_value = "f32", help_heading = "Hardware")]
    storage: Storage,
    /// Bytes of one chunk of the data on the GPU; the bits do not depend on it (default: what one binding holds)
    #[arg(long, value_name = "BYTES", help_heading = "Hardware")]
    max_chunk_bytes: Option<u64>,
    /// Bytes of the training samples on the GPU at any time; what exceeds them streams in every iteration, the bits do not depend on it; held-out samples may take as many bytes besides, and mini-batches and predictions some MiB (default: what the GPU grants)
    #[arg(long, value_name = "BYTES", help_heading = "Hardware")]
    max_device_bytes: Option<u64>,
    /// Exchange sums through workgroup memory even where the GPU has subgroups
    #[arg(long, help_heading = "Hardware")]
    no_subgroups: bool,
}

impl HardwareArgs {
    /// How the inputs are stored.
    pub(super) fn storage(self) -> Storage {
        self.storage
    }

    /// Starts the threads that read tables.
    ///
    /// # Errors
    /// If the system does not grant them; to read a table would end in a panic.
    pub(crate) fn start_threads(threads: Option<Self>) -> Result<()> {
        let n = threads.and_then(|it| it.threads).map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n);
        pool.build_global().map_err(Error::Threads)
    }

    /// The hardware, with the backend and the precision that are asked for.
    pub(crate) fn with(self, backend: BackendChoice, precision: Option<Precision>) -> Hardware {
        Hardware {
            backend,
            threads: self.threads.map(usize::from),
            precision,
            gpu: GpuOptions {
                max_chunk_bytes: self.max_chunk_bytes,
                max_device_bytes: self.max_device_bytes,
                without_subgroups: self.no_subgroups,
                ..GpuOptions::default()
            },
        }
    }
}
