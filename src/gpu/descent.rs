//! Updates by gradient descent: submitted many at a time, so that the device need not wait for the host.

use super::device::Device;
use super::params::ChunkParams;
use super::{Gpu, to_u32};
use crate::error::{Error, ON_THE_CPU, Remedy, Result};
use crate::leaves::MAX_LOOP_TRIPS;

/// Dispatches of one submission, at most: recording them must not keep the device waiting long.
const MAX_DISPATCHES: usize = 4096;

impl Gpu<'_> {
    /// Submits `iterations` updates, in as few dispatches as may be.
    pub(super) fn descend(&mut self, iterations: u32, rate: f32) -> Result<()> {
        let one_leaf = self.leaves.count() == 1;
        let by_host = !self.chunks.by_host().is_empty();
        let most = if one_leaf {
            MAX_LOOP_TRIPS / (1 + self.lanes.loop_trips())
        } else {
            let chunks = self.chunks.list().len() + self.chunks.n_streamed();
            MAX_DISPATCHES / (chunks + self.tree.n_dispatches())
        };
        let most = to_u32(most).max(1);
        let mut left = iterations;
        while left > 0 {
            let batch = if by_host { 1 } else { left.min(most) };
            left -= batch;
            let n_passes = if one_leaf { 1 } else { batch };
            self.set_rate(batch, rate);
            // Where the host brings rows, it goes on with those of the next iteration; the ring holds it back.
            self.stream()?;
            self.device.submit("advance", |encoder| {
                Device::pass(encoder, "advance", |pass| {
                    for _ in 0..n_passes {
                        self.record_sums(pass);
                    }
                });
            });
        }
        Ok(())
    }

    /// What is submitted from now on updates by `rate`, in `one_leaf` as often as `n_iterations` says.
    pub(super) fn set_rate(&self, n_iterations: u32, rate: f32) {
        if self.leaves.count() == 1 {
            let chunk = &self.chunks.list()[0];
            let params = ChunkParams {
                n_samples: to_u32(chunk.rows.len()),
                first_leaf: 0,
                n_iterations,
                rate,
            };
            self.device
                .write(&chunk.params, 0, bytemuck::bytes_of(&params));
        }
        self.tree.set_rate(&self.device, rate);
    }
}

/// The rate as the shader multiplies by it.
pub(super) fn rate(rate: f64) -> Result<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose; the rest is an error"
    )]
    let rounded = rate as f32;
    if rounded.is_normal() {
        return Ok(rounded);
    }
    Err(Error::Setting {
        setting: "learning_rate",
        reason: format!(
            "times the reduction is {rate:e}, which a GPU cannot multiply by: the least is {:e}, the largest {:e}",
            f32::MIN_POSITIVE,
            f32::MAX
        ),
        remedies: &[Remedy::Do("take another"), ON_THE_CPU],
    })
}
