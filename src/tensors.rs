//! Files in the safetensors format, whose tensors are of float64: models and checkpoints.

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;

/// The bytes of a file with `tensors`, each a name of its own, a shape and numbers, and with `metadata`.
pub(crate) fn bytes<'a>(
    tensors: impl IntoIterator<Item = (String, Vec<usize>, &'a [f64])>,
    metadata: HashMap<String, String>,
) -> Vec<u8> {
    let tensors = tensors.into_iter().map(|(name, shape, numbers)| {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
        (name, shape, bytes.collect::<Vec<u8>>())
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F64, shape.clone(), bytes);
        (name, view.expect("whole numbers"))
    });
    safetensors::serialize(views, Some(metadata)).expect("tensors of their own names")
}

/// The numbers of a tensor of float64.
pub(crate) fn numbers(tensor: &TensorView<'_>) -> Vec<f64> {
    let numbers = tensor.data().as_chunks().0.iter();
    numbers.map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

/// The tensors and the metadata of a file.
pub(crate) fn parsed(bytes: &[u8]) -> Result<(SafeTensors<'_>, HashMap<String, String>), String> {
    let other = |error| format!("is not a safetensors file ({error})");
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(other)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(other)?;
    Ok((tensors, metadata.metadata().clone().unwrap_or_default()))
}
