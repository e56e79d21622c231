//! The choice of a backend.

use crate::backend::{Backend, Problem};
use crate::cpu::Cpu;
use crate::error::{Error, LEAVE_OUT, ON_THE_CPU, Remedy, Result};
use crate::gpu::{Gpu, GpuOptions, Software};
use crate::precision::Precision;

/// Which backend trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendChoice {
    /// A real GPU if there is one, otherwise the CPU.
    #[default]
    Auto,
    /// An adapter; a software one if it is named or no other exists.
    Gpu,
    /// The host.
    Cpu,
}

/// The hardware to work on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// The choice of the backend.
    pub backend: BackendChoice,
    /// Threads of the CPU backend; `None` takes every core.
    pub threads: Option<usize>,
    /// The numbers to compute in; `None` for float64 on the CPU and float32 on a GPU, which has no other.
    pub precision: Option<Precision>,
    /// How a GPU is used.
    pub gpu: GpuOptions,
}

impl Hardware {
    /// The CPU, on every core.
    #[must_use]
    pub fn cpu() -> Self {
        Self {
            backend: BackendChoice::Cpu,
            ..Self::default()
        }
    }

    /// Opens the backend for `problem`, and says why it is this one unless the choice was plain.
    ///
    /// # Errors
    /// If the hardware cannot hold the problem or has no such numbers, or no adapter exists for a backend that needs one.
    pub fn open<'a>(&self, problem: Problem<'a>) -> Result<(Box<dyn Backend + 'a>, Vec<String>)> {
        let cpu = |problem| {
            let precision = self.precision.unwrap_or(Precision::F64);
            Ok::<_, Error>(Box::new(Cpu::in_precision(
                problem,
                self.threads,
                precision,
            )?))
        };
        let gpu = match self.backend {
            BackendChoice::Cpu => return Ok((cpu(problem)?, Vec::new())),
            BackendChoice::Auto if self.precision == Some(Precision::F64) => {
                let why = "a GPU does not compute in f64".to_owned();
                return Ok((cpu(problem)?, vec![why]));
            }
            BackendChoice::Gpu if self.precision == Some(Precision::F64) => {
                return Err(Error::Setting {
                    setting: "precision",
                    reason: "a GPU computes in f32 alone".to_owned(),
                    remedies: &[ON_THE_CPU, Remedy::Set("precision", "f32"), LEAVE_OUT],
                });
            }
            BackendChoice::Gpu => Gpu::new(problem, Software::Allowed, self.gpu)?,
            BackendChoice::Auto => match Gpu::new(problem.clone(), Software::Refused, self.gpu) {
                Err(why @ Error::NoAdapter { .. }) => {
                    return Ok((cpu(problem)?, vec![why.statement()]));
                }
                gpu => gpu?,
            },
        };
        let why = match self.backend {
            BackendChoice::Auto => Some("the first GPU there is"),
            _ => gpu.kind().notice(),
        };
        let why = why.map(str::to_owned);
        let notices = why.into_iter().chain(gpu.notice()).collect();
        Ok((Box::new(gpu), notices))
    }
}
