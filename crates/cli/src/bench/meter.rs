//! The ceilings: memory that is read and nothing else, and multiply-adds out of registers and nothing else.

use super::median;
use neuralnet::backend::BackendKind;
use neuralnet::gpu::{self, Software};
use neuralnet::{BackendChoice, Hardware, Precision, Result, cpu};

/// What is read on a CPU to find the ceiling, as a multiple of its caches.
const CACHES: u64 = 4;
/// The least that is read on a CPU to find the ceiling.
const LEAST_BYTES: u64 = 256 << 20;
/// No GPU of today has larger caches; wgpu tells no size.
const GPU_CACHE_BYTES: u64 = 256 << 20;

/// Something that is timed again and again.
pub(super) struct Meter {
    /// Bytes that a measurement reads, or floating-point operations that it makes.
    pub(super) amount: u64,
    /// Seconds of each measurement.
    pub(super) seconds: Vec<f64>,
    run: Box<dyn FnMut() -> Result<f64>>,
}

impl Meter {
    fn new(amount: u64, run: impl FnMut() -> Result<f64> + 'static) -> Self {
        Self {
            amount,
            seconds: Vec::new(),
            run: Box::new(run),
        }
    }

    /// Measures once more.
    pub(super) fn measure(&mut self) -> Result<()> {
        self.seconds.push((self.run)()?);
        Ok(())
    }

    /// Bytes or operations per second, by the median of the last `n` measurements.
    pub(super) fn rate(&self, n: usize) -> f64 {
        let first = self.seconds.len() - n;
        self.amount as f64 / median(&self.seconds[first..])
    }
}

/// Reads the memory of a backend's hardware. Beside it the bytes of the largest cache between that memory and what reads
/// it.
pub(super) fn reader(kind: BackendKind, hardware: &Hardware) -> Result<(Meter, u64)> {
    if kind == BackendKind::Gpu {
        let mut reader = gpu::Reader::new(CACHES * GPU_CACHE_BYTES, software(hardware))?;
        // Where the CPU runs the shaders, no shader reads as fast as it does by itself.
        if !reader.is_software() {
            let meter = Meter::new(reader.bytes(), move || reader.seconds());
            return Ok((meter, GPU_CACHE_BYTES));
        }
    }
    let cache_bytes = cpu::cache_bytes();
    let reader = cpu::Reader::new(LEAST_BYTES.max(CACHES * cache_bytes), hardware.threads)?;
    let meter = Meter::new(reader.bytes(), move || Ok(reader.seconds()));
    Ok((meter, cache_bytes))
}

/// Multiplies and adds on a backend's hardware. Beside it the precision of the numbers, which is the backend's.
pub(super) fn multiplier(kind: BackendKind, hardware: &Hardware) -> Result<(Meter, &'static str)> {
    if kind == BackendKind::Gpu {
        let mut multiplier = gpu::Multiplier::new(software(hardware))?;
        let meter = Meter::new(multiplier.flop(), move || multiplier.seconds());
        return Ok((meter, "float32"));
    }
    let precision = hardware.precision.unwrap_or(Precision::F64);
    let multiplier = cpu::Multiplier::new(hardware.threads, precision)?;
    let meter = Meter::new(multiplier.flop(), move || Ok(multiplier.seconds()));
    let name = match precision {
        Precision::F64 => "float64",
        Precision::F32 => "float32",
    };
    Ok((meter, name))
}

/// Whether a software adapter may be what the backend runs on.
fn software(hardware: &Hardware) -> Software {
    match hardware.backend {
        BackendChoice::Auto => Software::Refused,
        BackendChoice::Gpu | BackendChoice::Cpu => Software::Allowed,
    }
}
