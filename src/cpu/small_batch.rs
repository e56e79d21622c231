//! The sums of a leaf of at most [`WIDTH`] rows, with one vector for each feature that holds it for all rows: no
//! pre-activation has to be summed across a vector, and little more than the exponential is left to compute.

use super::activation::activate;
use super::block::{Rows, column};
use super::float::Float;
use super::layer::{PaddedLayer, Sums, WIDTH, sum};
use super::scratch::Scratch;
use crate::network::Activation;

/// At most [`WIDTH`] rows, column by column, a lane for each row; lanes without a row are 0.
#[derive(Debug)]
pub(super) struct SmallBatch<T> {
    /// (I)
    inputs: Vec<[T; WIDTH]>,
    /// (O)
    targets: Vec<[f64; WIDTH]>,
    weights: Option<[f64; WIDTH]>,
    n_rows: usize,
}

impl<T: Float> SmallBatch<T> {
    /// Copies `rows`. `None` where there are more than [`WIDTH`], or the layer is a softmax, whose outputs depend on
    /// each other.
    pub(super) fn new(layer: &PaddedLayer<T>, rows: Rows<'_>) -> Option<Self> {
        let n_rows = rows.n_rows;
        let (inputs, targets) = (0..layer.shape.n_inputs, 0..layer.shape.n_outputs);
        let all_inputs = |j| column(rows.inputs, rows.input_stride, n_rows, j).map(T::rounded);
        let all_targets = |o| column(rows.targets, rows.target_stride, n_rows, o);
        let weights = || all_targets(layer.shape.n_outputs);
        let independent = layer.shape.activation != Activation::Softmax;
        (independent && n_rows <= WIDTH).then(|| Self {
            inputs: inputs.map(all_inputs).collect(),
            targets: targets.map(all_targets).collect(),
            weights: layer.weighted.then(weights),
            n_rows,
        })
    }

    /// Sets `sums` to the sums over the rows.
    #[inline(always)]
    pub(super) fn sum<const FUSED: bool>(
        &self,
        layer: &PaddedLayer<T>,
        scratch: &mut Scratch<T>,
        sums: &mut Sums,
    ) {
        sums.clear_lanes(WIDTH);
        for o in 0..self.targets.len() {
            let grad_z = self.grad_z::<FUSED>(layer, o, scratch, sums);
            let grad = &mut sums.grad_weight[o * layer.width()..];
            for (grad, x) in grad.iter_mut().zip(&self.inputs) {
                *grad = dot(&grad_z, x);
            }
            sums.grad_bias[o] = sum(&grad_z);
        }
    }

    /// dloss/dz of output `o`, a lane for each row; adds loss and slope to `sums`.
    #[inline(always)]
    fn grad_z<const FUSED: bool>(
        &self,
        layer: &PaddedLayer<T>,
        o: usize,
        scratch: &mut Scratch<T>,
        sums: &mut Sums,
    ) -> [f64; WIDTH] {
        let mut z = [layer.bias[o]; WIDTH];
        for (x, w) in self.inputs.iter().zip(&layer.weight[o * layer.width()..]) {
            for i in 0..WIDTH {
                z[i] = T::mul_add::<FUSED>(*w, x[i], z[i]);
            }
        }
        scratch.z[..WIDTH].copy_from_slice(&z.map(Into::into));
        scratch.lanes.t[..WIDTH].copy_from_slice(&self.targets[o]);
        if let Some(weights) = &self.weights {
            scratch.lanes.w[..WIDTH].copy_from_slice(weights);
        }
        // The length is 8, but the compiler must not know: it would unroll the loops over it before it turned them
        // into vectors, and then leave them single.
        let lanes = &mut scratch.z[..self.n_rows.next_multiple_of(WIDTH)];
        activate::<T, FUSED>(layer, self.n_rows, lanes, &mut scratch.lanes, sums);
        std::array::from_fn(|i| scratch.z[i])
    }
}

#[inline(always)]
fn dot<T: Float>(a: &[f64; WIDTH], b: &[T; WIDTH]) -> f64 {
    let mut products = [0.0; WIDTH];
    for i in 0..WIDTH {
        let x: f64 = b[i].into();
        products[i] = a[i] * x;
    }
    sum(&products)
}
