//! The choice of a backend.

use crate::backend::{Backend, Problem};
use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::gpu::{AdapterKind, Gpu, GpuOptions, Software};

/// Which backend trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendChoice {
    /// A real GPU where there is one, otherwise the CPU.
    #[default]
    Auto,
    /// An adapter, a software one included where it is named or no other exists.
    Gpu,
    /// The float64 reference.
    Cpu,
}

/// What the work is done on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// Which backend trains.
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

    /// Opens the backend for `problem`, and says why it is this one where that is not obvious.
    ///
    /// # Errors
    /// Where the hardware cannot hold the problem, or there is no adapter for a backend that needs one.
    pub fn open<'a>(
        &self,
        problem: Problem<'a>,
    ) -> Result<(Box<dyn Backend + 'a>, Option<String>)> {
        let cpu = |problem| Ok::<_, Error>(Box::new(Cpu::new(problem, self.threads)?));
        match self.backend {
            BackendChoice::Cpu => Ok((cpu(problem)?, None)),
            BackendChoice::Gpu => {
                let gpu = Gpu::new(problem, Software::Allowed, self.gpu)?;
                let software = gpu.kind() == AdapterKind::Software;
                let why = software.then_some("a software adapter: the CPU runs the shaders");
                let notice = joined(why, &gpu);
                Ok((Box::new(gpu), notice))
            }
            BackendChoice::Auto => match Gpu::new(problem.clone(), Software::Refused, self.gpu) {
                Ok(gpu) => {
                    let notice = joined(Some("the first GPU there is"), &gpu);
                    Ok((Box::new(gpu), notice))
                }
                Err(why @ Error::NoAdapter { .. }) => Ok((cpu(problem)?, Some(why.statement()))),
                Err(error) => Err(error),
            },
        }
    }
}

/// Why a GPU was taken, and what it says of itself.
fn joined(why: Option<&str>, gpu: &Gpu<'_>) -> Option<String> {
    let parts: Vec<String> = why
        .map(str::to_owned)
        .into_iter()
        .chain(gpu.notice())
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
