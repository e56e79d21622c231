//! By Burn on its backend for CPUs, in float32: its Adam has coefficients in float32.

use crate::{Peer, Result, Task};
use burn::module::Param;
use burn::nn::Linear;
use burn::nn::loss::{BinaryCrossEntropyLossConfig, CrossEntropyLossConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::prelude::*;
use burn::tensor::activation::relu;

#[derive(Module, Debug)]
struct Layers {
    layers: Vec<Linear>,
}

pub struct Burn {
    device: Device,
    x: Tensor<2>,
    /// (rows, O), or (rows, 1) of classes.
    t: Tensor<2, Int>,
    has_classes: bool,
    layers: Layers,
    adam: ModuleOptimizer,
    rate: f64,
}

impl Burn {
    pub fn new(task: &Task) -> Self {
        let device = Device::flex().autodiff();
        let layers = task
            .widths
            .windows(2)
            .zip(&task.start)
            .map(|(widths, [weight, bias])| {
                let narrow =
                    |numbers: &[f64]| numbers.iter().map(|it| *it as f32).collect::<Vec<_>>();
                let weight = TensorData::new(narrow(weight), [widths[0], widths[1]]);
                let bias = TensorData::new(narrow(bias), [widths[1]]);
                Linear {
                    weight: Param::from_data(weight, &device),
                    bias: Some(Param::from_data(bias, &device)),
                }
            });
        let layers = Layers {
            layers: layers.collect(),
        };
        let t: Vec<i64> = task.t.iter().map(|it| *it as i64).collect();
        let shape = [task.n_rows(), t.len() / task.n_rows()];
        Self {
            x: Tensor::from_data(
                TensorData::new(task.x.clone(), [task.n_rows(), task.n_inputs()]),
                &device,
            ),
            t: Tensor::from_data(TensorData::new(t, shape), &device),
            has_classes: task.has_classes(),
            adam: AdamConfig::new().with_epsilon(1e-8).init(),
            rate: task.rate,
            layers,
            device,
        }
    }

    fn mean_loss(&self, rows: &[u32]) -> Tensor<1> {
        let rows: Vec<i64> = rows.iter().map(|row| i64::from(*row)).collect();
        let rows =
            Tensor::<1, Int>::from_data(TensorData::new(rows.clone(), [rows.len()]), &self.device);
        let (mut a, t) = (
            self.x.clone().select(0, rows.clone()),
            self.t.clone().select(0, rows),
        );
        let n_layers = self.layers.layers.len();
        for (at, layer) in self.layers.layers.iter().enumerate() {
            a = layer.forward(a);
            if at + 1 < n_layers {
                a = relu(a);
            }
        }
        if self.has_classes {
            return CrossEntropyLossConfig::new()
                .init(&self.device)
                .forward(a, t.squeeze_dim(1));
        }
        let n_outputs = a.dims()[1] as f64;
        let loss = BinaryCrossEntropyLossConfig::new()
            .with_logits(true)
            .init(&self.device);
        // Its mean is over the outputs too.
        loss.forward(a, t) * n_outputs
    }
}

impl Peer for Burn {
    fn loss(&self, rows: &[u32]) -> Result<f64> {
        Ok(f64::from(self.mean_loss(rows).into_scalar::<f32>()))
    }

    fn update(&mut self, rows: &[u32]) -> Result<()> {
        let gradients = self.mean_loss(rows).backward();
        let gradients = GradientsParams::from_grads(gradients, &self.layers);
        self.layers = self.adam.step(self.rate, self.layers.clone(), gradients);
        Ok(())
    }
}
