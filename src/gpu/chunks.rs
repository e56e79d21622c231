//! The data on the device: a list of chunks, each a whole number of leaves within one binding.
//!
//! As many as fit stay. The others stream: they take turns in a few slots, and their rows are made
//! or read again for each pass.

use super::device::Device;
use super::generate::Generate;
use super::inputs::Inputs;
use super::params::ChunkParams;
use super::plan::{Limits, Plan, SLOTS};
use super::ring::{Ring, Samples};
use super::width::{Width, leaves_per_chunk};
use super::{GpuOptions, to_u32};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use std::ops::Range;

/// Consecutive rows.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) rows: Range<usize>,
    /// Number of the chunk's first leaf among all leaves.
    pub(super) first_leaf: usize,
    /// Leaves of the chunk; the last one may be shorter.
    pub(super) n_leaves: usize,
    pub(super) params: wgpu::Buffer,
    /// (rows, I padded to vec4) as they are stored, its own or a slot's.
    pub(super) inputs: wgpu::Buffer,
    /// (rows, O), likewise.
    pub(super) targets: wgpu::Buffer,
}

impl Chunk {
    /// The rows `rows`, which are the leaves `leaves`, the first of them number `in_page` of its page of
    /// sums, with room for them in `memory`.
    pub(super) fn new(
        device: &mut Device,
        rows: Range<usize>,
        leaves: Range<usize>,
        in_page: usize,
        [inputs, targets]: [wgpu::Buffer; 2],
    ) -> Result<Self> {
        let params = ChunkParams {
            n_samples: to_u32(rows.len()),
            first_leaf: to_u32(in_page),
            n_iterations: 1,
            rate: 0.0,
        };
        Ok(Self {
            first_leaf: leaves.start,
            n_leaves: leaves.len(),
            params: device.uniform("leaf_sums.params", &params)?,
            inputs,
            targets,
            rows,
        })
    }
}

/// Every chunk of a data set, and where the rows of those that stream come from.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    dataset: &'a Dataset,
    list: Vec<Chunk>,
    /// The first chunks stay on the device.
    n_resident: usize,
    source: Source,
    /// Bytes of inputs and targets on the device: of the chunks that stay, and of the slots.
    held: u64,
    /// Whether the device granted less than was asked for.
    refused: bool,
}

#[derive(Debug)]
enum Source {
    /// Everything stays on the device.
    None,
    Device(Generate),
    Host(Ring),
}

impl<'a> Chunks<'a> {
    /// Cuts the data into chunks, as many of them resident as the options and the device allow, and fills
    /// those.
    pub(super) fn new(
        device: &mut Device,
        dataset: &'a Dataset,
        leaves_per_page: usize,
        options: GpuOptions,
    ) -> Result<Self> {
        let width = Width::new(dataset);
        let per_chunk = leaves_per_chunk(device, dataset.leaves(), width, options.max_chunk_bytes)?;
        let limits = |room| Limits {
            per_chunk,
            per_page: leaves_per_page,
            room,
        };
        // Before the chunks, which may leave no memory for it.
        let ring = match dataset.generated() {
            Some(_) if !options.rows_from_host => None,
            _ => Some(Ring::new(device, width, dataset.n_samples())?),
        };
        let mut most = options.max_device_bytes.unwrap_or(u64::MAX);
        let mut refusal = None;
        let before = device.held();
        let (list, n_resident, held) = loop {
            // The last leaf may be shorter than the others.
            let room = if most >= width.data_bytes(dataset) {
                usize::MAX
            } else {
                usize::try_from(most / width.leaf_bytes(dataset)).unwrap_or(usize::MAX)
            };
            let Some(plan) = Plan::new(dataset.leaves().count(), limits(room)) else {
                return Err(refusal.unwrap_or_else(|| no_room(most, width, dataset)));
            };
            match allocate(device, dataset, width, leaves_per_page, &plan) {
                Ok((list, held)) => break (list, plan.resident.len(), held),
                Err(error @ Error::DeviceMemory { .. }) => {
                    // Most of what was granted: the rest of the work needs memory, too. Where nothing
                    // was, half of what was asked for.
                    let granted = device.held() - before;
                    most = match granted {
                        0 => width.planned_bytes(dataset, &plan) / 2,
                        _ => granted / 8 * 7,
                    };
                    device.released(granted)?;
                    refusal.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        };
        let source = match (ring, dataset.generated()) {
            (Some(ring), _) => Source::Host(ring),
            (None, Some(synthetic)) => {
                let rows_per_leaf = dataset.leaves().rows_per_leaf();
                let inputs = Inputs::new(dataset.codes());
                let generate = Generate::new(device, synthetic, inputs, rows_per_leaf, &list)?;
                Source::Device(generate)
            }
            (None, None) => Source::None,
        };
        let mut chunks = Self {
            dataset,
            list,
            n_resident: 0,
            source,
            held,
            refused: refusal.is_some(),
        };
        for number in 0..n_resident {
            let rows = chunks.list[number].rows.clone();
            chunks.load(device, number, rows)?;
        }
        device.finish_writes()?;
        chunks.n_resident = n_resident;
        if n_resident == chunks.list.len() {
            chunks.source = Source::None;
        }
        Ok(chunks)
    }

    pub(super) fn list(&self) -> &[Chunk] {
        &self.list
    }

    /// Bytes of inputs and targets on the device, whatever the moment.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Chunks that are brought to the device again for each pass.
    pub(super) fn n_streamed(&self) -> usize {
        self.list.len() - self.n_resident
    }

    /// What streams and why, where something does.
    pub(super) fn notice(&self) -> Option<String> {
        let streamed = &self.list[self.n_resident..];
        let n_rows: usize = streamed.iter().map(|chunk| chunk.rows.len()).sum();
        let width = Width::new(self.dataset);
        (n_rows > 0).then(|| {
            format!(
                "{} of {} bytes of the data stream in every iteration, as {}",
                n_rows as u64 * width.row_bytes(),
                width.data_bytes(self.dataset),
                if self.refused {
                    "the device grants no more memory"
                } else {
                    "the limit on the bytes held there says"
                }
            )
        })
    }

    /// The chunks whose passes can be recorded without the host: those on the device or made there.
    pub(super) fn recorded(&self) -> Range<usize> {
        match self.source {
            Source::None | Source::Device(_) => 0..self.list.len(),
            Source::Host(_) => 0..self.n_resident,
        }
    }

    /// The others, which [`Chunks::load_then`] brings.
    pub(super) fn by_host(&self) -> Range<usize> {
        self.recorded().end..self.list.len()
    }

    /// Records the making of chunk `number` where it is made by the device for each pass.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>, number: usize) {
        if let (Source::Device(generate), true) = (&self.source, number >= self.n_resident) {
            generate.record(pass, number);
        }
    }

    /// Brings the rows `rows` of chunk `number` to the device, unless they are there.
    pub(super) fn load(
        &mut self,
        device: &Device,
        number: usize,
        rows: Range<usize>,
    ) -> Result<()> {
        if number < self.n_resident {
            return Ok(());
        }
        match &mut self.source {
            Source::None => Ok(()),
            Source::Device(generate) => {
                device.run_pass("synthetic", |pass| generate.record(pass, number))
            }
            Source::Host(ring) => {
                let samples = Samples::all(self.dataset);
                ring.load(device, samples, &self.list[number], rows, |_| {})
            }
        }
    }

    /// Brings a chunk of [`Chunks::by_host`] to the device and submits what `then` records; does not wait for its end.
    pub(super) fn load_then(
        &mut self,
        device: &Device,
        number: usize,
        then: impl Fn(&mut wgpu::CommandEncoder),
    ) -> Result<()> {
        let chunk = &self.list[number];
        match &mut self.source {
            Source::Host(ring) => {
                let samples = Samples::all(self.dataset);
                ring.load(device, samples, chunk, chunk.rows.clone(), then)
            }
            Source::None | Source::Device(_) => unreachable!("the host has no rows to bring"),
        }
    }
}

/// The chunks of `plan` with their memory, and the bytes of their inputs and targets.
fn allocate(
    device: &mut Device,
    dataset: &Dataset,
    width: Width,
    leaves_per_page: usize,
    plan: &Plan,
) -> Result<(Vec<Chunk>, u64)> {
    let leaves = dataset.leaves();
    device.check_host_memory(dataset.source(), width.planned_bytes(dataset, plan))?;
    let size = |memory: &[wgpu::Buffer; 2]| memory.iter().map(wgpu::Buffer::size).sum::<u64>();
    let mut slots = Vec::new();
    if plan.leaves_per_slot > 0 {
        let n_rows = plan.leaves_per_slot * leaves.rows_per_leaf();
        for slot in 0..SLOTS {
            slots.push(width.allocate(device, &format!("slot {slot}"), n_rows)?);
        }
    }
    let mut held: u64 = slots.iter().map(size).sum();
    let mut list = Vec::new();
    for chunk in plan.resident.iter().chain(&plan.streamed) {
        let rows = leaves.rows(chunk.start).start..leaves.rows(chunk.end - 1).end;
        let memory = match list.len().checked_sub(plan.resident.len()) {
            Some(streamed) => slots[streamed % SLOTS].clone(),
            None => {
                let (first, last) = (rows.start, rows.end - 1);
                let label = format!("rows {first} to {last} of {}", dataset.source());
                let memory = width.allocate(device, &label, rows.len())?;
                held += size(&memory);
                memory
            }
        };
        let in_page = chunk.start % leaves_per_page;
        list.push(Chunk::new(device, rows, chunk.clone(), in_page, memory)?);
    }
    Ok((list, held))
}

fn no_room(most: u64, width: Width, dataset: &Dataset) -> Error {
    let rows = dataset.leaves().rows(0).len();
    let least = (SLOTS as u64 * width.leaf_bytes(dataset)).min(width.data_bytes(dataset));
    Error::Setting {
        setting: "max_device_bytes",
        reason: format!(
            "{most} bytes hold neither the data nor {SLOTS} leaves of {rows} rows, so that they could stream; take at least {least}"
        ),
        remedies: &[],
    }
}

#[cfg(test)]
mod tests {
    use super::Chunks;
    use crate::dataset::{Dataset, Synthetic};
    use crate::gpu::GpuOptions;
    use crate::gpu::adapter::AdapterKind;
    use crate::gpu::tests::device;
    use std::process::Command;

    /// Set where the test below runs itself again with little memory.
    const LIMITED: &str = "NEURALNET_TEST_LIMITED_MEMORY";
    const MIB: usize = 1 << 20;

    /// Only a software adapter's memory can be taken away, as it is the host's: here, all but 1 GiB of
    /// what a process may have.
    #[test]
    fn what_the_device_does_not_grant_streams() {
        let mut device = device();
        if device.adapter.kind != AdapterKind::Software {
            return;
        }
        if std::env::var_os(LIMITED).is_none() {
            let limited = Command::new("sh")
                .args(["-c", "ulimit -v 16000000 && exec \"$0\" --exact gpu::chunks::tests::what_the_device_does_not_grant_streams"])
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
        let synthetic = Synthetic::new(500_000, 512, 0.05, 1).unwrap();
        let dataset = Dataset::synthetic(synthetic);
        let options = GpuOptions {
            rows_from_host: true,
            ..GpuOptions::default()
        };
        let mut taken = Vec::new();
        loop {
            let mut piece = Vec::<u8>::new();
            if piece.try_reserve_exact(32 * MIB).is_err() {
                break;
            }
            taken.push(piece);
        }
        taken.truncate(taken.len() - 32);
        let chunks = Chunks::new(&mut device, &dataset, usize::MAX, options);
        drop(taken);
        let chunks = chunks.unwrap();
        let all = 500_000 * 513 * 4;
        assert!(
            chunks.held() < all && chunks.held() > all / 4,
            "{}",
            chunks.held()
        );
        let notice = chunks.notice().unwrap();
        assert!(
            notice.ends_with("as the device grants no more memory"),
            "{notice}"
        );

        let last = &chunks.list()[chunks.n_resident - 1];
        let (mut inputs, mut target) = (vec![0.0; 512], [0.0]);
        let row = last.rows.end - 1;
        dataset.read(row..row + 1, &mut inputs, &mut target);
        let at = (last.rows.len() - 1) * 512;
        assert!(
            device.read(&last.inputs, at, 512).unwrap() == inputs,
            "row {row}"
        );
    }
}
