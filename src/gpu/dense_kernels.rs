//! The kernels of dense networks, as text.

use super::input_format::InputFormat;
use super::kernel::Binding::{Read, ReadWrite, Uniform, UniformAt};
use super::kernel::{Binding, Kernel, constants, renumbered, shaders};
use super::kernels::{RowLoss, RowOrder, activation_name, row_reader};
use super::parameter_layout::LayerLayout;
use super::params::{LayerParams, MaskParams, to_u32};
use super::tile::Tile;
use crate::network::Activation;

/// Invocations of a workgroup of the kernels that take outputs row by row.
pub(super) const WORKGROUP_SIZE: usize = 256;
/// Most outputs of a row that one invocation takes one after the other; more are shared.
pub(super) const MAX_OUTPUTS_OF_INVOCATION: usize = 64;
/// Fewest outputs that an invocation has of those that are shared.
const OUTPUTS_OF_LANE: usize = 4;

/// What decides the text of the kernels of a layer, and where its parameters lie. Places and widths are no part of the text
/// of products: layers and networks of any widths share their kernels.
#[derive(Clone, Copy, Debug)]
pub(super) struct DenseKernel {
    pub(super) layout: LayerLayout,
    /// How the inputs of the first layer are stored, and which rows of them are taken; `None` for a later one, which
    /// takes the activations below it.
    pub(super) data: Option<(InputFormat, RowOrder)>,
    /// Whether updates go without some of its units.
    pub(super) drops: bool,
    /// Whether they go without some of those of the layer below.
    pub(super) drops_below: bool,
}

impl DenseKernel {
    /// `dense_forward`: pre-activations, and activations by `activation`.
    pub(super) fn forward(&self, activation: Activation, tile: Tile) -> Kernel {
        let kernel = shaders!(
            "common/dense_x.wgsl",
            "common/dense_weight.wgsl",
            "dense_forward.wgsl"
        );
        let mut bindings = vec![Uniform, Read, Read, ReadWrite, ReadWrite, Uniform];
        Kernel {
            name: "dense_forward",
            wgsl: [
                &header_of_tile(tile),
                &header_of_activation(activation),
                shaders!("common/functions.wgsl"),
                &self.reader(&mut bindings),
                &units(self.drops, &mut bindings),
                kernel,
            ]
            .concat(),
            bindings,
        }
    }

    /// `dense_backward`: the errors of the layer below, whose activation is `below`.
    pub(super) fn backward(&self, below: Activation, tile: Tile) -> Kernel {
        let errors = header_of_activation(below) + shaders!("common/dense_errors.wgsl");
        let bindings = vec![Uniform, Read, Read, Read, Read, ReadWrite, Uniform];
        self.backward_of(errors, tile, bindings)
    }

    /// Whether [`DenseKernel::backward_from_outputs`] takes all outputs of the layer at once.
    pub(super) fn takes_outputs_at_once(&self) -> bool {
        self.layout.layer.n_outputs <= Tile::AT_ONCE
    }

    /// `dense_backward` of the last layer, which finds the errors of the outputs first, and the loss of each row, from the
    /// targets of rows in `order`; the activation of the layer below is `below`.
    pub(super) fn backward_from_outputs(
        &self,
        below: Activation,
        tile: Tile,
        row_loss: RowLoss,
        order: RowOrder,
    ) -> Kernel {
        let layer = self.layout.layer;
        let mut bindings = vec![Uniform, ReadWrite, Read, Read, Read, ReadWrite, Uniform];
        bindings.extend([Read, Read, ReadWrite]);
        let errors = [
            &format!("const OUTPUTS = {}u;\n", layer.n_outputs),
            &header_of_activations(below, layer.activation),
            &row_loss.header(),
            &order.reader(&mut bindings),
            shaders!(
                "common/loss.wgsl",
                "common/output_row.wgsl",
                "common/output_errors.wgsl",
                "common/errors_of_outputs.wgsl"
            ),
        ];
        self.backward_of(errors.concat(), tile, bindings)
    }

    /// `dense_backward` with `errors`, the part that gives those of this layer.
    fn backward_of(&self, errors: String, tile: Tile, mut bindings: Vec<Binding>) -> Kernel {
        let units = units(self.drops_below, &mut bindings);
        let parts = shaders!(
            "common/functions.wgsl",
            "common/dense_weight.wgsl",
            "dense_backward.wgsl"
        );
        Kernel {
            name: "dense_backward",
            wgsl: header_of_tile(tile) + &errors + &units + parts,
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

    /// `output_gradient`: errors of the last layer, with the loss of each row, from the targets of rows in `order`.
    pub(super) fn output_gradient(&self, row_loss: RowLoss, order: RowOrder) -> Kernel {
        let mut bindings = vec![Uniform, Read, Read, ReadWrite, ReadWrite];
        Kernel {
            name: "output_gradient",
            wgsl: self.header_of_outputs()
                + &row_loss.header()
                + &order.reader(&mut bindings)
                + shaders!(
                    "common/loss.wgsl",
                    "common/output_lanes.wgsl",
                    "output_gradient.wgsl"
                ),
            bindings,
        }
    }

    /// `leaf_losses`: the loss of each leaf, from the losses of its rows.
    pub(super) fn leaf_losses(&self) -> Kernel {
        Kernel {
            name: "leaf_losses",
            wgsl: self.header_of_rows()
                + shaders!("common/sum_of_workgroup.wgsl", "leaf_losses.wgsl"),
            bindings: vec![Uniform, Read, ReadWrite],
        }
    }

    /// `output_predictions`: pre-activations and predictions without padding.
    pub(super) fn predictions(&self) -> Kernel {
        Kernel {
            name: "output_predictions",
            wgsl: self.header_of_outputs()
                + shaders!("common/output_lanes.wgsl", "output_predictions.wgsl"),
            bindings: vec![Uniform, Read, ReadWrite, ReadWrite],
        }
    }

    /// What reads the inputs of the layer, whose buffers but the inputs come after `bindings`.
    pub(super) fn reader(&self, bindings: &mut Vec<Binding>) -> String {
        let (format, order) = self.data.unwrap_or((InputFormat::F32, RowOrder::InOrder));
        // An invocation reads any vec4 of a row, one at a time.
        constants([("VEC4_PER_LANE", 1), ("LANES_PER_ROW", 1)])
            + &row_reader(format, order, bindings)
    }

    /// The constants and functions of a kernel that takes outputs row by row.
    fn header_of_outputs(&self) -> String {
        self.header_of_rows()
            + &header_of_activation(self.layout.layer.activation)
            + shaders!("common/functions.wgsl")
    }

    /// The constants of a kernel that takes outputs row by row.
    fn header_of_rows(&self) -> String {
        constants([
            ("OUTPUTS", self.layout.layer.n_outputs),
            ("WORKGROUP_SIZE", WORKGROUP_SIZE),
            ("OUTPUT_LANES", self.output_lanes()),
        ]) + shaders!("common/block.wgsl")
    }

    /// The uniform of the layer, which is number `number` of the network.
    pub(super) fn params(&self, number: usize) -> LayerParams {
        let LayerLayout {
            layer,
            row,
            weight_at,
            bias_at,
        } = self.layout;
        LayerParams {
            number: to_u32(number),
            outputs: to_u32(layer.n_outputs),
            input_width: to_u32(row / 4),
            output_width: to_u32(layer.n_outputs.div_ceil(4)),
            weight_at: to_u32(weight_at / 4),
            bias_at: to_u32(bias_at / 4),
            has_bias: u32::from(layer.bias),
            first_tile: 0,
        }
    }
}

/// The constants of a kernel that takes tiles of a product, and the structs of its uniforms.
pub(super) fn header_of_tile(tile: Tile) -> String {
    tile.header() + shaders!("common/tile.wgsl", "common/block.wgsl", "common/layer.wgsl")
}

/// The activations of hidden layers and of the outputs, for kernels that compute both.
pub(super) fn header_of_activations(hidden: Activation, output: Activation) -> String {
    let [hidden, output] = [hidden, output].map(activation_name);
    format!(
        "const HIDDEN_ACTIVATION = {hidden};
const OUTPUT_ACTIVATION = {output};
// The activation that functions.wgsl computes: that of the layer at hand.
var<private> ACTIVATION: u32;
"
    )
}

fn header_of_activation(activation: Activation) -> String {
    format!("const ACTIVATION = {};\n", activation_name(activation))
}

/// The WGSL of the units that an update goes without, whose buffer comes after `bindings`, if it `drops` some; that of all
/// units otherwise.
fn units(drops: bool, bindings: &mut Vec<Binding>) -> String {
    if !drops {
        return shaders!("common/all_units.wgsl").to_owned();
    }
    let parts = shaders!(
        "common/threefry.wgsl",
        "common/mask.wgsl",
        "common/dropout.wgsl"
    );
    let parts = renumbered(parts, 6, bindings.len());
    bindings.push(UniformAt(size_of::<MaskParams>() as u64));
    parts
}

#[cfg(test)]
pub(super) mod tests {
    use super::{DenseKernel, Tile, WORKGROUP_SIZE};
    use crate::gpu::gradients::GradientKernel;
    use crate::gpu::input_format::InputFormat;
    use crate::gpu::kernel::Kernel;
    use crate::gpu::kernels::{RowLoss, RowOrder};
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
                        data: (at == 0).then_some((format, order)),
                        drops: number % 3 == 0,
                        drops_below: number % 3 == 0,
                    };
                    let tile = Tile::ALL[(at + number) % Tile::ALL.len()];
                    let of_tile = [
                        kernel.forward(activation, tile),
                        kernel.backward(activation, tile),
                        GradientKernel::new(&[kernel], tile).sums(),
                    ];
                    kernels.extend(of_tile.map(|kernel| (kernel, tile.invocations())));
                    let row_loss = RowLoss {
                        loss,
                        weighted: bias,
                    };
                    let of_rows = [
                        kernel.output_gradient(row_loss, order),
                        kernel.leaf_losses(),
                        kernel.predictions(),
                    ];
                    kernels.extend(of_rows.map(|kernel| (kernel, WORKGROUP_SIZE)));
                    if at > 0 && kernel.takes_outputs_at_once() {
                        let kernel =
                            kernel.backward_from_outputs(activation, tile, row_loss, order);
                        kernels.push((kernel, tile.invocations()));
                    }
                }
            }
        }
        kernels
    }

    #[test]
    fn layers_of_any_widths_share_the_kernels_of_their_products() {
        let products = |widths: &[usize], bias| {
            let hidden = Hidden {
                widths: widths.to_vec(),
                activation: Activation::Relu,
            };
            let network = Network::single_layer(9, 3, bias).with_hidden(&hidden);
            let layers = ParameterLayout::new(&network).layers;
            let layers = layers.iter().skip(1).map(|layer| DenseKernel {
                layout: *layer,
                data: None,
                drops: true,
                drops_below: true,
            });
            let tile = Tile::ALL[0];
            let of_layer = |kernel: DenseKernel| {
                [
                    kernel.forward(Activation::Relu, tile).wgsl,
                    kernel.backward(Activation::Relu, tile).wgsl,
                    GradientKernel::new(&[kernel], tile).sums().wgsl,
                ]
            };
            layers.map(of_layer).collect::<Vec<_>>()
        };
        let expected = &products(&[5], true)[0];
        for (widths, bias) in [(&[70, 8, 70][..], true), (&[6, 6], false)] {
            let others = products(widths, bias);
            assert!(others.iter().all(|other| other == expected), "{widths:?}");
        }
    }
}
