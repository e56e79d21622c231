//! The choice of what predicts: the CPU, or a GPU where a network makes that pay.

#[cfg(test)]
mod tests;

use crate::backend::BackendKind;
use crate::data::{Dataset, Scaling};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::gpu::Software;
use crate::metrics::{self, Metrics};
use crate::model::{Model, of_other_targets};
use crate::network::Network;
use crate::train::BackendChoice;
use std::ops::Range;

/// A GPU pays from this many FLOPs on for each byte of a row that crosses the bus, which are about what the cores of a
/// CPU make of float64 arithmetic while a bus brings a byte.
const MIN_FLOPS_PER_BYTE: f64 = 128.0;

/// A GPU pays from this many FLOPs on: fewer are done on a CPU before a device is open.
const MIN_FLOPS: f64 = 1e9;

/// A model with what computes its predictions, for one data set after another.
#[derive(Debug)]
pub struct Predictor<'m> {
    model: &'m Model,
    engine: Engine,
    /// How a GPU takes features.
    scaling: Option<Scaling>,
    why: Option<String>,
}

impl<'m> Predictor<'m> {
    /// Opens the backend that `choice` names for `model` and data like `dataset`; the parameters are rounded to f32 on a
    /// GPU. Of [`BackendChoice::Auto`] a real GPU predicts if there is one and the network makes it pay: from
    /// 128 FLOPs on for each byte of a row that crosses the bus, and 10⁹ for all rows of `dataset`.
    ///
    /// # Errors
    /// If a GPU that is to predict cannot hold the network, or does not exist and the choice is
    /// [`BackendChoice::Gpu`].
    ///
    /// # Panics
    /// If the data have other features than the model, or other offsets.
    pub fn open(model: &'m Model, dataset: &Dataset, choice: BackendChoice) -> Result<Self> {
        model.assert_features(dataset);
        let (raw, scaling) = (dataset.raw(), model.f32_scaling());
        let on_cpu = || Engine::cpu(&model.problem(&raw), model.parameters());
        let scaled = dataset.scaled(scaling.as_ref());
        let parameters = scaled.scaled_parameters(model.network(), model.parameters());
        let on_gpu = |software| Engine::gpu(&model.problem(&scaled), &parameters, software);
        let (engine, why) = match choice {
            BackendChoice::Cpu => (on_cpu(), None),
            BackendChoice::Gpu => (on_gpu(Software::Allowed)?, None),
            BackendChoice::Auto => match pays_on_gpu(model.network(), dataset.n_samples()) {
                // Of one layer nobody expects a GPU to predict.
                Err(why) => (on_cpu(), model.network().has_hidden().then_some(why)),
                Ok(why) => match on_gpu(Software::Refused) {
                    Err(none @ Error::NoAdapter { .. }) => (on_cpu(), Some(none.statement())),
                    opened => (opened?, Some(why)),
                },
            },
        };
        let software = match &engine {
            Engine::Gpu(gpu) => gpu.kind().notice().map(str::to_owned),
            Engine::Cpu(_) => None,
        };
        Ok(Self {
            model,
            engine,
            scaling,
            why: why.or(software),
        })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &'m Model {
        self.model
    }

    /// What computes.
    #[must_use]
    pub fn kind(&self) -> BackendKind {
        match self.engine {
            Engine::Cpu(_) => BackendKind::Cpu,
            Engine::Gpu(_) => BackendKind::Gpu,
        }
    }

    /// The hardware, for people to read.
    #[must_use]
    pub fn adapter(&self) -> String {
        match &self.engine {
            Engine::Cpu(cpu) => cpu.adapter(),
            Engine::Gpu(gpu) => gpu.adapter(),
        }
    }

    /// Why this hardware, if that is not plain.
    #[must_use]
    pub fn notice(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// The predictions (rows, O) like [`Model::predict`].
    ///
    /// # Errors
    /// If the device fails.
    ///
    /// # Panics
    /// Like [`Model::predict`], and on a GPU if rows have more or fewer targets than those it was opened for, or weights where
    /// those had none, or the other way round.
    pub fn predict(&mut self, dataset: &Dataset, rows: Range<usize>) -> Result<Vec<f64>> {
        self.model.assert_features(dataset);
        let predictions = self
            .engine
            .predict(&self.prepared(dataset), rows)?
            .prediction;
        Ok(self.model.with_offsets(predictions))
    }

    /// The quality of the predictions like [`Model::measure`].
    ///
    /// # Errors
    /// Those of [`metrics::measure`], and if the device fails.
    ///
    /// # Panics
    /// Like [`Model::measure`], and on a GPU if the rows have weights and those it was opened for have none, or the other
    /// way round.
    pub fn measure(&mut self, dataset: &Dataset) -> Result<Metrics> {
        self.model.assert_targets(dataset);
        let prepared = self.prepared(dataset);
        metrics::measure_by(&self.model.problem(&prepared), &mut self.engine)
            .map_err(|error| of_other_targets(error, dataset))
    }

    /// The data with the features that the engine's parameters are for.
    fn prepared(&self, dataset: &Dataset) -> Dataset {
        match self.engine {
            Engine::Cpu(_) => dataset.raw(),
            Engine::Gpu(_) => dataset.scaled(self.scaling.as_ref()),
        }
    }
}

/// Whether predictions of `n_rows` rows pay on a GPU, and why or why not. It depends on the shape alone.
fn pays_on_gpu(network: &Network, n_rows: usize) -> std::result::Result<String, String> {
    let weights: usize = network.layers().iter().map(|it| it.n_weights()).sum();
    let flops = 2.0 * weights as f64;
    // The features there; pre-activations and predictions back.
    let bytes = 4.0 * (network.n_inputs() + 2 * network.n_outputs()) as f64;
    let (intensity, all) = (flops / bytes, flops * n_rows as f64);
    let found = format!("{intensity:.0} FLOPs for each byte of a row");
    if intensity < MIN_FLOPS_PER_BYTE {
        Err(format!("{found}; a GPU pays from {MIN_FLOPS_PER_BYTE} on"))
    } else if all < MIN_FLOPS {
        Err(format!("{all:.1e} FLOPs; a GPU pays from {MIN_FLOPS:e} on"))
    } else {
        Ok(format!("{found}; a GPU pays from {MIN_FLOPS_PER_BYTE} on"))
    }
}
