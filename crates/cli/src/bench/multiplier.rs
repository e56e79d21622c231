//! Arithmetic and nothing else: the ceiling of the products of matrices.

use neuralnet::backend::BackendKind;
use neuralnet::gpu::{self, Software};
use neuralnet::{BackendChoice, Hardware, Precision, Result, cpu};

/// Multiply-adds out of registers, of the hardware and in the precision of a backend.
pub(super) struct Multiplier {
    /// Floating-point operations that are made at once.
    pub(super) flop: u64,
    /// Of the numbers.
    pub(super) precision: &'static str,
    multiply: Box<dyn FnMut() -> Result<f64>>,
}

impl Multiplier {
    pub(super) fn new(kind: BackendKind, hardware: &Hardware) -> Result<Self> {
        Ok(match kind {
            BackendKind::Cpu => {
                let precision = hardware.precision.unwrap_or(Precision::F64);
                let multiplier = cpu::Multiplier::new(hardware.threads, precision)?;
                Self {
                    flop: multiplier.flop(),
                    precision: match precision {
                        Precision::F64 => "float64",
                        Precision::F32 => "float32",
                    },
                    multiply: Box::new(move || Ok(multiplier.seconds())),
                }
            }
            BackendKind::Gpu => {
                let mut multiplier = gpu::Multiplier::new(software(hardware))?;
                Self {
                    flop: multiplier.flop(),
                    precision: "float32",
                    multiply: Box::new(move || multiplier.seconds()),
                }
            }
        })
    }

    /// Makes all of the operations once, and returns the seconds that took.
    pub(super) fn seconds(&mut self) -> Result<f64> {
        (self.multiply)()
    }
}

/// Whether a software adapter may be what the backend runs on.
pub(super) fn software(hardware: &Hardware) -> Software {
    match hardware.backend {
        BackendChoice::Auto => Software::Refused,
        BackendChoice::Gpu | BackendChoice::Cpu => Software::Allowed,
    }
}
