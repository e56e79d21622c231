//! Layers that share a dispatch, and updates with the gradient.

use super::GradientKernel;
use crate::backend::Backend;
use crate::data::Storage;
use crate::gpu::dense_kernels::DenseKernel;
use crate::gpu::device::tests::device;
use crate::gpu::input_format::InputFormat;
use crate::gpu::kernel::Kernel;
use crate::gpu::kernels::RowOrder;
use crate::gpu::optimizer;
use crate::gpu::parameter_layout::ParameterLayout;
use crate::gpu::small_network::tests::{By, Case, rule};
use crate::gpu::tile::Tile;
use crate::gpu::{Gpu, GpuOptions};
use crate::network::{Activation, Hidden, Network};
use crate::optimizer::Optimizer;
use std::sync::Arc;

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
        let layers = layers(&layout, (format, order));
        let tile = Tile::ALL[number % Tile::ALL.len()];
        let kernel = GradientKernel::new(&layers, tile);
        kernels.extend([kernel.sums(), kernel.updates(&rule)].map(|it| (it, tile.invocations())));
    }
    kernels
}

/// The layers of `layout`, the first of which reads rows as `data` says.
fn layers(layout: &ParameterLayout, data: (InputFormat, RowOrder)) -> Vec<DenseKernel> {
    let of_layer = |(at, layout_of): (usize, &_)| DenseKernel {
        layout: *layout_of,
        data: (at == 0).then_some(data),
        drops: false,
        drops_below: false,
    };
    layout.layers.iter().enumerate().map(of_layer).collect()
}

/// The limits of Metal: 29 buffers, and 29 that are storage. Eleven layers have 29 storage buffers and 3 uniforms.
#[test]
fn uniforms_count_where_a_device_limits_all_buffers_together() {
    let is_within = |n_layers: usize, most: u32| {
        let hidden = Hidden {
            widths: vec![5; n_layers - 1],
            activation: Activation::Relu,
        };
        let network = Network::single_layer(9, 3, true).with_hidden(&hidden);
        let order = RowOrder::OfBatch(512);
        let layers = layers(
            &ParameterLayout::new(&network),
            (InputFormat::ALL[0], order),
        );
        let kernel = GradientKernel::new(&layers, Tile::ALL[0]);
        let limits = wgpu::Limits {
            max_storage_buffers_per_shader_stage: 29,
            max_buffers_and_acceleration_structures_per_shader_stage: most,
            ..wgpu::Limits::default()
        };
        let rule = &optimizer::tests::rules()[0];
        kernel.updates(rule).is_within(&limits)
    };
    assert!(is_within(9, 29), "28 buffers");
    assert!(is_within(11, 32), "29 storage buffers");
    assert!(!is_within(11, 29), "32 buffers");
    assert!(!is_within(12, u32::MAX), "31 storage buffers");
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

/// Two layers of 9 tiles together and of 2 each if they are taken one after the other, on a device that takes 4 in a
/// dimension, and on one that takes all.
#[test]
fn layers_of_more_tiles_than_a_dimension_has_share_no_dispatch() {
    let bits = |optimizer, max_workgroups: Option<u32>| {
        let case = Case {
            widths: &[100],
            rule: rule(optimizer, Some(30)),
            ..Case::new()
        };
        let dataset = case.dataset();
        let mut device = device();
        let most = device.adapter.max_workgroups;
        device.adapter.max_workgroups = max_workgroups.unwrap_or(most);
        let options = GpuOptions::default();
        let mut gpu = Gpu::on(Arc::new(device), case.problem(&dataset), options).unwrap();
        let mut parameters = vec![0.0; gpu.parameters().unwrap().len()];
        let numbers = parameters.iter_mut().zip(0_u16..);
        numbers.for_each(|(parameter, i)| *parameter = f64::from(i % 17) / 17.0 - 0.5);
        gpu.set_parameters(&parameters).unwrap();
        gpu.follow(&case.rule).unwrap();
        gpu.submit(0..4).unwrap();
        gpu.wait().unwrap();
        let is_fused = gpu.batches.fused_update().is_some();
        assert_eq!(is_fused, max_workgroups.is_none(), "{max_workgroups:?}");
        let gradient = gpu.evaluate().unwrap().gradient;
        (gpu.parameters().unwrap(), gradient)
    };
    for optimizer in [Optimizer::GradientDescent, Optimizer::Adam] {
        assert!(
            bits(optimizer, Some(4)) == bits(optimizer, None),
            "{optimizer:?}"
        );
    }
}
