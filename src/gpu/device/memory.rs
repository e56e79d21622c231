//! The memory of a device: buffers, counted, so that a refused one is an error that says what is held.

use super::Device;
use crate::error::{Error, Result};
use crate::gpu::adapter::AdapterKind;
use wgpu::BufferUsages;

impl Device {
    /// Bytes of the buffers made so far and not released.
    pub(in crate::gpu) fn held(&self) -> u64 {
        self.held
    }

    /// Waits until the memory of dropped buffers of `bytes` in all is there again.
    pub(in crate::gpu) fn released(&mut self, bytes: u64) -> Result<()> {
        self.held -= bytes;
        self.finish_writes()
    }

    /// A software adapter's memory is the host's, which is granted long before it is there. Asking for
    /// all of it in one piece, and giving it back untouched, tells whether it can ever be.
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
            held: self.held,
        }
    }

    /// A buffer of `bytes`, counted towards what this device holds.
    pub(in crate::gpu) fn buffer(
        &mut self,
        label: &str,
        bytes: u64,
        usage: BufferUsages,
    ) -> Result<wgpu::Buffer> {
        self.create(label, bytes, usage, false)
    }

    /// A buffer of `bytes` that the host writes and the device copies from; mapped.
    pub(in crate::gpu) fn staging(&mut self, label: &str, bytes: u64) -> Result<wgpu::Buffer> {
        let usage = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
        self.create(label, bytes, usage, true)
    }

    fn create(
        &mut self,
        label: &str,
        bytes: u64,
        usage: BufferUsages,
        mapped_at_creation: bool,
    ) -> Result<wgpu::Buffer> {
        let made = self.scoped(|device| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(&format!("neuralnet.{label}")),
                size: bytes,
                usage,
                mapped_at_creation,
            })
        });
        match made {
            Ok(buffer) => {
                self.held += bytes;
                Ok(buffer)
            }
            Err(wgpu::Error::OutOfMemory { .. }) => Err(self.memory(label, bytes)),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// A storage buffer of `floats` f32, for shaders, uploads and readbacks.
    pub(in crate::gpu) fn storage(&mut self, label: &str, floats: usize) -> Result<wgpu::Buffer> {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        self.buffer(label, 4 * floats as u64, usage)
    }

    /// A uniform buffer that holds `params`.
    pub(in crate::gpu) fn uniform(
        &mut self,
        label: &str,
        params: &impl bytemuck::NoUninit,
    ) -> Result<wgpu::Buffer> {
        let bytes = bytemuck::bytes_of(params);
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
    use crate::gpu::tests::device;
    use std::process::Command;

    /// Set where the test below runs itself again with little memory.
    const LIMITED: &str = "NEURALNET_TEST_LIMITED_MEMORY";
    const GIB: u64 = 1 << 30;

    /// A GPU's memory is used up buffer by buffer. A software adapter grants more than there is, so
    /// there the test runs again in a process that may hold 6 GB.
    #[test]
    fn a_refused_allocation_is_an_error_that_names_both_sizes() {
        let mut device = device();
        if device.adapter.kind == AdapterKind::Software && std::env::var_os(LIMITED).is_none() {
            let limited = Command::new("sh")
                .args(["-c", "ulimit -v 6000000 && exec \"$0\" --exact gpu::device::memory::tests::a_refused_allocation_is_an_error_that_names_both_sizes"])
                .arg(std::env::current_exe().unwrap())
                .env(LIMITED, "1")
                .output()
                .unwrap();
            let stdout = String::from_utf8_lossy(&limited.stdout);
            assert!(
                limited.status.success() && stdout.contains("1 passed"),
                "{stdout}"
            );
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
        device.buffer("test", 256, BufferUsages::STORAGE).unwrap();
    }
}
