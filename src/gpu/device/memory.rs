//! The memory of a device: buffers that count themselves, so that a refused one is an error that says how much
//! is held.

use super::Device;
use crate::error::{Error, Result};
use crate::gpu::adapter::AdapterKind;
use crate::gpu::params::UNIFORM_STRIDE;
use std::num::NonZeroU64;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wgpu::BufferUsages;

/// A buffer whose bytes count as held by its device until the last clone is dropped.
#[derive(Clone, Debug)]
pub(in crate::gpu) struct Buffer {
    counted: Arc<Counted>,
    /// The bytes that shaders see: so many from there on, or all.
    at: u64,
    bytes: Option<NonZeroU64>,
}

#[derive(Debug)]
struct Counted {
    buffer: wgpu::Buffer,
    held: Arc<AtomicU64>,
}

impl Buffer {
    fn new(buffer: wgpu::Buffer, held: &Arc<AtomicU64>) -> Self {
        held.fetch_add(buffer.size(), Ordering::Relaxed);
        let counted = Counted {
            buffer,
            held: Arc::clone(held),
        };
        Self {
            counted: Arc::new(counted),
            at: 0,
            bytes: None,
        }
    }

    /// The bytes that shaders see.
    pub(in crate::gpu) fn binding(&self) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: self,
            offset: self.at,
            size: self.bytes,
        })
    }
}

impl Deref for Buffer {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.counted.buffer
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
    /// adapter's is and an integrated GPU's. Such memory is granted long before it is there; asking for all of it in one piece, and
    /// giving it back untouched, tells whether it can ever be.
    pub(in crate::gpu) fn check_host_memory(&self, what: &str, bytes: u64) -> Result<()> {
        let granted = |bytes: usize| Vec::<u8>::new().try_reserve_exact(bytes).is_ok();
        let of_host = matches!(
            self.adapter.kind,
            AdapterKind::Software | AdapterKind::Integrated
        );
        if of_host && !usize::try_from(bytes).is_ok_and(granted) {
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

    /// A uniform for each of `params`, all in one buffer: a buffer of its own takes 64 KiB of some devices.
    pub(in crate::gpu) fn uniform_each<P: bytemuck::NoUninit>(
        &self,
        label: &str,
        params: &[P],
    ) -> Result<Vec<Buffer>> {
        let mut bytes = vec![0; params.len() * UNIFORM_STRIDE];
        for (to, params) in bytes.chunks_exact_mut(UNIFORM_STRIDE).zip(params) {
            to[..size_of::<P>()].copy_from_slice(bytemuck::bytes_of(params));
        }
        let all = self.uniforms(label, &bytes)?;
        let of = |at: usize| Buffer {
            at: at as u64,
            bytes: NonZeroU64::new(size_of::<P>() as u64),
            ..all.clone()
        };
        Ok((0..bytes.len()).step_by(UNIFORM_STRIDE).map(of).collect())
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
    use crate::gpu::adapter::AdapterKind;
    use crate::gpu::device::tests::{device, ran_in_little_memory};

    const GIB: u64 = 1 << 30;

    #[test]
    fn memory_that_the_host_cannot_have_is_refused_where_it_is_the_devices() {
        let mut device = device();
        for (kind, is_refused) in [
            (AdapterKind::Software, true),
            (AdapterKind::Integrated, true),
            (AdapterKind::Discrete, false),
        ] {
            device.adapter.kind = kind;
            let checked = device.check_host_memory("test", 1 << 60);
            assert_eq!(checked.is_err(), is_refused, "{kind}");
        }
    }

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
