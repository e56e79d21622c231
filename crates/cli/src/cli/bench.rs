//! The arguments of `bench`.

use super::choice::{choice, choice_of};
use super::hardware::HardwareArgs;
use super::optimizer::{BatchSize, batch_size};
use crate::bench::Shape;
use crate::error::{Error, Result};
use clap::Args;
use neuralnet::network::Activation;
use neuralnet::{BackendChoice, Hardware, Loss, Precision, Storage};
use std::num::NonZeroU32;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  neuralnet bench 100000x32\n  neuralnet bench 10000x784x10 --backend cpu --repeats 3\n  neuralnet bench 10000x64-128-10 --batch-size 1024 --repeats 3"
)]
pub(crate) struct BenchArgs {
    /// One or more shapes: `ROWSxFEATURES` or `ROWSxFEATURESxOUTPUTS` of one layer, `ROWSxFEATURES-HIDDEN-OUTPUTS` of a network with hidden layers, one width for each
    #[arg(value_name = "SHAPE", default_values = ["1000000x32", "4000000x16", "200000x256", "60000x784", "60000x784x10"])]
    pub(crate) shapes: Vec<Shape>,
    /// Measurements of each shape, of which the median is reported
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::new(9).expect("not 0"))]
    pub(crate) repeats: NonZeroU32,
    /// Loss of one prediction (default: squared-error for one layer, cross-entropy for a network with hidden layers)
    #[arg(long, value_parser = choice::<Loss>())]
    pub(crate) loss: Option<Loss>,
    /// Activation of the hidden layers (default: relu)
    #[arg(long, value_parser = choice_of(Activation::is_hidden))]
    pub(crate) hidden_activation: Option<Activation>,
    /// Rows of each update of a network with hidden layers, or `all` (default: 128)
    #[arg(long, value_name = "ROWS", value_parser = batch_size, allow_negative_numbers = true)]
    pub(crate) batch_size: Option<BatchSize>,
    /// The backend that is measured: `auto` takes a real GPU if there is one, otherwise the CPU
    #[arg(long, value_parser = choice::<BackendChoice>(), default_value = "auto", help_heading = "Hardware")]
    backend: BackendChoice,
    /// The numbers to compute in (default: f64 on the CPU; a GPU has f32 alone)
    #[arg(long, value_parser = choice::<Precision>(), help_heading = "Hardware")]
    precision: Option<Precision>,
    #[command(flatten)]
    pub(super) hardware: HardwareArgs,
    /// Give the GPU's driver the shaders with their loops as they are written, not written out: the difference in time is what writing them out is worth; needs --backend gpu, and a software adapter refuses it
    #[arg(long, help_heading = "Hardware")]
    keep_loops: bool,
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

impl BenchArgs {
    /// The hardware to measure.
    ///
    /// # Errors
    /// If shaders are to keep their loops on a backend that may have none.
    pub(crate) fn hardware(&self) -> Result<Hardware> {
        let mut hardware = self.hardware.with(self.backend, self.precision);
        hardware.gpu.keep_loops = self.keep_loops;
        if self.keep_loops && self.backend != BackendChoice::Gpu {
            let reason = "only a GPU runs shaders; take --backend gpu with it";
            return Err(Error::setting("--keep-loops", reason));
        }
        Ok(hardware)
    }

    /// How the inputs are stored.
    pub(crate) fn storage(&self) -> Storage {
        self.hardware.storage()
    }

    /// Checks that the settings suit the shapes.
    ///
    /// # Errors
    /// If a setting of networks with hidden layers is given, and no shape of such a network.
    pub(crate) fn check(&self) -> Result<()> {
        for (flag, is_given) in [
            ("--hidden-activation", self.hidden_activation.is_some()),
            ("--batch-size", self.batch_size.is_some()),
        ] {
            if is_given && !self.shapes.iter().any(Shape::has_hidden) {
                let reason = "no shape has hidden layers; take one, as 60000x784-128-10";
                return Err(Error::setting(flag, reason));
            }
        }
        Ok(())
    }
}
