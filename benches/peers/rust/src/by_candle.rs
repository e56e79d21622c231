//! By candle, in float32 or float64.

use crate::{Peer, Result, Task};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::loss::{binary_cross_entropy_with_logit, cross_entropy};
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};

pub struct Candle {
    x: Tensor,
    t: Tensor,
    /// Weight and bias of each layer.
    layers: Vec<[Var; 2]>,
    adam: AdamW,
}

impl Candle {
    pub fn new(task: &Task, is_wide: bool) -> Result<Self> {
        let (kind, device) = (if is_wide { DType::F64 } else { DType::F32 }, &Device::Cpu);
        let layers = task
            .widths
            .windows(2)
            .zip(&task.start)
            .map(|(widths, [weight, bias])| {
                let weight =
                    Tensor::from_slice(weight, (widths[0], widths[1]), device)?.to_dtype(kind)?;
                let bias = Tensor::from_slice(bias, widths[1], device)?.to_dtype(kind)?;
                Ok([Var::from_tensor(&weight)?, Var::from_tensor(&bias)?])
            });
        let layers = layers.collect::<Result<Vec<_>>>()?;
        let t = match task.has_classes() {
            true => Tensor::from_slice(&task.t, task.n_rows(), device)?.to_dtype(DType::U32)?,
            false => Tensor::from_slice(&task.t, (task.n_rows(), task.n_outputs()), device)?
                .to_dtype(kind)?,
        };
        let adam = ParamsAdamW {
            lr: task.rate,
            weight_decay: 0.0,
            ..ParamsAdamW::default()
        };
        Ok(Self {
            x: Tensor::from_slice(&task.x, (task.n_rows(), task.n_inputs()), device)?
                .to_dtype(kind)?,
            t,
            adam: AdamW::new(layers.concat(), adam)?,
            layers,
        })
    }

    fn mean_loss(&self, rows: &[u32]) -> Result<Tensor> {
        let rows = Tensor::from_slice(rows, rows.len(), &Device::Cpu)?;
        let (mut a, t) = (
            self.x.index_select(&rows, 0)?,
            self.t.index_select(&rows, 0)?,
        );
        for (at, [weight, bias]) in self.layers.iter().enumerate() {
            a = a.matmul(weight)?.broadcast_add(bias)?;
            if at + 1 < self.layers.len() {
                a = a.relu()?;
            }
        }
        Ok(match t.dtype() {
            DType::U32 => cross_entropy(&a, &t)?,
            // Its mean is over the outputs too.
            _ => (binary_cross_entropy_with_logit(&a, &t)? * a.dim(1)? as f64)?,
        })
    }
}

impl Peer for Candle {
    fn loss(&self, rows: &[u32]) -> Result<f64> {
        Ok(self.mean_loss(rows)?.to_dtype(DType::F64)?.to_scalar()?)
    }

    fn update(&mut self, rows: &[u32]) -> Result<()> {
        let loss = self.mean_loss(rows)?;
        Ok(self.adam.backward_step(&loss)?)
    }
}
