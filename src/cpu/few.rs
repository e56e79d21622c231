//! The sums of a leaf of a few rows, one vector for a feature of all of them: no row has to be summed
//! across a vector, and what is left is little more than the exponential.

use super::leaf::{Rows, Scratch};
use super::neurons::{Neurons, Sums, WIDTH, activate, sum};
use crate::instructions::mul_add;
use crate::network::Activation;

/// At most [`WIDTH`] rows, column by column; lanes without a row are 0.
#[derive(Debug)]
pub(super) struct Columns {
    /// (I)
    inputs: Vec<[f64; WIDTH]>,
    /// (O)
    targets: Vec<[f64; WIDTH]>,
    weights: Option<[f64; WIDTH]>,
    n_rows: usize,
}

impl Columns {
    /// The columns of `rows`, where they are that few and their outputs do not belong together.
    pub(super) fn new(neurons: &Neurons, rows: Rows<'_>) -> Option<Self> {
        let column = |values: &[f32], stride: usize, at: usize| {
            let mut column = [0.0; WIDTH];
            for (to, row) in column
                .iter_mut()
                .zip(values.chunks(stride).take(rows.n_rows))
            {
                *to = f64::from(row[at]);
            }
            column
        };
        let (inputs, targets) = (0..neurons.layer.n_inputs, 0..neurons.layer.n_outputs);
        let all_inputs = |j| column(rows.inputs, rows.input_stride, j);
        let all_targets = |o| column(rows.targets, rows.target_stride, o);
        let weights = || all_targets(neurons.layer.n_outputs);
        let alone = neurons.layer.activation != Activation::Softmax;
        (alone && rows.n_rows <= WIDTH).then(|| Self {
            inputs: inputs.map(all_inputs).collect(),
            targets: targets.map(all_targets).collect(),
            weights: neurons.weighted.then(weights),
            n_rows: rows.n_rows,
        })
    }

    /// Sets `sums` to those over the rows.
    #[inline(always)]
    pub(super) fn sum<const FUSED: bool>(
        &self,
        neurons: &Neurons,
        scratch: &mut Scratch,
        sums: &mut Sums,
    ) {
        sums.clear_lanes(WIDTH);
        for o in 0..self.targets.len() {
            let grad_z = self.grad_z::<FUSED>(neurons, o, scratch, sums);
            let grad = &mut sums.grad_weight[o * neurons.width()..];
            for (grad, x) in grad.iter_mut().zip(&self.inputs) {
                *grad = dot(&grad_z, x);
            }
            sums.grad_bias[o] = sum(&grad_z);
        }
    }

    /// One update from those sums, of which `sums` keeps loss and mean slope. Each parameter waits for its own
    /// gradient alone, and no vector for what was written as single numbers.
    #[inline(always)]
    pub(super) fn descend<const FUSED: bool>(
        &self,
        rate: f64,
        neurons: &mut Neurons,
        scratch: &mut Scratch,
        sums: &mut Sums,
    ) {
        sums.clear_lanes(WIDTH);
        for o in 0..self.targets.len() {
            let grad_z = self.grad_z::<FUSED>(neurons, o, scratch, sums);
            let at = o * neurons.width();
            for (w, x) in neurons.weight[at..].iter_mut().zip(&self.inputs) {
                *w = mul_add::<FUSED>(-rate, dot(&grad_z, x), *w);
            }
            if neurons.layer.bias {
                neurons.bias[o] = mul_add::<FUSED>(-rate, sum(&grad_z), neurons.bias[o]);
            }
        }
    }

    /// dloss/dz of output `o`, one row a lane; adds loss and mean slope.
    #[inline(always)]
    fn grad_z<const FUSED: bool>(
        &self,
        neurons: &Neurons,
        o: usize,
        scratch: &mut Scratch,
        sums: &mut Sums,
    ) -> [f64; WIDTH] {
        let mut z = [neurons.bias[o]; WIDTH];
        for (x, w) in self
            .inputs
            .iter()
            .zip(&neurons.weight[o * neurons.width()..])
        {
            for i in 0..WIDTH {
                z[i] = mul_add::<FUSED>(*w, x[i], z[i]);
            }
        }
        scratch.z[..WIDTH].copy_from_slice(&z);
        scratch.lanes.t[..WIDTH].copy_from_slice(&self.targets[o]);
        if let Some(weights) = &self.weights {
            scratch.lanes.w[..WIDTH].copy_from_slice(weights);
        }
        // Of a length that the compiler does not know: it would otherwise unroll the loops over it before
        // it turns them into vectors.
        let lanes = &mut scratch.z[..self.n_rows.next_multiple_of(WIDTH)];
        activate::<FUSED>(neurons, self.n_rows, lanes, &mut scratch.lanes, sums);
        z.copy_from_slice(&scratch.z[..WIDTH]);
        z
    }
}

#[inline(always)]
fn dot(a: &[f64; WIDTH], b: &[f64; WIDTH]) -> f64 {
    let mut products = [0.0; WIDTH];
    for i in 0..WIDTH {
        products[i] = a[i] * b[i];
    }
    sum(&products)
}
