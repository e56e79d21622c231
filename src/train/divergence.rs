//! Where the values of a network are first no longer finite.

use crate::data::Dataset;
use crate::network::{Mask, Network};
use crate::precision::Precision;
use rayon::prelude::*;
use std::borrow::Cow;

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
    rows: &[usize],
    mask: Option<Mask>,
    precision: Precision,
) -> Option<Cow<'static, str>> {
    if layer_of_weight(network, parameters).is_some() {
        return Some(weight(network, parameters));
    }
    let of_row = |(place, row): (usize, &usize)| {
        let mask = mask.map(|mask| (mask, place));
        let mut values = network.values();
        dataset.with_rows(*row..row + 1, |read| {
            network.forward_but(mask, parameters, read.inputs, &mut values);
        });
        values.layers.iter_mut().position(|layer| {
            precision.round(&mut layer.z);
            layer.z.iter().any(|z| !z.is_finite())
        })
    };
    let layer = rows.par_iter().enumerate().filter_map(of_row).min()?;
    Some(format!("the loss, like the pre-activation z of layer {layer} before it,").into())
}
