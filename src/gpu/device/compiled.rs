//! The kernels that are compiled for a device.

use super::{Device, scoped};
use crate::error::Result;
use crate::gpu::kernel::Binding::{self, Read, ReadAt, ReadWrite, Uniform, UniformAt};
use crate::gpu::kernel::Kernel;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Bytes of the stack of a thread that compiles, as much as a main thread has: compilers recurse.
const STACK_BYTES: usize = 8 << 20;

/// The kernels that are compiled for a device, by text and bindings. To compile takes a driver longer than anything else
/// before the first update. So each kernel has a thread of its own for that, and the passes over all rows, over a batch,
/// and over the last batch of an epoch share most of their kernels.
#[derive(Debug, Default)]
pub(in crate::gpu) struct CompiledKernels(Mutex<HashMap<Content, Arc<Compiled>>>);

/// The text and the bindings of a kernel.
type Content = (String, Vec<Binding>);

impl CompiledKernels {
    /// What the driver makes of `kernel`, which another thread may still compile.
    pub(in crate::gpu) fn compiled(
        &self,
        device: &Device,
        kernel: &Kernel,
    ) -> Result<Arc<Compiled>> {
        let content = (kernel.wgsl.clone(), kernel.bindings.clone());
        let mut kernels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = kernels.get(&content) {
            return Ok(Arc::clone(compiled));
        }
        let compiled = Arc::new(Compiled::new(device, kernel)?);
        kernels.insert(content, Arc::clone(&compiled));
        Ok(compiled)
    }

    #[cfg(test)]
    pub(in crate::gpu) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Waits until all are compiled, and gives what is wrong with one, if anything is.
    pub(super) fn finish(&self) -> std::result::Result<(), String> {
        let kernels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |compiled: &Arc<Compiled>| compiled.pipeline.as_ref().err().cloned();
        // All have to be waited for, so it is not the first that is found; the least is the same each time.
        kernels
            .values()
            .filter_map(failed)
            .min()
            .map_or(Ok(()), Err)
    }
}

impl Drop for CompiledKernels {
    /// Waits for all: a thread that compiles while the process exits would use a driver that is being unloaded.
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

/// The pipeline, or what is wrong with the kernel.
type Made = std::result::Result<wgpu::ComputePipeline, String>;

/// What a driver makes of a kernel.
#[derive(Debug)]
pub(in crate::gpu) struct Compiled {
    pub(in crate::gpu) layout: wgpu::BindGroupLayout,
    /// What the thread that compiles makes; who uses it first waits for it.
    pub(in crate::gpu) pipeline: LazyLock<Made, Box<dyn FnOnce() -> Made + Send>>,
}

impl Compiled {
    fn new(device: &Device, kernel: &Kernel) -> Result<Self> {
        let label = format!("neuralnet.{}", kernel.name);
        let label = Some(label.as_str());
        let entries: Vec<_> = (0..)
            .zip(&kernel.bindings)
            .map(|(binding, access)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match access {
                        Uniform | UniformAt(_) => wgpu::BufferBindingType::Uniform,
                        Read | ReadAt(_) => wgpu::BufferBindingType::Storage { read_only: true },
                        ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: matches!(access, UniformAt(_) | ReadAt(_)),
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let made = device.scoped(|device| {
            let descriptor = wgpu::BindGroupLayoutDescriptor {
                label,
                entries: &entries,
            };
            device.create_bind_group_layout(&descriptor)
        });
        let layout = made.map_err(|error| device.failed(error))?;
        let compile = {
            let (on, layout, kernel) = (device.handle(), layout.clone(), kernel.clone());
            let keep_loops = device.keep_loops;
            move || {
                let made = scoped(&on, |device| pipeline(device, &layout, &kernel, keep_loops));
                made.map_err(|error| error.to_string())
            }
        };
        let thread = std::thread::Builder::new()
            .name(format!("compile {}", kernel.name))
            .stack_size(STACK_BYTES)
            .spawn(compile.clone());
        let (failure, name) = (device.failure.clone(), kernel.name);
        Ok(Self {
            layout,
            pipeline: LazyLock::new(Box::new(move || {
                let made = match thread {
                    Ok(thread) => thread.join().unwrap_or_else(|_| {
                        Err(format!("the thread that compiles {name} panicked"))
                    }),
                    // Without a thread, what needs it first compiles it.
                    Err(_) => compile(),
                };
                made.inspect_err(|message| failure.note(message.clone()))
            })),
        })
    }
}

/// Compiles a kernel whose bindings have the layout `bindings`.
fn pipeline(
    device: &wgpu::Device,
    bindings: &wgpu::BindGroupLayout,
    kernel: &Kernel,
    keep_loops: bool,
) -> wgpu::ComputePipeline {
    let label = format!("neuralnet.{}", kernel.name);
    let label = Some(label.as_str());
    let wgsl = match keep_loops {
        true => kernel.wgsl.clone(),
        false => kernel.unrolled(),
    };
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(bindings)],
        immediate_size: 0,
    });
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label,
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
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
    })
}
