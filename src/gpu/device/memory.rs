//! The memory of a device: buffers that count themselves, so that a refused one is an error that says how much
//! is held.

use super::Device;
use crate::error::{Error, Result};
use crate::gpu::adapter::AdapterKind;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wgpu::BufferUsages;

/// A buffer whose bytes count as held by its device until the last clone is dropped.
#[derive(Clone, Debug)]
pub(in crate::gpu) struct Buffer(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    buffer: wgpu::Buffer,
    held: Arc<AtomicU64>,
}

impl Buffer {
    fn new(buffer: wgpu::Buffer, held: &Arc<AtomicU64>) -> Self {
        held.fetch_add(buffer.size(), Ordering::Relaxed);
        Self(Arc::new(Counted {
            buffer,
            held: Arc::clone(held),
        }))
    }
}

impl Deref for Buffer {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.0.buffer
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.held.fetch_sub(self.buffer.size(), Ordering::Relaxed);
    }
}

impl Device {
    /// Bytes of the buffers that are held.
    pub(in crate::gpu) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Fails if the host cannot have `bytes` for `what` and the device's memory is the host's, as a software
    /// adapter's is. Such memory is granted long before it is there; asking for all of it in one piece, and
    /// giving it back untouched, tells whether it can ever be.
    pub(in crate::gpu) fn check_host_memory(&self, what: &str, bytes: u64) -> Result<()> {
        let granted = |bytes: usize| Vec::<u8>::new().try_reserve_exact(bytes).is_ok();
        if self.adapter.kind == AdapterKind::Software && !usize::try_from(bytes).is_ok_and(granted)
        {
            return Err(self.memory(what, bytes));
        }
        Ok(())
    }

    fn memory(&self, what: &str, needed: u64) -> Error {
        Error::DeviceMemory {
            adapter: self.adapter.to_string(),
            what: what.to_owned(),
            needed,
            held: self.held(),
        }
    }

    /// A buffer of `bytes`.
    pub(in crate::gpu) fn buffer(
        &self,
        label: &str,
        bytes: u64,
        usage: BufferUsages,
    ) -> Result<Buffer> {
        self.create(label, bytes, usage, false)
    }

    /// A buffer of `bytes` that the host writes and the device copies from; mapped.
    pub(in crate::gpu) fn staging(&self, label: &str, bytes: u64) -> Result<Buffer> {
        let usage = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
        self.create(label, bytes, usage, true)
    }

    fn create(
        &self,
        label: &str,
        bytes: u64,
        usage: BufferUsages,
        mapped_at_creation: bool,
    ) -> Result<Buffer> {
        let made = self.scoped(|device| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(&format!("neuralnet.{label}")),
                size: bytes,
                usage,
                mapped_at_creation,
            })
        });
        match made {
            Ok(buffer) => Ok(Buffer::new(buffer, &self.held)),
            Err(wgpu::Error::OutOfMemory { .. }) => Err(self.memory(label, bytes)),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// A storage buffer of `floats` f32, for shaders, uploads and readbacks.
    pub(in crate::gpu) fn storage(&self, label: &str, floats: usize) -> Result<Buffer> {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        self.buffer(label, 4 * floats as u64, usage)
    }

    /// A uniform buffer that holds `params`.
    pub(in crate::gpu) fn uniform(
        &self,
        label: &str,
        params: &impl bytemuck::NoUninit,
    ) -> Result<Buffer> {
        self.uniforms(label, std::slice::from_ref(params))
    }

    /// A uniform buffer that holds each of `params`.
    pub(in crate::gpu) fn uniforms(
        &self,
        label: &str,
        params: &[impl bytemuck::NoUninit],
    ) -> Result<Buffer> {
        let bytes = bytemuck::cast_slice(params);
        let buffer = self.buffer(
            label,
            bytes.len() as u64,
            BufferUsages::UNIFORM | BufferUsages::COPY_DST,
        )?;
        self.write(&buffer, 0, bytes);
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::BufferUsages;
    use crate::error::Error;
    use crate::gpu::device::tests::{device, ran_in_little_memory};

    const GIB: u64 = 1 << 30;

    /// Memory is used up buffer by buffer.
    #[test]
    fn a_refused_allocation_is_an_error_that_names_both_sizes() {
        let device = device();
        let name =
            "gpu::device::memory::tests::a_refused_allocation_is_an_error_that_names_both_sizes";
        if ran_in_little_memory(&device, name, 6_000_000) {
            return;
        }
        let bytes = GIB.min(device.adapter.max_buffer_bytes);
        let mut buffers = Vec::new();
        let error = loop {
            match device.buffer("test", bytes, BufferUsages::STORAGE) {
                Ok(buffer) => buffers.push(buffer),
                Err(error) => break error,
            }
        };
        let Error::DeviceMemory { needed, held, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(
            (needed, held),
            (bytes, bytes * buffers.len() as u64),
            "sizes"
        );
        drop(buffers);
        assert_eq!(device.held(), 0, "dropped buffers are not held");
        device.buffer("test", 256, BufferUsages::STORAGE).unwrap();
    }
}
