//! The flat parameters as the shaders see them: rows padded to whole vec4, the bias always there.

use crate::network::Layer;

/// The order of the floats: the weight (O, I padded to vec4), then the bias (O padded to vec4). Sums add one vec4
/// for loss and mean slope.
#[derive(Clone, Copy, Debug)]
pub(super) struct ParameterLayout {
    layer: Layer,
    /// Floats of a padded row.
    pub(super) row: usize,
}

impl ParameterLayout {
    pub(super) fn new(layer: Layer) -> Self {
        Self {
            layer,
            row: layer.n_inputs.next_multiple_of(4),
        }
    }

    /// Floats before the bias.
    fn bias_at(&self) -> usize {
        self.layer.n_outputs * self.row
    }

    /// Floats of the parameters, all padding included.
    pub(super) fn n_parameters(&self) -> usize {
        self.bias_at() + self.layer.n_outputs.next_multiple_of(4)
    }

    /// Floats that gradient descent may change: without a bias, its zeros stay zeros.
    pub(super) fn n_trained(&self) -> usize {
        if self.layer.bias {
            self.n_parameters()
        } else {
            self.bias_at()
        }
    }

    /// Floats of one leaf's sums: a gradient laid out as the parameters, then loss, mean slope, 0, 0.
    pub(super) fn n_sums(&self) -> usize {
        self.n_parameters() + 4
    }

    /// Flat parameters, rounded to f32.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose"
    )]
    pub(super) fn pack(&self, flat: &[f64]) -> Vec<f32> {
        let mut packed = vec![0.0; self.n_parameters()];
        let (weight, bias) = self.layer.split(flat);
        let rows = packed.chunks_exact_mut(self.row);
        for (to, from) in rows.zip(weight.chunks_exact(self.layer.n_inputs)) {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from as f32;
            }
        }
        let bias_at = self.bias_at();
        for (to, from) in packed[bias_at..].iter_mut().zip(bias.unwrap_or_default()) {
            *to = *from as f32;
        }
        packed
    }

    /// Parameters, or a gradient, as a flat vector; exact.
    pub(super) fn unpack(&self, packed: &[f32]) -> Vec<f64> {
        let (weight, bias) = packed.split_at(self.bias_at());
        weight
            .chunks_exact(self.row)
            .flat_map(|row| &row[..self.layer.n_inputs])
            .chain(bias.iter().take(if self.layer.bias {
                self.layer.n_outputs
            } else {
                0
            }))
            .map(|value| f64::from(*value))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::ParameterLayout;
    use crate::network::Network;

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
            let layout = ParameterLayout::new(network.layer());
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
}
