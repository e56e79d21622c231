//! The data on the device: a list of chunks, each a whole number of leaves within one binding.
//!
//! The first chunks stay, as many as fit. The others stream: they take turns in a few slots, and their rows are made
//! or read again for each pass.

use super::chunk::Chunk;
use super::device::{Buffer, Device};
use super::generate;
use super::input_format::InputFormat;
use super::memory_plan::{MemoryPlan, SLOTS};
use super::options::GpuOptions;
use super::pipeline::Pipeline;
use super::ring::Ring;
use super::row_layout::{RowLayout, leaves_per_chunk};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::leaves::Leaves;
use std::ops::Range;

/// Every chunk of a data set, and where the rows of those that stream come from.
#[derive(Debug)]
pub(super) struct Chunks {
    dataset: Dataset,
    granted: Granted,
    source: Source,
}

/// Who brings rows to the device.
#[derive(Debug)]
enum Source {
    /// Nobody, since everything stays on the device.
    None,
    /// The device itself, which makes them, by a dispatch for each chunk.
    Device(Pipeline),
    /// The host, through a ring of staging buffers.
    Host(Ring),
}

impl Source {
    /// Brings the rows `rows` of chunk `number`, which is `chunk`, to the device.
    fn bring(
        &mut self,
        device: &Device,
        dataset: &Dataset,
        (number, chunk): (usize, &Chunk),
        rows: Range<usize>,
    ) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Device(generate) => {
                device.run_pass("synthetic", |pass| generate.record_one(pass, number))
            }
            Self::Host(ring) => ring.load(device, (dataset, None), chunk, rows),
        }
    }
}

impl Chunks {
    /// Cuts the data into chunks, as many of them resident as the options and the device allow, and fills
    /// those.
    pub(super) fn new(
        device: &Device,
        dataset: &Dataset,
        leaves: Leaves,
        leaves_per_page: usize,
        options: GpuOptions,
    ) -> Result<Self> {
        // The ring comes before the chunks, which may leave no memory for it.
        let ring = match dataset.generated() {
            Some(_) if !options.rows_from_host => None,
            _ => Some(Ring::new(
                device,
                RowLayout::new(dataset),
                dataset.n_samples(),
            )?),
        };
        let granted = allocate_granted(device, dataset, leaves, leaves_per_page, options)?;
        let list = &granted.list;
        let mut source = match (ring, dataset.generated()) {
            (Some(ring), _) => Source::Host(ring),
            (None, Some(synthetic)) => {
                let rows_per_leaf = leaves.rows_per_leaf();
                let format = InputFormat::new(dataset.quantization());
                Source::Device(generate::pipeline(
                    device,
                    synthetic,
                    format,
                    rows_per_leaf,
                    list,
                )?)
            }
            (None, None) => Source::None,
        };
        for (number, chunk) in list[..granted.n_resident].iter().enumerate() {
            source.bring(device, dataset, (number, chunk), chunk.rows.clone())?;
        }
        device.finish_writes()?;
        if granted.n_resident == list.len() {
            source = Source::None;
        }
        Ok(Self {
            dataset: dataset.clone(),
            granted,
            source,
        })
    }

    pub(super) fn list(&self) -> &[Chunk] {
        &self.granted.list
    }

    /// Inputs and targets of all rows, if one chunk holds them and stays on the device.
    pub(super) fn resident(&self) -> Option<[Buffer; 2]> {
        match self.list() {
            [all] if self.n_streamed() == 0 => Some([all.inputs.clone(), all.targets.clone()]),
            _ => None,
        }
    }

    /// Bytes of inputs and targets on the device at any time.
    pub(super) fn held(&self) -> u64 {
        self.granted.bytes
    }

    /// Chunks that are brought to the device again for each pass.
    pub(super) fn n_streamed(&self) -> usize {
        self.list().len() - self.granted.n_resident
    }

    /// How much of the data streams and why; `None` if nothing does.
    pub(super) fn notice(&self) -> Option<String> {
        let streamed = &self.list()[self.granted.n_resident..];
        let n_rows: usize = streamed.iter().map(|chunk| chunk.rows.len()).sum();
        let row_layout = RowLayout::new(&self.dataset);
        (n_rows > 0).then(|| {
            format!(
                "{} of {} bytes of the data stream in every iteration, as {}",
                n_rows as u64 * row_layout.row_bytes(),
                row_layout.data_bytes(&self.dataset),
                if self.granted.refused {
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
            Source::None | Source::Device(_) => 0..self.list().len(),
            Source::Host(_) => 0..self.granted.n_resident,
        }
    }

    /// The chunks whose rows the host brings for each pass: all that are not [`Chunks::recorded`].
    pub(super) fn by_host(&self) -> Range<usize> {
        self.recorded().end..self.list().len()
    }

    /// Records the making of chunk `number` if the device makes it for each pass; otherwise nothing.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>, number: usize) {
        if let (Source::Device(generate), true) = (&self.source, number >= self.granted.n_resident)
        {
            generate.record_one(pass, number);
        }
    }

    /// Brings the rows `rows` of chunk `number` to the device, unless they are there.
    pub(super) fn load(
        &mut self,
        device: &Device,
        number: usize,
        rows: Range<usize>,
    ) -> Result<()> {
        if number < self.granted.n_resident {
            return Ok(());
        }
        let chunk = (number, &self.granted.list[number]);
        self.source.bring(device, &self.dataset, chunk, rows)
    }
}

/// Chunks with the memory that the device granted them.
#[derive(Debug)]
struct Granted {
    list: Vec<Chunk>,
    /// The first chunks, which stay on the device.
    n_resident: usize,
    /// Bytes of inputs and targets on the device: of the chunks that stay, and of the slots.
    bytes: u64,
    /// Whether the device granted less than was asked for.
    refused: bool,
}

/// Plans and allocates chunks within the bytes that the options allow, and with fewer as often as the device
/// refuses.
fn allocate_granted(
    device: &Device,
    dataset: &Dataset,
    leaves: Leaves,
    leaves_per_page: usize,
    options: GpuOptions,
) -> Result<Granted> {
    let row_layout = RowLayout::new(dataset);
    let per_chunk = leaves_per_chunk(device, leaves, row_layout, options.max_chunk_bytes)?;
    let before = device.held();
    let mut most = options.max_device_bytes.unwrap_or(u64::MAX);
    let mut refusal = None;
    loop {
        let limits = row_layout.limits(dataset, leaves, (per_chunk, leaves_per_page), most);
        let Some(plan) = MemoryPlan::new(leaves.count(), limits) else {
            return Err(refusal.unwrap_or_else(|| no_room(most, row_layout, dataset, leaves)));
        };
        match allocate(device, dataset, leaves, row_layout, leaves_per_page, &plan) {
            Ok((list, bytes)) => {
                return Ok(Granted {
                    list,
                    n_resident: plan.resident.len(),
                    bytes,
                    refused: refusal.is_some(),
                });
            }
            Err(error) => {
                let Error::DeviceMemory { held, .. } = error else {
                    return Err(error);
                };
                // Most of what was granted, as the rest of the work needs memory, too. If nothing was granted,
                // half of what was asked for.
                most = match held - before {
                    0 => row_layout.planned_bytes(leaves, &plan) / 2,
                    granted => granted / 8 * 7,
                };
                // The refused chunks are dropped by now; their memory comes back with the next wait.
                device.finish_writes()?;
                refusal.get_or_insert(error);
            }
        }
    }
}

/// The chunks of `plan` with their memory, and the bytes of their inputs and targets.
fn allocate(
    device: &Device,
    dataset: &Dataset,
    leaves: Leaves,
    row_layout: RowLayout,
    leaves_per_page: usize,
    plan: &MemoryPlan,
) -> Result<(Vec<Chunk>, u64)> {
    device.check_host_memory(dataset.source(), row_layout.planned_bytes(leaves, plan))?;
    let size = |memory: &[Buffer; 2]| memory.iter().map(|buffer| buffer.size()).sum::<u64>();
    let mut slots = Vec::new();
    if plan.leaves_per_slot > 0 {
        let n_rows = plan.leaves_per_slot * leaves.rows_per_leaf();
        for slot in 0..SLOTS {
            slots.push(row_layout.allocate(device, &format!("slot {slot}"), n_rows)?);
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
                let memory = row_layout.allocate(device, &label, rows.len())?;
                held += size(&memory);
                memory
            }
        };
        let in_page = chunk.start % leaves_per_page;
        list.push(Chunk::new(device, rows, chunk.clone(), in_page, memory)?);
    }
    Ok((list, held))
}

fn no_room(most: u64, row_layout: RowLayout, dataset: &Dataset, leaves: Leaves) -> Error {
    let rows = leaves.rows(0).len();
    let least = (SLOTS as u64 * row_layout.leaf_bytes(leaves)).min(row_layout.data_bytes(dataset));
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
    use crate::data::{Dataset, Synthetic};
    use crate::gpu::adapter::AdapterKind;
    use crate::gpu::device::tests::{device, ran_in_little_memory};
    use crate::gpu::options::GpuOptions;

    const MIB: usize = 1 << 20;

    /// Only a software adapter's memory can be taken away, as it is the host's: here, all but 1 GiB of
    /// what a process may have.
    #[test]
    fn what_the_device_does_not_grant_streams() {
        let device = device();
        if device.adapter.kind != AdapterKind::Software {
            return;
        }
        let name = "gpu::chunks::tests::what_the_device_does_not_grant_streams";
        if ran_in_little_memory(&device, name, 16_000_000) {
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
        let chunks = Chunks::new(&device, &dataset, dataset.leaves(), usize::MAX, options);
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

        let last = &chunks.list()[chunks.granted.n_resident - 1];
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
