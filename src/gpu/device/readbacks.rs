//! Small results that come back while the device goes on with what was submitted after them.

use super::{Buffer, Device, Mapping};
use crate::error::Result;
use std::collections::VecDeque;
use wgpu::BufferUsages;

/// A ring of host buffers, as many as results are on their way at once.
#[derive(Debug, Default)]
pub(in crate::gpu) struct Readbacks {
    idle: Vec<Buffer>,
    coming: VecDeque<(Buffer, Mapping)>,
}

impl Readbacks {
    /// Sends for `floats` f32 of `buffer` from float `first` on, as they will be once all earlier submissions are
    /// done.
    pub(in crate::gpu) fn send_for(
        &mut self,
        device: &Device,
        buffer: &Buffer,
        first: usize,
        floats: usize,
    ) -> Result<()> {
        let bytes = 4 * floats as u64;
        let usage = BufferUsages::COPY_DST | BufferUsages::MAP_READ;
        let idle = self.idle.iter().position(|idle| idle.size() == bytes);
        let to = match idle {
            Some(idle) => self.idle.swap_remove(idle),
            None => device.buffer("readback", bytes, usage)?,
        };
        let submission = device.submit("readback", |encoder| {
            encoder.copy_buffer_to_buffer(buffer, 4 * first as u64, &to, 0, bytes);
        });
        let mapping = Device::map(&to, wgpu::MapMode::Read, submission);
        self.coming.push_back((to, mapping));
        Ok(())
    }

    /// Waits for the oldest result that was sent for, not for later ones, and returns it.
    ///
    /// # Panics
    /// If nothing was sent for.
    pub(in crate::gpu) fn receive(&mut self, device: &Device) -> Result<Vec<f32>> {
        let (buffer, mapping) = self.coming.pop_front().expect("a result was sent for");
        device.wait_for(mapping)?;
        let values = {
            let view = buffer.get_mapped_range(..);
            bytemuck::pod_collect_to_vec(&view.map_err(|error| device.failed(error))?)
        };
        buffer.unmap();
        self.idle.push(buffer);
        Ok(values)
    }
}
