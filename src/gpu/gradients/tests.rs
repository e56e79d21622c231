//! Layers that share a dispatch, and updates with the gradient.

use super::GradientKernel;
use crate::data::Storage;
use crate::gpu::dense_kernels::DenseKernel;
use crate::gpu::input_format::InputFormat;
use crate::gpu::kernel::Kernel;
use crate::gpu::kernels::RowOrder;
use crate::gpu::optimizer;
use crate::gpu::parameter_layout::ParameterLayout;
use crate::gpu::small_network::tests::{By, Case, rule};
use crate::gpu::tile::Tile;
use crate::network::{Activation, Hidden, Network};
use crate::optimizer::Optimizer;

/// The kernel in every variant, with the invocations of a workgroup.
pub(in crate::gpu) fn kernels() -> Vec<(Kernel, usize)> {
    let mut kernels = Vec::new();
    for (number, rule) in optimizer::tests::rules().into_iter().enumerate() {
        let hidden = Hidden {
            widths: vec![5; number],
            activation: Activation::Relu,
        };
        let network = Network::single_layer(9, 30, number != 2).with_hidden(&hidden);
        let layout = ParameterLayout::new(&network);
        let format = InputFormat::ALL[number % InputFormat::ALL.len()];
        let order = match number % 2 {
            0 => RowOrder::InOrder,
            _ => RowOrder::OfBatch(512),
        };
        let of_layer = |(at, layout_of): (usize, &_)| DenseKernel {
            layout: *layout_of,
            data: (at == 0).then_some((format, order)),
            drops: false,
            drops_below: false,
        };
        let layers: Vec<_> = layout.layers.iter().enumerate().map(of_layer).collect();
        let tile = Tile::ALL[number % Tile::ALL.len()];
        let kernel = GradientKernel::new(&layers, tile);
        kernels.extend([kernel.sums(), kernel.updates(&rule)].map(|it| (it, tile.invocations())));
    }
    kernels
}

/// Every method; one layer, and more; a batch that is shorter than the others; outputs that invocations share; a loss that
/// is not finite.
#[test]
fn updates_with_the_gradient_have_the_bits_of_updates_from_its_sums() {
    for (optimizer, widths, n_outputs, size) in [
        (Optimizer::GradientDescent, &[70][..], 3, 64),
        (Optimizer::Momentum, &[40, 33, 21], 5, 50),
        (Optimizer::Nesterov, &[], 18, 200),
        (Optimizer::RmsProp, &[9], 70, 128),
        (Optimizer::Adam, &[130, 20], 1, 7),
        (Optimizer::AdamW, &[300], 10, 100),
    ] {
        let case = Case {
            n_samples: 1200,
            widths,
            n_outputs,
            weighted: size == 50,
            storage: match size {
                64 => Storage::U8,
                200 => Storage::F16,
                _ => Storage::F32,
            },
            dropout: if size == 128 { 0.2 } else { 0.0 },
            extreme: size == 100,
            hidden: if size == 100 {
                Activation::Relu
            } else {
                Activation::Tanh
            },
            rule: rule(optimizer, Some(size)),
            ..Case::new()
        };
        let expected = case.bits(&[15], By::Host);
        let what = format!("{optimizer:?}, {widths:?}, {size}");
        assert!(expected == case.bits(&[15], By::Larger), "{what}");
        assert!(
            expected == case.bits(&[1, 14], By::Larger),
            "{what}, in parts"
        );
    }
}
