//! The kernels of networks whose values are held, as text.

use super::input_format::InputFormat;
use super::kernels::Binding::{Read, ReadWrite, Uniform, UniformAt};
use super::kernels::{
    Binding, Kernel, RowOrder, Summand, activation_name, numbered, row_reader, shaders,
};
use super::parameter_layout::LayerLayout;
use super::params::MaskParams;
use super::tile::Tile;
use crate::network::Activation;
use std::fmt::Write;

/// Invocations of a workgroup of the kernels that take outputs row by row.
const WORKGROUP_SIZE: usize = 256;
/// Most outputs of a row that one invocation takes one after the other; more are shared.
pub(super) const MAX_OUTPUTS_OF_INVOCATION: usize = 64;
/// Fewest outputs that an invocation has of those that are shared.
const OUTPUTS_OF_LANE: usize = 4;

/// What decides the text of the kernels of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct DenseKernel {
    pub(super) layout: LayerLayout,
    /// vec4 of a leaf's sums.
    pub(super) vec4_per_leaf: usize,
    /// How the inputs of the first layer are stored, and which rows of them are taken; `None` for a later one, which
    /// takes the activations below it.
    pub(super) data: Option<(InputFormat, RowOrder)>,
    /// The number of the layer, if updates go without some of its units.
    pub(super) dropped: Option<usize>,
    /// That of the layer below, if they go without some of its units.
    pub(super) dropped_below: Option<usize>,
}

impl DenseKernel {
    /// `dense_forward`: pre-activations, and activations by `activation`.
    pub(super) fn forward(&self, activation: Activation, tile: Tile) -> Kernel {
        let kernel = shaders!(
            "common/dense_x.wgsl",
            "common/dense_weight.wgsl",
            "dense_forward.wgsl"
        );
        let mut bindings = vec![Uniform, Read, Read, ReadWrite, ReadWrite];
        Kernel {
            name: "dense_forward",
            wgsl: [
                &self.header_of_tile(Some(activation), tile),
                shaders!("common/functions.wgsl"),
                &self.reader(&mut bindings),
                &units(self.dropped, &mut bindings),
                kernel,
            ]
            .concat(),
            bindings,
        }
    }

    /// `dense_backward`: the errors of the layer below, whose activation is `below`.
    pub(super) fn backward(&self, below: Activation, tile: Tile) -> Kernel {
        let parts = shaders!(
            "common/functions.wgsl",
            "common/dense_errors.wgsl",
            "common/dense_weight.wgsl",
            "dense_backward.wgsl"
        );
        let mut bindings = vec![Uniform, Read, Read, Read, Read, ReadWrite];
        Kernel {
            name: "dense_backward",
            wgsl: self.header_of_tile(Some(below), tile)
                + &units(self.dropped_below, &mut bindings)
                + parts,
            bindings,
        }
    }

    /// How many invocations share a row of the last layer's outputs, a power of two: by their number alone, so that it
    /// alone decides the order of the sums over them.
    pub(super) fn output_lanes(&self) -> usize {
        match self.layout.layer.n_outputs {
            0..=MAX_OUTPUTS_OF_INVOCATION => 1,
            many => (many / OUTPUTS_OF_LANE)
                .next_power_of_two()
                .min(WORKGROUP_SIZE),
        }
    }

    /// Workgroups of the kernels that take the outputs of `n_rows` rows row by row.
    pub(super) fn workgroups_of_rows(&self, n_rows: usize) -> usize {
        n_rows.div_ceil(WORKGROUP_SIZE / self.output_lanes())
    }

    /// `output_gradient`, or `wide_output_gradient` if invocations share a row: errors of the last layer, with the loss
    /// of each leaf, or of each row, from the targets of rows in `order`.
    pub(super) fn output_gradient(&self, summand: Summand, order: RowOrder) -> Kernel {
        let (name, parts) = match self.output_lanes() {
            1 => (
                "output_gradient",
                shaders!(
                    "common/output_targets.wgsl",
                    "common/loss.wgsl",
                    "common/sum_of_workgroup.wgsl",
                    "common/leaf_loss.wgsl",
                    "common/output_row.wgsl",
                    "common/output_errors.wgsl",
                    "output_gradient.wgsl"
                ),
            ),
            _ => (
                "wide_output_gradient",
                shaders!(
                    "common/output_targets.wgsl",
                    "common/loss.wgsl",
                    "common/wide_row.wgsl",
                    "wide_output_gradient.wgsl"
                ),
            ),
        };
        let header = self.header_of_rows(Some(self.layout.layer.activation)) + &summand.header();
        let functions = shaders!("common/functions.wgsl");
        let mut bindings = vec![Uniform, Read, Read, ReadWrite, ReadWrite];
        let reader = order.reader(&mut bindings);
        Kernel {
            name,
            wgsl: format!("{header}{reader}{functions}{parts}"),
            bindings,
        }
    }

    /// `row_losses`: the loss of each leaf, from those of its rows.
    pub(super) fn row_losses(&self) -> Kernel {
        Kernel {
            name: "row_losses",
            wgsl: self.header_of_rows(None)
                + shaders!(
                    "common/sum_of_workgroup.wgsl",
                    "common/leaf_loss.wgsl",
                    "row_losses.wgsl"
                ),
            bindings: vec![Uniform, Read, ReadWrite],
        }
    }

    /// `output_predictions`, or `wide_output_predictions` if invocations share a row: pre-activations and predictions
    /// without padding.
    pub(super) fn predictions(&self) -> Kernel {
        let functions = shaders!("common/functions.wgsl");
        let (name, parts) = match self.output_lanes() {
            1 => (
                "output_predictions",
                shaders!(
                    "common/output_values.wgsl",
                    "common/output_row.wgsl",
                    "output_predictions.wgsl"
                ),
            ),
            _ => (
                "wide_output_predictions",
                shaders!(
                    "common/output_values.wgsl",
                    "common/wide_row.wgsl",
                    "wide_output_predictions.wgsl"
                ),
            ),
        };
        Kernel {
            name,
            wgsl: self.header_of_rows(Some(self.layout.layer.activation)) + functions + parts,
            bindings: vec![Uniform, Read, ReadWrite, ReadWrite],
        }
    }

    /// What reads the inputs of the layer, whose buffers but the inputs come after `bindings`.
    pub(super) fn reader(&self, bindings: &mut Vec<Binding>) -> String {
        let (format, order) = self.data.unwrap_or((InputFormat::F32, RowOrder::InOrder));
        row_reader(format, order, bindings)
    }

    /// The constants of a kernel that takes tiles of a product.
    pub(super) fn header_of_tile(&self, activation: Option<Activation>, tile: Tile) -> String {
        self.header(activation) + &tile.header() + shaders!("common/tile.wgsl")
    }

    /// The constants of a kernel that takes outputs row by row.
    fn header_of_rows(&self, activation: Option<Activation>) -> String {
        let lanes = self.output_lanes();
        self.header(activation)
            + &format!(
                "const WORKGROUP_SIZE = {WORKGROUP_SIZE}u;\nconst OUTPUT_LANES = {lanes}u;\n"
            )
    }

    /// The constants of both, with the activation that a kernel applies.
    fn header(&self, activation: Option<Activation>) -> String {
        let LayerLayout {
            layer,
            row,
            weight_at,
            bias_at,
        } = self.layout;
        let mut header = String::new();
        for (name, value) in [
            ("OUTPUTS", layer.n_outputs),
            ("VEC4_PER_ROW", row / 4),
            // An invocation reads any vec4 of a row, one at a time.
            ("VEC4_PER_LANE", 1),
            ("LANES_PER_ROW", row / 4),
            ("WEIGHT_AT", weight_at / 4),
            ("BIAS_AT", bias_at / 4),
            ("VEC4_PER_LEAF", self.vec4_per_leaf),
            ("HAS_BIAS", usize::from(layer.bias)),
            ("DATA", usize::from(self.data.is_some())),
        ] {
            writeln!(header, "const {name} = {value}u;").expect("a string takes any text");
        }
        if let Some(activation) = activation {
            let activation = activation_name(activation);
            writeln!(header, "const ACTIVATION = {activation};").expect("a string takes any text");
        }
        header + shaders!("common/block.wgsl")
    }
}

/// What takes the units of layer `dropped` that an update goes without, whose buffer comes after `bindings`; all units if
/// there is no such layer.
fn units(dropped: Option<usize>, bindings: &mut Vec<Binding>) -> String {
    let Some(layer) = dropped else {
        return shaders!("common/all_units.wgsl").to_owned();
    };
    let parts = shaders!(
        "common/threefry.wgsl",
        "common/mask.wgsl",
        "common/dropout.wgsl"
    );
    let parts = numbered(parts, 6, bindings.len());
    bindings.push(UniformAt(size_of::<MaskParams>() as u64));
    format!("const LAYER = {layer}u;\n{parts}")
}

#[cfg(test)]
pub(super) mod tests {
    use super::{DenseKernel, Tile, WORKGROUP_SIZE};
    use crate::gpu::gradients::GradientKernel;
    use crate::gpu::input_format::InputFormat;
    use crate::gpu::kernels::{Kernel, RowOrder, Summand};
    use crate::gpu::parameter_layout::ParameterLayout;
    use crate::network::{Activation, Hidden, Network};
    use crate::objective::Loss;

    /// Every kernel in every variant, with the invocations of a workgroup.
    pub(in crate::gpu) fn kernels() -> Vec<(Kernel, usize)> {
        let mut kernels = Vec::new();
        for (activation, loss, n_outputs) in [
            (Activation::Relu, Loss::SquaredError, 3),
            (Activation::LeakyRelu, Loss::CrossEntropy, 64),
            (Activation::Gelu, Loss::SquaredError, 65),
            (Activation::Silu, Loss::CrossEntropy, 3),
            (Activation::Tanh, Loss::SquaredError, 700),
            (Activation::Sigmoid, Loss::CrossEntropy, 8192),
        ] {
            let hidden = Hidden {
                widths: vec![5, 70],
                activation,
            };
            let bias = activation != Activation::Silu;
            let network = Network::single_layer(9, n_outputs, bias)
                .with_activation(Activation::Softmax)
                .with_hidden(&hidden);
            let layout = ParameterLayout::new(&network);
            for (at, layer) in layout.layers.iter().enumerate() {
                for (number, format) in InputFormat::ALL.into_iter().enumerate() {
                    let order = match number % 2 {
                        0 => RowOrder::InOrder,
                        _ => RowOrder::OfBatch(512),
                    };
                    let kernel = DenseKernel {
                        layout: *layer,
                        vec4_per_leaf: layout.n_sums() / 4,
                        data: (at == 0).then_some((format, order)),
                        dropped: (number % 3 == 0).then_some(at),
                        dropped_below: (number % 3 == 0).then_some(at),
                    };
                    let tile = Tile::ALL[(at + number) % Tile::ALL.len()];
                    let of_tile = [
                        kernel.forward(activation, tile),
                        kernel.backward(activation, tile),
                        GradientKernel::new(&[kernel], tile).sums(),
                    ];
                    kernels.extend(of_tile.map(|kernel| (kernel, tile.invocations())));
                    let summand = Summand {
                        loss,
                        weighted: bias,
                    };
                    let of_rows = [
                        kernel.output_gradient(summand, order),
                        kernel.row_losses(),
                        kernel.predictions(),
                    ];
                    kernels.extend(of_rows.map(|kernel| (kernel, WORKGROUP_SIZE)));
                }
            }
        }
        kernels
    }
}
