//! A wgpu device whose every failure becomes an [`Error`]: refused allocations, rejected pipelines, a
//! lost device.

mod compiled;
mod failure;
mod memory;
mod parts;
mod readbacks;

pub(super) use compiled::Compiled;
use compiled::CompiledKernels;
pub(super) use failure::{Failure, scoped};
pub(super) use memory::Buffer;
pub(super) use readbacks::Readbacks;

use super::adapter::Adapter;
use super::kernel::Kernel;
use super::params::UNWRITTEN;
use crate::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;
use wgpu::{BufferAsyncError, BufferUsages};

/// What wgpu lets a shader address on Vulkan, whatever the driver says: 2³¹ − 1, in whole floats.
const ADDRESSABLE_BYTES: u64 = (1 << 31) - 4;

/// An adapter that is open, with its queue, the kernels compiled for it, and the first failure on it.
#[derive(Debug)]
pub(crate) struct Device {
    pub(super) adapter: Adapter,
    /// Whether shaders are compiled with their loops as they are written, not written out.
    pub(super) keep_loops: bool,
    pub(super) subgroups: bool,
    pub(super) limits: wgpu::Limits,
    device: wgpu::Device,
    queue: wgpu::Queue,
    pub(super) failure: Failure,
    /// Bytes of the buffers that are held; each [`Buffer`] counts itself.
    held: Arc<AtomicU64>,
    /// The kernels that are compiled for it.
    pub(super) kernels: CompiledKernels,
}

impl Device {
    /// Opens `handle` with its own limits, and with subgroups if it has them and they are wanted.
    pub(super) fn open(adapter: Adapter, handle: &wgpu::Adapter, subgroups: bool) -> Result<Self> {
        let subgroups = subgroups && adapter.subgroups;
        let clock = handle.features() & wgpu::Features::TIMESTAMP_QUERY;
        let features = if subgroups {
            wgpu::Features::SUBGROUP | clock
        } else {
            clock
        };
        let opened = pollster::block_on(handle.request_device(&wgpu::DeviceDescriptor {
            label: Some("neuralnet"),
            required_features: features,
            required_limits: handle.limits(),
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        }));
        let (device, queue) = opened.map_err(|error| Error::DeviceFailed {
            adapter: adapter.to_string(),
            message: error.to_string(),
        })?;
        let failure = Failure::default();
        let (lost, uncaptured) = (failure.clone(), failure.clone());
        device.set_device_lost_callback(move |reason, message| {
            lost.note(format!("device lost ({reason:?}): {message}"));
        });
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            uncaptured.note(error.to_string());
        }));
        Ok(Self {
            adapter,
            keep_loops: false,
            subgroups,
            limits: device.limits(),
            device,
            queue,
            failure,
            held: Arc::default(),
            kernels: CompiledKernels::default(),
        })
    }

    /// Invocations that a subgroup has at least.
    pub(super) fn least_subgroup(&self) -> usize {
        self.adapter.subgroup_size[0].max(1) as usize
    }

    /// Invocations that a subgroup has at least; `None` if shaders must not exchange values within one.
    pub(super) fn subgroup(&self) -> Option<usize> {
        self.subgroups.then(|| self.least_subgroup())
    }

    /// Bytes that one storage binding can hold and a shader address.
    pub(super) fn max_binding_bytes(&self) -> u64 {
        self.adapter
            .max_binding_bytes
            .min(self.adapter.max_buffer_bytes)
            .min(ADDRESSABLE_BYTES)
    }

    /// Whether it binds all buffers of `kernel`.
    pub(super) fn binds(&self, kernel: &Kernel) -> bool {
        kernel.is_within(&self.limits)
    }

    /// `n` workgroups, or a few more, in as many dimensions as they need.
    pub(super) fn workgroups(&self, n: usize) -> [usize; 2] {
        let most = self.adapter.max_workgroups as usize;
        [n.min(most), n.div_ceil(most)]
    }

    /// Runs `make` inside error scopes.
    pub(super) fn scoped<T>(
        &self,
        make: impl FnOnce(&wgpu::Device) -> T,
    ) -> std::result::Result<T, wgpu::Error> {
        scoped(&self.device, make)
    }

    /// What threads that compile for the device need of it.
    pub(super) fn handle(&self) -> wgpu::Device {
        self.device.clone()
    }

    /// Waits until the kernels made so far are compiled.
    ///
    /// # Errors
    /// If the driver does not compile one.
    pub(super) fn finish_compiling(&self) -> Result<()> {
        self.kernels
            .finish()
            .map_err(|message| self.failed(message))
    }

    pub(super) fn failed(&self, error: impl std::fmt::Display) -> Error {
        Error::DeviceFailed {
            adapter: self.adapter.to_string(),
            message: error.to_string(),
        }
    }

    pub(super) fn limit(&self, reason: String) -> Error {
        Error::DeviceLimit {
            adapter: self.adapter.to_string(),
            reason,
        }
    }

    /// Queues a write, done before the next submission runs.
    pub(super) fn write(&self, buffer: &wgpu::Buffer, offset: u64, bytes: &[u8]) {
        self.queue.write_buffer(buffer, offset, bytes);
    }

    /// Fills a buffer with [`UNWRITTEN`], so that what a kernel fails to write cannot pass for a result.
    pub(super) fn poison(&self, buffer: &wgpu::Buffer) -> Result<()> {
        const PIECE: usize = 1 << 22;
        let size = usize::try_from(buffer.size()).unwrap_or(usize::MAX);
        let nans = vec![UNWRITTEN; size.min(PIECE) / 4];
        for offset in (0..size).step_by(PIECE) {
            let floats = (size - offset).min(PIECE) / 4;
            self.write(buffer, offset as u64, bytemuck::cast_slice(&nans[..floats]));
            // A shorter piece may wait for the next submission.
            if 4 * floats == PIECE {
                self.finish_writes()?;
            }
        }
        Ok(())
    }

    /// Fails if `loss` is what stood where it was to come.
    pub(super) fn check_written(&self, loss: f32) -> Result<()> {
        match loss.to_bits() == UNWRITTEN.to_bits() {
            true => Err(self.failed("it did not finish its work; drivers end what takes long")),
            false => Ok(()),
        }
    }

    /// Runs what is queued and waits, so that staging memory does not pile up.
    pub(super) fn finish_writes(&self) -> Result<()> {
        self.queue.submit([]);
        self.wait()
    }

    /// Records commands and submits them.
    pub(super) fn submit(
        &self,
        label: &str,
        record: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> wgpu::SubmissionIndex {
        let label = format!("neuralnet.{label}");
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor {
                label: Some(&label),
            });
        record(&mut encoder);
        self.queue.submit([encoder.finish()])
    }

    /// Records commands and runs them to their end.
    fn run(&self, label: &str, record: impl FnOnce(&mut wgpu::CommandEncoder)) -> Result<()> {
        self.submit(label, record);
        self.wait()
    }

    /// Records one compute pass.
    pub(super) fn pass(
        encoder: &mut wgpu::CommandEncoder,
        label: &str,
        record: impl FnOnce(&mut wgpu::ComputePass<'_>),
    ) {
        record(
            &mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some(&format!("neuralnet.{label}")),
                timestamp_writes: None,
            }),
        );
    }

    /// Records one compute pass and runs it to its end.
    pub(super) fn run_pass(
        &self,
        label: &str,
        record: impl FnOnce(&mut wgpu::ComputePass<'_>),
    ) -> Result<()> {
        self.run(label, |encoder| Self::pass(encoder, label, record))
    }

    /// Records one compute pass, runs it to its end, and returns the seconds it took: by the device's own
    /// clock if it has one, otherwise as the host sees it. A clock that began anew meanwhile seems to say far more.
    pub(super) fn timed_pass(
        &self,
        label: &str,
        record: impl FnOnce(&mut wgpu::ComputePass<'_>),
    ) -> Result<f64> {
        let start = Instant::now();
        let features = self.device.features();
        if !features.contains(wgpu::Features::TIMESTAMP_QUERY) {
            self.run_pass(label, record)?;
            return Ok(start.elapsed().as_secs_f64());
        }
        let label = format!("neuralnet.{label}");
        let times = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some(&label),
            ty: wgpu::QueryType::Timestamp,
            count: 2,
        });
        let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
        let resolved = self.buffer("times", 16, usage)?;
        self.run("timed", |encoder| {
            record(
                &mut encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some(&label),
                    timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                        query_set: &times,
                        beginning_of_pass_write_index: Some(0),
                        end_of_pass_write_index: Some(1),
                    }),
                }),
            );
            encoder.resolve_query_set(&times, 0..2, &resolved, 0);
        })?;
        let ticks: [u64; 2] =
            bytemuck::pod_read_unaligned(bytemuck::cast_slice(&self.read(&resolved, 0, 4)?));
        let period = f64::from(self.queue.get_timestamp_period());
        let seconds = ticks[1].wrapping_sub(ticks[0]) as f64 * period * 1e-9;
        Ok(seconds.min(start.elapsed().as_secs_f64()))
    }

    fn wait(&self) -> Result<()> {
        self.poll(wgpu::PollType::wait_indefinitely())
    }

    fn poll(&self, until: wgpu::PollType) -> Result<()> {
        // wgpu panics in `poll`, and only there, if the driver says that the device is lost.
        let poll = || self.device.poll(until);
        let polled = catch_unwind(AssertUnwindSafe(poll));
        match (self.failure.noted(), polled) {
            (Some(message), _) => Err(self.failed(message)),
            (None, Err(_)) => Err(self.failed("the device was lost")),
            (None, Ok(Err(error))) => Err(self.failed(error)),
            (None, Ok(Ok(_))) => Ok(()),
        }
    }

    /// Asks for `buffer` to be mapped once `submission`, the last one that uses it, is done.
    pub(super) fn map(
        buffer: &wgpu::Buffer,
        mode: wgpu::MapMode,
        submission: wgpu::SubmissionIndex,
    ) -> Mapping {
        let (sender, mapped) = channel();
        // A receiver that is gone needs no message.
        buffer.map_async(mode, .., move |result| drop(sender.send(result)));
        Mapping { submission, mapped }
    }

    /// Waits until the buffer of `mapping` is mapped, not for submissions after the one that it is mapped after.
    pub(super) fn wait_for(&self, mapping: Mapping) -> Result<()> {
        self.poll(wgpu::PollType::Wait {
            submission_index: Some(mapping.submission),
            timeout: None,
        })?;
        match mapping.mapped.try_recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failed(error)),
            Err(_) => Err(self.failed("a buffer was never mapped")),
        }
    }

    /// Reads `floats` f32 of `buffer` from float `first` on, as they are once all earlier submissions are done.
    pub(super) fn read(&self, buffer: &Buffer, first: usize, floats: usize) -> Result<Vec<f32>> {
        let mut readbacks = Readbacks::default();
        readbacks.send_for(self, buffer, first, floats)?;
        readbacks.receive(self)
    }
}

/// A buffer that is being mapped, which [`Device::wait_for`] waits for.
#[derive(Debug)]
pub(super) struct Mapping {
    submission: wgpu::SubmissionIndex,
    mapped: Receiver<std::result::Result<(), BufferAsyncError>>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::Device;
    use crate::error::Error;
    use crate::gpu::adapter::{self, AdapterKind, Software};
    use std::process::Command;

    /// A device for the tests of the parts of the GPU backend.
    pub(in crate::gpu) fn device() -> Device {
        let Ok((adapter, handle)) = adapter::select(Software::Allowed) else {
            panic!(
                "this test needs a GPU or a software adapter: run `sh tests/run`, which installs one"
            );
        };
        Device::open(adapter, &handle, true).expect("the adapter opens")
    }

    /// Runs the calling test, `name`, once more in a process that may have `kibibytes` of memory, and returns
    /// whether it did: then the caller's work is done. Only a software adapter's memory can be taken away, as it
    /// is the host's; a software adapter grants more than there is.
    pub(in crate::gpu) fn ran_in_little_memory(
        device: &Device,
        name: &str,
        kibibytes: u32,
    ) -> bool {
        /// Set in the other process.
        const LIMITED: &str = "NEURALNET_TEST_LIMITED_MEMORY";
        if device.adapter.kind != AdapterKind::Software || std::env::var_os(LIMITED).is_some() {
            return false;
        }
        let command = format!("ulimit -v {kibibytes} && exec \"$0\" --exact {name}");
        let limited = Command::new("sh")
            .args(["-c", &command])
            .arg(std::env::current_exe().unwrap())
            .env(LIMITED, "1")
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&limited.stdout);
        assert!(
            limited.status.success() && stdout.contains("1 passed"),
            "{stdout}"
        );
        true
    }

    #[test]
    fn a_rejected_shader_is_an_error() {
        let device = device();
        let rejected = device.scoped(|device| {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl("fn main() { undeclared(); }".into()),
            })
        });
        assert!(rejected.is_err(), "the module was taken");
    }

    #[test]
    fn a_lost_device_is_an_error() {
        let device = device();
        let buffer = device.storage("test", 4).unwrap();
        device.device.destroy();
        let read = device.read(&buffer, 0, 4);
        assert!(matches!(read, Err(Error::DeviceFailed { .. })), "{read:?}");
    }
}
