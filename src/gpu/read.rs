//! The speed at which a device can read its memory: the ceiling of a pass over the data.

use super::adapter::{self, AdapterKind, Software};
use super::device::Device;
use super::kernel::Binding::{Read, ReadWrite};
use super::kernel::{Kernel, shaders};
use super::pipeline::Pipeline;
use crate::error::Result;

/// Invocations of a workgroup of `read`, and the vec4 that it reads.
pub(super) const WORKGROUP_SIZE: usize = 256;
const PER_WORKGROUP: usize = 256 * WORKGROUP_SIZE;

/// `read`: reads memory and does nothing else.
pub(super) fn kernel() -> Kernel {
    Kernel {
        name: "read",
        wgsl: shaders!("read.wgsl").to_owned(),
        bindings: vec![Read, ReadWrite],
    }
}

/// Memory of a device that is read and nothing else.
#[derive(Debug)]
pub struct Reader {
    device: Device,
    read: Pipeline,
    bytes: u64,
}

impl Reader {
    /// Takes `bytes` of a device's memory, or as much of it as one binding holds.
    ///
    /// # Errors
    /// If there is no adapter, or it does not grant that memory.
    pub fn new(bytes: u64, software: Software) -> Result<Self> {
        let (adapter, handle) = adapter::select(software)?;
        let device = Device::open(adapter, &handle, false)?;
        let whole = 16 * PER_WORKGROUP as u64;
        let n_workgroups = (bytes.min(device.max_binding_bytes()) / whole)
            .min(u64::from(device.adapter.max_workgroups))
            .max(1);
        let n_workgroups = usize::try_from(n_workgroups).unwrap_or(1);
        let n_vectors = n_workgroups * PER_WORKGROUP;
        let vectors = device.storage("memory to read", 4 * n_vectors)?;
        let sums = device.storage("sums read", 4 * n_workgroups * WORKGROUP_SIZE)?;
        let mut read = Pipeline::new(&device, &kernel())?;
        read.add(&device, &[&vectors, &sums], [n_workgroups, 1])?;
        let reader = Self {
            bytes: 16 * n_vectors as u64,
            device,
            read,
        };
        // Memory is cleared when it is first used.
        reader
            .device
            .run_pass("read", |pass| reader.read.record(pass))?;
        Ok(reader)
    }

    /// Whether the CPU is what reads.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.device.adapter.kind == AdapterKind::Software
    }

    /// Bytes that [`Reader::seconds`] reads.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads all of it once and returns the seconds that took: by the device's own clock where it has
    /// one, otherwise as the host sees it.
    ///
    /// # Errors
    /// If the device fails.
    pub fn seconds(&mut self) -> Result<f64> {
        self.device
            .timed_pass("read", |pass| self.read.record(pass))
    }
}
