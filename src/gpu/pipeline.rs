//! Kernels compiled for a device, and their dispatches.

use super::device::{Buffer, Compiled, Device};
use super::kernel::Binding::{Read, ReadAt, ReadWrite, Uniform, UniformAt};
use super::kernel::{Binding, Kernel};
use super::params::{MAX_UPDATES, UNIFORM_STRIDE, to_u32};
use crate::error::Result;
use std::num::NonZeroU64;
use std::sync::Arc;

/// A compiled kernel, and the dispatches it is recorded as.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    name: &'static str,
    compiled: Arc<Compiled>,
    bindings: Vec<Binding>,
    dispatches: Vec<Dispatch>,
}

/// The dynamic offsets, in bytes, at which a dispatch binds the buffers that have one.
#[derive(Clone, Copy, Debug)]
pub(super) struct DynamicOffsets {
    /// The offset into the uniforms of updates, which has one for each update.
    pub(super) uniform: u32,
    /// The offset into the numbers of rows.
    pub(super) rows: u32,
}

impl DynamicOffsets {
    /// The offsets of update number `number` of those recorded at once.
    pub(super) fn of_update(number: usize) -> Self {
        Self {
            uniform: to_u32(number * UNIFORM_STRIDE),
            rows: 0,
        }
    }
}

impl Default for DynamicOffsets {
    /// The uniform after those of updates, and the first numbers.
    fn default() -> Self {
        Self::of_update(MAX_UPDATES)
    }
}

/// Buffers, and the workgroups to run over them.
#[derive(Clone, Debug)]
struct Dispatch {
    buffers: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl Pipeline {
    /// `kernel`, compiled.
    ///
    /// # Errors
    /// If the device binds fewer buffers.
    pub(super) fn new(device: &Device, kernel: &Kernel) -> Result<Self> {
        if !device.binds(kernel) {
            return Err(device.limit(format!(
                "{} needs {} buffers; at most {} may be storage, and {} of any kind",
                kernel.name,
                kernel.bindings.len(),
                device.limits.max_storage_buffers_per_shader_stage,
                device
                    .limits
                    .max_buffers_and_acceleration_structures_per_shader_stage
            )));
        }
        Ok(Self {
            name: kernel.name,
            compiled: device.kernels.compiled(device, kernel)?,
            bindings: kernel.bindings.clone(),
            dispatches: Vec::new(),
        })
    }

    /// Adds a dispatch over `buffers`, in the order of the kernel's list, with `workgroups` in its first dimensions.
    pub(super) fn add<const DIMENSIONS: usize>(
        &mut self,
        device: &Device,
        buffers: &[&Buffer],
        workgroups: [usize; DIMENSIONS],
    ) -> Result<()> {
        let most = device.adapter.max_workgroups;
        let count = |n: usize| match u32::try_from(n) {
            Ok(n) if n <= most => Ok(n),
            _ => Err(device.limit(format!(
                "{} needs {n} workgroups; the limit is {most}",
                self.name
            ))),
        };
        let mut counts = [1; 3];
        for (to, n) in counts.iter_mut().zip(workgroups) {
            *to = count(n)?;
        }
        let entries: Vec<_> = (0..)
            .zip(std::iter::zip(buffers, &self.bindings))
            .map(|(binding, (buffer, access))| wgpu::BindGroupEntry {
                binding,
                resource: match access {
                    Uniform | Read | ReadWrite => buffer.binding(),
                    UniformAt(bytes) | ReadAt(bytes) => {
                        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                            buffer,
                            offset: 0,
                            size: NonZeroU64::new(*bytes),
                        })
                    }
                },
            })
            .collect();
        let buffers = device
            .scoped(|device| {
                device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(&format!("neuralnet.{}", self.name)),
                    layout: &self.compiled.layout,
                    entries: &entries,
                })
            })
            .map_err(|error| device.failed(error))?;
        self.dispatches.push(Dispatch {
            buffers,
            workgroups: counts,
        });
        Ok(())
    }

    pub(super) fn n_dispatches(&self) -> usize {
        self.dispatches.len()
    }

    /// Records every dispatch, in the order in which they were added.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        for number in 0..self.dispatches.len() {
            self.record_one(pass, number);
        }
    }

    /// Records one dispatch.
    pub(super) fn record_one(&self, pass: &mut wgpu::ComputePass<'_>, number: usize) {
        self.record_at(pass, number, DynamicOffsets::default());
    }

    /// Records one dispatch at `offsets`.
    pub(super) fn record_at(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        number: usize,
        offsets: DynamicOffsets,
    ) {
        let workgroups = self.dispatches[number].workgroups;
        self.record_some(pass, number, offsets, workgroups);
    }

    /// Records one dispatch at `offsets`, but of `workgroups`.
    pub(super) fn record_some(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        number: usize,
        offsets: DynamicOffsets,
        workgroups: [u32; 3],
    ) {
        #[cfg(test)]
        if tests::IDLE.get() {
            return;
        }
        let offset = |binding: &Binding| match binding {
            UniformAt(_) => Some(offsets.uniform),
            ReadAt(_) => Some(offsets.rows),
            Uniform | Read | ReadWrite => None,
        };
        let offsets: Vec<u32> = self.bindings.iter().filter_map(offset).collect();
        // The next wait for the device tells that the kernel was not compiled.
        let Ok(pipeline) = &*self.compiled.pipeline else {
            return;
        };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.dispatches[number].buffers, &offsets);
        let [x, y, z] = workgroups;
        pass.dispatch_workgroups(x, y, z);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Kernel, Pipeline, ReadWrite};
    use crate::gpu::device::tests::device;
    use std::cell::Cell;

    thread_local! {
        /// Whether what this thread records does nothing, as if the driver had ended it.
        pub(in crate::gpu) static IDLE: Cell<bool> = const { Cell::new(false) };
    }

    #[test]
    fn a_kernel_is_compiled_once_for_a_device() {
        let device = device();
        let multiplying = |factor: u32| Kernel {
            name: "test",
            wgsl: format!(
                "@group(0) @binding(0) var<storage, read_write> numbers: array<f32>;
@compute @workgroup_size(1) fn main() {{ numbers[0] *= {factor}.0; }}"
            ),
            bindings: vec![ReadWrite],
        };
        let numbers = device.storage("numbers", 1).unwrap();
        device.write(&numbers, 0, bytemuck::cast_slice(&[1.0_f32]));
        for factor in [2, 3, 2] {
            let mut pipeline = Pipeline::new(&device, &multiplying(factor)).unwrap();
            pipeline.add(&device, &[&numbers], [1]).unwrap();
            device
                .run_pass("test", |pass| pipeline.record(pass))
                .unwrap();
        }
        let product = device.read(&numbers, 0, 1).unwrap();
        assert_eq!(product, [12.0], "each factor is its own kernel's");
        assert_eq!(device.kernels.count(), 2, "kernels that were compiled");
    }

    #[test]
    fn a_kernel_of_more_buffers_than_the_device_binds_is_refused_with_the_limit() {
        let mut device = device();
        device.limits.max_storage_buffers_per_shader_stage = 1;
        let kernel = |n_buffers| Kernel {
            name: "test",
            wgsl: String::new(),
            bindings: vec![ReadWrite; n_buffers],
        };
        let refused = Pipeline::new(&device, &kernel(2)).unwrap_err().to_string();
        let limit = "test needs 2 buffers; at most 1 may be storage, and ";
        assert!(refused.contains(limit), "{refused}");
        assert!(device.binds(&kernel(1)), "one buffer");
    }

    #[test]
    fn a_kernel_that_does_not_compile_is_told_of_and_not_run() {
        let device = device();
        let kernel = Kernel {
            name: "test",
            wgsl: "@compute @workgroup_size(1) fn main() { nonsense(); }".to_owned(),
            bindings: Vec::new(),
        };
        let mut pipeline = Pipeline::new(&device, &kernel).unwrap();
        pipeline.add(&device, &[], [1]).unwrap();
        let unfinished = device.finish_compiling();
        let run = device.run_pass("test", |pass| pipeline.record(pass));
        for refused in [unfinished, run] {
            let message = refused.unwrap_err().to_string();
            assert!(message.contains("nonsense"), "{message}");
        }
    }
}
