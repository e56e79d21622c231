//! Memory that is read and nothing else: the ceiling of a pass over data.

use super::multiplier::software;
use neuralnet::backend::{Backend, BackendKind};
use neuralnet::{Hardware, Result, cpu, gpu};

/// What is read to find the ceiling, as a multiple of the caches.
const CACHES: u64 = 4;
/// The least that is read to find the ceiling.
const LEAST_BYTES: u64 = 256 << 20;
/// No GPU of today has larger caches; wgpu tells no size.
const GPU_CACHE_BYTES: u64 = 256 << 20;

/// Memory that is read and nothing else, of the hardware a backend runs on.
pub(super) struct Reader {
    /// Bytes that are read at once.
    pub(super) bytes: u64,
    /// The largest cache between this memory and what reads it.
    pub(super) cache_bytes: u64,
    read: Box<dyn FnMut() -> Result<f64>>,
}

impl Reader {
    pub(super) fn new(backend: &dyn Backend, hardware: &Hardware) -> Result<Self> {
        if backend.kind() == BackendKind::Gpu {
            let bytes = LEAST_BYTES.max(CACHES * GPU_CACHE_BYTES);
            let mut reader = gpu::Reader::new(bytes, software(hardware))?;
            // Where the CPU runs the shaders, no shader reads as fast as it does by itself.
            if !reader.is_software() {
                return Ok(Self {
                    bytes: reader.bytes(),
                    cache_bytes: GPU_CACHE_BYTES,
                    read: Box::new(move || reader.seconds()),
                });
            }
        }
        let cache_bytes = cpu::cache_bytes();
        let reader = cpu::Reader::new(LEAST_BYTES.max(CACHES * cache_bytes), hardware.threads)?;
        Ok(Self {
            bytes: reader.bytes(),
            cache_bytes,
            read: Box::new(move || Ok(reader.seconds())),
        })
    }

    /// Reads all of it once, and returns the seconds that took.
    pub(super) fn seconds(&mut self) -> Result<f64> {
        (self.read)()
    }
}
