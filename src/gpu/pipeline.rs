//! Kernels compiled for a device, and their dispatches.

use super::device::Device;
use super::kernels::Binding::{Read, ReadWrite, Uniform};
use super::kernels::Kernel;
use crate::error::Result;

/// A compiled kernel, and the dispatches it is recorded as.
#[derive(Debug)]
pub(super) struct Pipeline {
    name: &'static str,
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroupLayout,
    dispatches: Vec<Dispatch>,
}

/// Buffers, and the workgroups to run over them.
#[derive(Debug)]
struct Dispatch {
    buffers: wgpu::BindGroup,
    workgroups: [u32; 2],
}

impl Pipeline {
    pub(super) fn new(device: &Device, kernel: &Kernel) -> Result<Self> {
        let label = format!("neuralnet.{}", kernel.name);
        let label = Some(label.as_str());
        let entries: Vec<_> = (0..)
            .zip(kernel.bindings)
            .map(|(binding, access)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match access {
                        Uniform => wgpu::BufferBindingType::Uniform,
                        Read => wgpu::BufferBindingType::Storage { read_only: true },
                        ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let wgsl = if device.keep_loops {
            kernel.wgsl.clone()
        } else {
            kernel.unrolled()
        };
        let made = device.scoped(|device| {
            let bindings = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label,
                entries: &entries,
            });
            let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label,
                bind_group_layouts: &[Some(&bindings)],
                immediate_size: 0,
            });
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label,
                source: wgpu::ShaderSource::Wgsl(wgsl.into()),
            });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label,
                layout: Some(&layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    // Every kernel writes each cell before it reads it.
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: None,
            });
            (pipeline, bindings)
        });
        let (pipeline, bindings) = made.map_err(|error| device.failed(error))?;
        Ok(Self {
            name: kernel.name,
            pipeline,
            bindings,
            dispatches: Vec::new(),
        })
    }

    /// Adds a dispatch over `buffers`, in the order of the kernel's list.
    pub(super) fn add(
        &mut self,
        device: &Device,
        buffers: &[&wgpu::Buffer],
        workgroups: [usize; 2],
    ) -> Result<()> {
        let most = device.adapter.max_workgroups;
        let count = |n: usize| match u32::try_from(n) {
            Ok(n) if n <= most => Ok(n),
            _ => Err(device.limit(format!(
                "{} needs {n} workgroups; the limit is {most}",
                self.name
            ))),
        };
        let workgroups = [count(workgroups[0])?, count(workgroups[1])?];
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let buffers = device
            .scoped(|device| {
                device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(&format!("neuralnet.{}", self.name)),
                    layout: &self.bindings,
                    entries: &entries,
                })
            })
            .map_err(|error| device.failed(error))?;
        self.dispatches.push(Dispatch {
            buffers,
            workgroups,
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
        let dispatch = &self.dispatches[number];
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &dispatch.buffers, &[]);
        pass.dispatch_workgroups(dispatch.workgroups[0], dispatch.workgroups[1], 1);
    }
}
