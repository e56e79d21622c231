//! The flat parameters as the shaders see them: rows padded to whole vec4, the bias of a layer that reads rows once
//! always there.

use crate::network::{Layer, Network};

/// The order of the floats: of each layer the weight (O, I padded to vec4), then the bias (O padded to vec4). Sums add
/// one vec4 for loss and mean slope.
#[derive(Clone, Debug)]
pub(super) struct ParameterLayout {
    pub(super) layers: Vec<LayerLayout>,
    /// Floats of the parameters, all padding included.
    pub(super) n_parameters: usize,
    /// Floats that gradient descent may change: without a bias, its zeros stay zeros.
    pub(super) n_trained: usize,
}

/// Where the parameters of a layer lie, in floats.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerLayout {
    pub(super) layer: Layer,
    /// Floats of a padded row.
    pub(super) row: usize,
    pub(super) weight_at: usize,
    pub(super) bias_at: usize,
}

impl ParameterLayout {
    pub(super) fn new(network: &Network) -> Self {
        let mut end = 0;
        let layers = network.layers().iter().map(|layer| {
            let row = layer.n_inputs.next_multiple_of(4);
            let (weight_at, bias_at) = (end, end + layer.n_outputs * row);
            let has_bias = layer.bias || network.reads_rows_once();
            end = bias_at
                + if has_bias {
                    layer.n_outputs.next_multiple_of(4)
                } else {
                    0
                };
            LayerLayout {
                layer: *layer,
                row,
                weight_at,
                bias_at,
            }
        });
        let layers: Vec<LayerLayout> = layers.collect();
        Self {
            n_trained: match layers[..] {
                [only] if !only.layer.bias => only.bias_at,
                _ => end,
            },
            n_parameters: end,
            layers,
        }
    }

    /// Floats of one leaf's sums: a gradient laid out as the parameters, then loss, mean slope, 0, 0.
    pub(super) fn n_sums(&self) -> usize {
        self.n_parameters + 4
    }

    /// Flat parameters, rounded to f32.
    ///
    /// # Panics
    /// If there are more or fewer than the network has.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose"
    )]
    pub(super) fn pack(&self, flat: &[f64]) -> Vec<f32> {
        let mut packed = vec![0.0; self.n_parameters];
        let n_parameters = self.layers.iter().map(|at| at.layer.n_parameters());
        assert_eq!(flat.len(), n_parameters.sum::<usize>(), "parameters");
        let mut rest = flat;
        for at in &self.layers {
            let (own, later) = rest.split_at(at.layer.n_parameters());
            let (weight, bias) = at.layer.split(own);
            let rows = packed[at.weight_at..].chunks_exact_mut(at.row);
            for (to, from) in rows.zip(weight.chunks_exact(at.layer.n_inputs)) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = *from as f32;
                }
            }
            for (to, from) in packed[at.bias_at..]
                .iter_mut()
                .zip(bias.unwrap_or_default())
            {
                *to = *from as f32;
            }
            rest = later;
        }
        packed
    }

    /// Parameters, or a gradient, as a flat vector; exact.
    pub(super) fn unpack(&self, packed: &[f32]) -> Vec<f64> {
        let mut flat = Vec::with_capacity(self.n_parameters);
        for at in &self.layers {
            let weight = packed[at.weight_at..at.bias_at].chunks_exact(at.row);
            let weight = weight.flat_map(|row| &row[..at.layer.n_inputs]);
            let n_biases = if at.layer.bias { at.layer.n_outputs } else { 0 };
            let bias = packed[at.bias_at..].iter().take(n_biases);
            flat.extend(weight.chain(bias).map(|value| f64::from(*value)));
        }
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::ParameterLayout;
    use crate::network::{Activation, Hidden, Network};

    #[test]
    fn parameters_come_back_as_they_went() {
        for (n_inputs, n_outputs, bias) in
            [(1, 1, false), (3, 2, true), (4, 5, true), (9, 4, false)]
        {
            let network = Network::single_layer(n_inputs, n_outputs, bias);
            let flat: Vec<f64> = (1u16..)
                .map(f64::from)
                .take(network.n_parameters())
                .collect();
            let layout = ParameterLayout::new(&network);
            let packed = layout.pack(&flat);
            assert_eq!(packed.len() % 4, 0, "whole vec4");
            assert_eq!(
                layout.unpack(&packed),
                flat,
                "{n_inputs} inputs, {n_outputs} outputs"
            );
            let padding = packed.iter().filter(|value| **value == 0.0).count();
            assert_eq!(padding + flat.len(), packed.len(), "the rest is 0");
        }
    }

    #[test]
    fn the_parameters_of_several_layers_come_back_too() {
        for bias in [false, true] {
            let hidden = Hidden {
                widths: vec![5, 8],
                activation: Activation::Relu,
            };
            let network = Network::single_layer(3, 2, bias).with_hidden(&hidden);
            let numbers = (1u16..).map(f64::from);
            let flat: Vec<f64> = numbers.take(network.n_parameters()).collect();
            let layout = ParameterLayout::new(&network);
            assert_eq!(layout.unpack(&layout.pack(&flat)), flat, "bias {bias}");
        }
    }
}
