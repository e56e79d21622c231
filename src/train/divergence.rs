//! Where the values of a network are first no longer finite.

use crate::data::Dataset;
use crate::network::{Layer, Mask, Network};
use crate::precision::Precision;
use rayon::prelude::*;
use std::borrow::Cow;
use std::iter::zip;

/// A weight of `network` that is not finite; of several layers, with the first that has one.
pub(crate) fn weight(network: &Network, parameters: &[f64]) -> Cow<'static, str> {
    match layer_of_weight(network, parameters) {
        Some(layer) if network.has_hidden() => format!("a weight of layer {layer}").into(),
        _ => "a weight".into(),
    }
}

fn layer_of_weight(network: &Network, parameters: &[f64]) -> Option<usize> {
    let is_finite = |own: &[f64]| own.iter().all(|parameter| parameter.is_finite());
    let mut layers = network
        .parts()
        .map(|(_, range)| is_finite(&parameters[range]));
    layers.position(|is_finite| !is_finite)
}

/// The first layer of which a weight or, for one of the rows `rows` and without the units of `mask`, a pre-activation is
/// not finite in numbers of `precision`; `None` if there is none.
pub(super) fn place(
    dataset: &Dataset,
    network: &Network,
    parameters: &[f64],
    rows: impl IndexedParallelIterator<Item = usize>,
    mask: Option<Mask>,
    precision: Precision,
) -> Option<Cow<'static, str>> {
    if layer_of_weight(network, parameters).is_some() {
        return Some(weight(network, parameters));
    }
    let of_row = |(place, row): (usize, usize)| {
        let mask = mask.map(|mask| (mask, place));
        dataset.with_rows(row..row + 1, |read| {
            layer_of_value(network, parameters, read.inputs, mask, precision)
        })
    };
    let layer = rows.enumerate().filter_map(of_row).min()?;
    Some(format!("the loss, like the pre-activation z of layer {layer} before it,").into())
}

/// The first layer with a pre-activation that is not finite for the features `x`, without the units of a mask for the row
/// at this place of its batch.
fn layer_of_value(
    network: &Network,
    parameters: &[f64],
    x: &[f32],
    mask: Option<(Mask, usize)>,
    precision: Precision,
) -> Option<usize> {
    let mut a: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    network
        .parts()
        .enumerate()
        .position(|(at, (layer, range))| {
            a = pre_activations(&layer, &parameters[range], &a, precision);
            let is_finite = a.iter().all(|z| z.is_finite());
            layer.activation.apply(&mut a);
            if let Some((mask, place)) = mask {
                let mut factors = vec![0.0; a.len()];
                mask.factors(at, place, &mut factors);
                zip(&mut a, factors).for_each(|(a, factor)| *a *= factor);
            }
            !is_finite
        })
}

/// `x Wᵀ + b`, each step rounded to `precision`.
fn pre_activations(layer: &Layer, parameters: &[f64], x: &[f64], precision: Precision) -> Vec<f64> {
    let (weight, bias) = layer.split(parameters);
    let rounded = |mut number: f64| {
        precision.round(std::slice::from_mut(&mut number));
        number
    };
    let of_output = |(o, weight): (usize, &[f64])| {
        let sum = zip(weight, x).fold(0.0, |sum, (w, x)| rounded(w.mul_add(*x, sum)));
        rounded(sum + bias.map_or(0.0, |bias| bias[o]))
    };
    let rows = weight.chunks_exact(layer.n_inputs).enumerate();
    rows.map(of_output).collect()
}
