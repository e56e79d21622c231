//! The units that updates go without, as the shaders draw them.

use super::device::{Buffer, Device};
use super::params::{MAX_UPDATES, MaskParams, UNIFORM_STRIDE};
use super::pipeline::DynamicOffsets;
use crate::error::Result;
use crate::network::Dropout;
use wgpu::BufferUsages;

/// The masks of the updates recorded at once, and one that keeps all units.
#[derive(Debug)]
pub(super) struct Masks {
    dropout: Dropout,
    /// The [`MaskParams`] of each update recorded at once, [`UNIFORM_STRIDE`] bytes apart, and after them one that keeps all.
    pub(super) buffer: Buffer,
}

impl Masks {
    pub(super) fn new(device: &Device, dropout: Dropout) -> Result<Self> {
        let bytes = ((MAX_UPDATES + 1) * UNIFORM_STRIDE) as u64;
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let buffer = device.buffer("masks of updates", bytes, usage)?;
        let all = MaskParams::ALL;
        let last = u64::from(DynamicOffsets::default().uniform);
        device.write(&buffer, last, bytemuck::bytes_of(&all));
        Ok(Self { dropout, buffer })
    }

    /// Writes the masks of `updates`, at most [`MAX_UPDATES`].
    pub(super) fn write(&self, device: &Device, updates: impl IntoIterator<Item = u64>) {
        let mut uniforms = Vec::new();
        for update in updates {
            let start = uniforms.len();
            uniforms.extend_from_slice(bytemuck::bytes_of(&self.params(update)));
            uniforms.resize(start + UNIFORM_STRIDE, 0);
        }
        device.write(&self.buffer, 0, &uniforms);
    }

    /// The mask of an update.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to f32 is the purpose"
    )]
    pub(super) fn params(&self, update: u64) -> MaskParams {
        let mask = self.dropout.mask(update);
        MaskParams {
            key: mask.key,
            threshold: mask.threshold,
            scale: mask.scale as f32,
        }
    }
}
