//! The parts of a model file, each checked as it is read.

use super::{Description, VERSION};
use crate::data::{Classes, Column};
use crate::tensors;
use crate::train::TrainConfig;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::Deserialize;

/// Reads a description as JSON, of a version that is known.
pub(super) fn described(text: &str) -> Result<Description, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let unreadable = |error: serde_json::Error| {
        format!("has a description that cannot be read ({error}); train again")
    };
    match serde_json::from_str(text).map_err(unreadable)? {
        Versioned {
            version: 1..=VERSION,
        } => serde_json::from_str(text).map_err(unreadable),
        Versioned { version } => Err(format!(
            "has layout {version}, and this program reads those up to {VERSION}; use the program that wrote it, or train again"
        )),
    }
}

/// The finite numbers of the tensor `name`.
pub(super) fn numbers(
    file: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f64>, String> {
    let tensor = file
        .tensor(name)
        .map_err(|_| format!("has no tensor `{name}`; train again"))?;
    if tensor.dtype() != Dtype::F64 || tensor.shape() != shape {
        return Err(format!(
            "has a tensor `{name}` of {:?} {:?}, and its description asks for F64 {shape:?}; train again",
            tensor.dtype(),
            tensor.shape()
        ));
    }
    let numbers = tensors::numbers(&tensor);
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(at) => Err(format!(
            "has {} at place {at} of `{name}`; every parameter must be finite: train again",
            numbers[at]
        )),
        None => Ok(numbers),
    }
}

impl Description {
    /// Checks that there are features and targets, and that each has a name of its own.
    pub(super) fn check_names(&self) -> Result<(), String> {
        for (what, names) in [("feature", &self.features), ("target", &self.targets)] {
            let mut sorted: Vec<&String> = names.iter().collect();
            sorted.sort();
            if let Some([name, _]) = sorted.array_windows().find(|[a, b]| a == b) {
                return Err(format!("has the {what} `{name}` twice; train again"));
            }
            if names.is_empty() {
                return Err(format!("has no {what}; train again"));
            }
        }
        Ok(())
    }

    /// Checks that a training can have given the layers.
    pub(super) fn check_network(&self) -> Result<(), String> {
        let config = TrainConfig {
            activation: self.activation,
            ..self.config.clone()
        };
        let checked = config.check_layers().map_err(|error| error.statement());
        checked.map_err(|why| format!("has layers that no training gives ({why}); train again"))?;
        match config.loss.suits(config.activation) {
            true => Ok(()),
            false => Err("has a loss that does not suit its activation; train again".to_owned()),
        }
    }

    /// Checks that the names agree with the columns and classes.
    pub(super) fn check_parts(&self) -> Result<(), String> {
        self.columns.iter().try_for_each(Column::check)?;
        let features = self.columns.iter().flat_map(Column::feature_names);
        if !features.eq(self.features.iter().cloned()) {
            return Err("names other features than its columns give; train again".to_owned());
        }
        match self.classes.as_ref().map(Classes::n_outputs) {
            Some(n_targets) if n_targets != self.targets.len() => Err(format!(
                "has {} targets, and its classes ask for {n_targets}; train again",
                self.targets.len()
            )),
            _ if ![0, self.targets.len()].contains(&self.target_offsets.len())
                || ![0, self.targets.len()].contains(&self.target_times.len())
                || ![0, self.features.len()].contains(&self.centers().len())
                || !self
                    .target_scaling
                    .iter()
                    .all(|it| it.is_of(self.targets.len()))
                || !self.target_offsets.iter().all(|offset| offset.is_finite()) =>
            {
                Err("says of its features or targets what no training says; train again".to_owned())
            }
            _ => Ok(()),
        }
    }
}
