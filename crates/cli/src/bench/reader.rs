//! Memory that is read and nothing else: the ceiling of a pass over data.

use neuralnet::backend::{Backend, BackendKind};
use neuralnet::gpu::{self, Software};
use neuralnet::{BackendChoice, Hardware, Result, cpu};

/// What is read to find the ceiling, as a multiple of the caches.
const CACHES: u64 = 4;
/// … and at least.
const LEAST_BYTES: u64 = 256 << 20;
/// No GPU of today has larger caches; wgpu tells no size.
const GPU_CACHE_BYTES: u64 = 256 << 20;

/// Memory that is read and nothing else, of the hardware a backend runs on.
pub(super) enum Reader {
    Cpu(cpu::Reader),
    Gpu(gpu::Reader),
}

impl Reader {
    pub(super) fn new(backend: &dyn Backend, hardware: &Hardware) -> Result<Self> {
        let bytes = |cache: u64| (CACHES * cache).max(LEAST_BYTES);
        let on_cpu = || {
            let bytes = bytes(cpu::cache_bytes());
            Ok(Self::Cpu(cpu::Reader::new(bytes, hardware.threads)?))
        };
        if backend.kind() == BackendKind::Cpu {
            return on_cpu();
        }
        let software = match hardware.backend {
            BackendChoice::Auto => Software::Refused,
            BackendChoice::Gpu | BackendChoice::Cpu => Software::Allowed,
        };
        let reader = gpu::Reader::new(bytes(GPU_CACHE_BYTES), software)?;
        // Where the CPU runs the shaders, no shader reads as fast as it does by itself.
        if reader.is_software() {
            return on_cpu();
        }
        Ok(Self::Gpu(reader))
    }

    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Cpu(reader) => reader.bytes(),
            Self::Gpu(reader) => reader.bytes(),
        }
    }

    pub(super) fn seconds(&mut self) -> Result<f64> {
        match self {
            Self::Cpu(reader) => Ok(reader.seconds()),
            Self::Gpu(reader) => reader.seconds(),
        }
    }

    /// The largest cache between this memory and what reads it.
    pub(super) fn cache_bytes(&self) -> u64 {
        match self {
            Self::Cpu(_) => cpu::cache_bytes(),
            Self::Gpu(_) => GPU_CACHE_BYTES,
        }
    }
}
