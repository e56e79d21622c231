//! The choice of a backend.

use crate::backend::{Backend, Problem};
use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, GpuOptions, Software};

/// Which backend trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendChoice {
    /// A real GPU if there is one, otherwise the CPU.
    #[default]
    Auto,
    /// An adapter; a software one if it is named or no other exists.
    Gpu,
    /// The host, in float64.
    Cpu,
}

/// The hardware to work on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// The choice of the backend.
    pub backend: BackendChoice,
    /// Threads of the CPU backend; `None` takes every core.
    pub threads: Option<usize>,
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
    /// If the hardware cannot hold the problem, or no adapter exists for a backend that needs one.
    pub fn open<'a>(
        &self,
        problem: Problem<'a>,
    ) -> Result<(Box<dyn Backend + 'a>, Option<String>)> {
        let cpu = |problem| Ok::<_, Error>(Box::new(Cpu::new(problem, self.threads)?));
        let gpu = match self.backend {
            BackendChoice::Cpu => return Ok((cpu(problem)?, None)),
            BackendChoice::Gpu => Gpu::new(problem, Software::Allowed, self.gpu)?,
            BackendChoice::Auto => match Gpu::new(problem.clone(), Software::Refused, self.gpu) {
                Err(why @ Error::NoAdapter { .. }) => {
                    return Ok((cpu(problem)?, Some(why.statement())));
                }
                gpu => gpu?,
            },
        };
        let why = match self.backend {
            BackendChoice::Auto => Some("the first GPU there is"),
            _ => gpu.kind().notice(),
        };
        let why = why.map(str::to_owned);
        let notices: Vec<String> = why.into_iter().chain(gpu.notice()).collect();
        let notice = (!notices.is_empty()).then(|| notices.join("; "));
        Ok((Box::new(gpu), notice))
    }
}
