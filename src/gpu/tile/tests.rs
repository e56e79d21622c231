//! The products in every tile against plain loops over their chains, bit for bit.

use super::Tile;
use crate::gpu::dense_kernels::DenseKernel;
use crate::gpu::device::tests::device;
use crate::gpu::device::{Buffer, Device};
use crate::gpu::gradients::GradientKernel;
use crate::gpu::kernel::Kernel;
use crate::gpu::parameter_layout::ParameterLayout;
use crate::gpu::params::{BlockParams, to_u32};
use crate::gpu::pipeline::Pipeline;
use crate::network::{Activation, Hidden, Network};
use crate::random::test_numbers;
use rand::RngExt;

/// A step of a chain, `a b + sum`, rounded as an adapter does.
type Step = fn(f32, f32, f32) -> f32;

/// Numbers in [−1, 1), the last of each row of `width` past `used` 0.
fn random(n_rows: usize, [used, width]: [usize; 2], seed: u64) -> Vec<f32> {
    let mut random = test_numbers(seed);
    let numbers = (0..n_rows * width).map(|at| {
        let number = random.random_range(-1.0..1.0);
        if at % width < used { number } else { 0.0 }
    });
    numbers.collect()
}

/// A layer on top of another one, its operands, and buffers for its results.
struct Case {
    n_rows: usize,
    n_inputs: usize,
    n_outputs: usize,
    rows_per_leaf: usize,
    layout: ParameterLayout,
    parameters: Vec<f32>,
    /// Activations below, their pre-activations, and errors of this layer; all padded.
    x: Vec<f32>,
    z_below: Vec<f32>,
    e: Vec<f32>,
}

const FIRST_LEAF: usize = 2;

impl Case {
    fn new([n_rows, n_inputs, n_outputs]: [usize; 3], rows_per_leaf: usize, bias: bool) -> Self {
        let hidden = Hidden {
            widths: vec![n_inputs],
            activation: Activation::Relu,
        };
        let network = Network::single_layer(3, n_outputs, bias).with_hidden(&hidden);
        let layout = ParameterLayout::new(&network);
        let mut numbers = test_numbers(9);
        let flat: Vec<f64> = (0..network.n_parameters())
            .map(|_| numbers.random_range(-1.0..1.0))
            .collect();
        let [row, of_errors] = [n_inputs, n_outputs].map(|n| n.next_multiple_of(4));
        Self {
            n_rows,
            n_inputs,
            n_outputs,
            rows_per_leaf,
            parameters: layout.pack(&flat),
            x: random(n_rows, [n_inputs, row], 1),
            z_below: random(n_rows, [n_inputs, row], 2),
            e: random(n_rows, [n_outputs, of_errors], 3),
            layout,
        }
    }

    fn kernel(&self) -> DenseKernel {
        DenseKernel {
            layout: self.layout.layers[1],
            data: None,
            drops: false,
            drops_below: false,
        }
    }

    fn n_leaves(&self) -> usize {
        self.n_rows.div_ceil(self.rows_per_leaf)
    }

    fn weight(&self, output: usize, input: usize) -> f32 {
        let layer = self.layout.layers[1];
        self.parameters[layer.weight_at + output * layer.row + input]
    }

    /// Runs `kernel` over `operands`, and gives each of its results, of so many floats, NaN before.
    fn run<const N: usize>(
        &self,
        device: &Device,
        kernel: &Kernel,
        operands: &[&[f32]],
        results: [usize; N],
        workgroups: [usize; 2],
    ) -> [Vec<f32>; N] {
        let params = BlockParams {
            n_rows: to_u32(self.n_rows),
            first_row: 0,
            first_leaf: to_u32(FIRST_LEAF),
            rows_per_leaf: to_u32(self.rows_per_leaf),
            place_low: 0,
            place_high: 0,
            leaf_width: to_u32(self.layout.n_sums() / 4),
            _pad: 0,
        };
        let params = device.uniform("test", &params).unwrap();
        let layer = device.uniform("test", &self.kernel().params(1)).unwrap();
        let held = |numbers: &&[f32]| {
            let buffer = device.storage("operand", numbers.len()).unwrap();
            device.write(&buffer, 0, bytemuck::cast_slice(numbers));
            buffer
        };
        let operands: Vec<Buffer> = operands.iter().map(held).collect();
        let buffers = results.map(|floats| device.storage("result", floats).unwrap());
        for buffer in &buffers {
            device.poison(buffer).unwrap();
        }
        let mut pipeline = Pipeline::new(device, kernel).unwrap();
        let mut bound = vec![&params];
        bound.extend(operands.iter().chain(&buffers).chain([&layer]));
        pipeline.add(device, &bound, workgroups).unwrap();
        device
            .run_pass("test", |pass| pipeline.record(pass))
            .unwrap();
        std::array::from_fn(|at| device.read(&buffers[at], 0, results[at]).unwrap())
    }

    /// Pre-activations and activations.
    fn forward(&self, device: &Device, tile: Tile) -> [Vec<f32>; 2] {
        let kernel = self.kernel().forward(Activation::Relu, tile);
        let floats = self.e.len();
        let workgroups = tile.workgroups([self.n_rows, self.n_outputs]);
        let operands = [&self.x[..], &self.parameters];
        self.run(device, &kernel, &operands, [floats; 2], workgroups)
    }

    fn expected_forward(&self, step: Step) -> [Vec<f32>; 2] {
        let layer = self.layout.layers[1];
        let (row, padded) = (layer.row, self.n_outputs.next_multiple_of(4));
        let mut z = vec![0.0; self.e.len()];
        for r in 0..self.n_rows {
            for o in 0..self.n_outputs {
                let chain = (0..self.n_inputs).fold(0.0, |sum, i| {
                    step(self.x[r * row + i], self.weight(o, i), sum)
                });
                z[r * padded + o] = match layer.layer.bias {
                    true => chain + self.parameters[layer.bias_at + o],
                    false => chain,
                };
            }
        }
        let a = z.iter().map(|z| z.max(0.0)).collect();
        [z, a]
    }

    /// Errors of the layer below.
    fn backward(&self, device: &Device, tile: Tile) -> Vec<f32> {
        let kernel = self.kernel().backward(Activation::Relu, tile);
        let workgroups = tile.workgroups([self.n_rows, self.n_inputs]);
        let operands = [&self.e[..], &self.parameters, &self.z_below, &self.x];
        let [errors] = self.run(device, &kernel, &operands, [self.x.len()], workgroups);
        errors
    }

    fn expected_backward(&self, step: Step) -> Vec<f32> {
        let (row, padded) = (
            self.layout.layers[1].row,
            self.n_outputs.next_multiple_of(4),
        );
        let of_place = |at: usize| {
            let (r, i) = (at / row, at % row);
            if i >= self.n_inputs {
                return 0.0;
            }
            let chain = (0..self.n_outputs).fold(0.0, |sum, o| {
                step(self.e[r * padded + o], self.weight(o, i), sum)
            });
            chain * f32::from(u8::from(self.z_below[at] > 0.0))
        };
        (0..self.x.len()).map(of_place).collect()
    }

    /// The sums of the leaves, of which the first two are not this block's.
    fn gradient(&self, device: &Device, tile: Tile) -> Vec<f32> {
        let kernel = GradientKernel::new(&[self.kernel()], tile).sums();
        let [down, across] = tile.workgroups([self.n_outputs, self.n_inputs]);
        let floats = (FIRST_LEAF + self.n_leaves()) * self.layout.n_sums();
        let workgroups = [down * across, self.n_leaves()];
        let operands = [&self.x[..], &self.e];
        let [sums] = self.run(device, &kernel, &operands, [floats], workgroups);
        sums
    }

    fn expected_gradient(&self, step: Step) -> Vec<f32> {
        let layer = self.layout.layers[1];
        let (row, padded) = (layer.row, self.n_outputs.next_multiple_of(4));
        let n_sums = self.layout.n_sums();
        // What is another leaf's or another layer's stays as it was.
        let mut sums = vec![f32::NAN; (FIRST_LEAF + self.n_leaves()) * n_sums];
        for leaf in 0..self.n_leaves() {
            let start = leaf * self.rows_per_leaf;
            let rows = start..(start + self.rows_per_leaf).min(self.n_rows);
            let own = &mut sums[(FIRST_LEAF + leaf) * n_sums..];
            for o in 0..self.n_outputs {
                for i in 0..row {
                    let chain =
                        |sum, r: usize| step(self.e[r * padded + o], self.x[r * row + i], sum);
                    own[layer.weight_at + o * row + i] = rows.clone().fold(0.0, chain);
                }
            }
            for o in (0..padded).take_while(|_| layer.layer.bias) {
                let errors = rows.clone().map(|r| self.e[r * padded + o]);
                own[layer.bias_at + o] = errors.fold(0.0, |sum, e| sum + e);
            }
        }
        sums
    }
}

/// The step of an adapter's chains: whether it rounds once or twice shows in one sum that is 2⁻²⁴ or 0.
fn step_of(device: &Device) -> Step {
    let mut case = Case::new([1, 2, 1], 1, false);
    let (layer, a) = (case.layout.layers[1], 1.0 + 2.0_f32.powi(-12));
    case.x = vec![1.0, a, 0.0, 0.0];
    case.parameters[layer.weight_at..][..2].copy_from_slice(&[-1.0 - 2.0_f32.powi(-11), a]);
    let sum = case.forward(device, Tile::ALL[1])[0][0];
    match sum.to_bits() {
        0 => |a, b, sum| a * b + sum,
        bits if bits == 2.0_f32.powi(-24).to_bits() => f32::mul_add,
        _ => panic!("{sum} is neither"),
    }
}

fn assert_same_bits(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let is_same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
        assert!(is_same, "{what}, float {at}: {found:e}, not {expected:e}");
    }
}

/// Sizes on both sides of each tile's, of a vec4, of what the contraction takes at a time, and of a leaf.
#[test]
fn every_tile_gives_the_bits_of_a_plain_loop() {
    let device = device();
    let step = step_of(&device);
    for (shape, rows_per_leaf, bias) in [
        ([1, 1, 1], 4, true),
        ([7, 3, 2], 4, false),
        ([33, 17, 16], 16, true),
        ([65, 15, 70], 64, true),
        ([130, 68, 129], 32, false),
        ([64, 128, 64], 64, true),
    ] {
        let case = Case::new(shape, rows_per_leaf, bias);
        let [z, a] = case.expected_forward(step);
        let errors = case.expected_backward(step);
        let sums = case.expected_gradient(step);
        for tile in Tile::ALL {
            let what = format!("{shape:?}, {tile:?}");
            let [found_z, found_a] = case.forward(&device, tile);
            assert_same_bits(&found_z, &z, &format!("z of {what}"));
            assert_same_bits(&found_a, &a, &format!("activations of {what}"));
            let found = case.backward(&device, tile);
            assert_same_bits(&found, &errors, &format!("errors of {what}"));
            let found = case.gradient(&device, tile);
            assert_same_bits(&found, &sums, &format!("gradient of {what}"));
        }
    }
}

/// Larger tiles the more there is to compute, and none beyond the workgroup memory that every adapter has.
#[test]
fn sizes_alone_choose_a_tile() {
    use super::{FLAT, LARGE, MEDIUM, NARROW, SMALL};
    let chosen = [
        ([128, 128], 1, SMALL),
        ([512, 512], 1, MEDIUM),
        ([4096, 1024], 1, LARGE),
        ([128, 784], 100, LARGE),
        ([4096, 10], 1, NARROW),
        ([10, 784], 1, FLAT),
    ];
    for (product, n_products, tile) in chosen {
        assert_eq!(Tile::of(product, n_products), tile, "{product:?}");
    }
    for tile in Tile::ALL {
        assert!(tile.bytes() <= 16384, "{tile:?} fits every adapter");
    }
}
