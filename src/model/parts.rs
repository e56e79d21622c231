//! The parts of a model file, each checked as it is read.

use super::{Description, VERSION};
use crate::tensors;
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
