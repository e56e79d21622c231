//! Mini-batches: rows in any order, summed by the kernels that sum a whole data set. They are read where they lie if
//! all data are in one buffer on the device; otherwise the host gathers them into memory of their own.

use super::chunk::Chunk;
use super::device::{Buffer, Device};
use super::leaf_kernel::LeafKernel;
use super::memory_plan::cut;
use super::optimizer::{DeviceOptimizer, UpdateDispatches};
use super::options::GpuOptions;
use super::params::to_u32;
use super::pipeline::{DynamicOffsets, Pipeline};
use super::resources::{BatchRows, Resources};
use super::ring::Ring;
use super::row_layout::{RowLayout, leaves_per_chunk};
use super::row_numbers::RowNumbers;
use super::tree::{Tree, leaves_per_page};
use super::workgroup_shape::WorkgroupShape;
use crate::data::Dataset;
use crate::error::Result;
use crate::submission_size::SubmissionSize;

/// Batch sizes that are prepared for: an epoch has batches of one size, and a smaller one at its end.
const SIZES: usize = 2;

/// Memory and kernels for batches, made when the first batch of a size comes.
#[derive(Debug)]
pub(super) struct BatchCache {
    /// Inputs and targets of all rows, if they stay on the device in one buffer each.
    resident: Option<[Buffer; 2]>,
    /// The numbers of the rows of batches that are read where they lie; `None` before the first one of those.
    pub(super) numbers: Option<RowNumbers>,
    /// The sizes that were asked for last, the latest at the end.
    list: Vec<Batch>,
}

/// Memory and kernels for batches of `n_rows` rows, whichever these are. Nothing here depends on other batches,
/// so the bits do not either.
#[derive(Debug)]
pub(super) struct Batch {
    n_rows: usize,
    source: Source,
    /// Chunks that all share one memory; the queue fills it only once earlier submissions have read it. One chunk if
    /// the rows are there.
    chunks: Vec<Chunk>,
    leaf_kernel: LeafKernel,
    /// Blocks to submit at once.
    pub(super) size: SubmissionSize,
    tree: Tree,
    /// By the rule that is followed, once it has updated from a batch of this size.
    update: Option<BatchUpdate>,
}

/// How the parameters are updated.
#[derive(Debug)]
enum BatchUpdate {
    /// From the total of the leaves.
    OfTotal(UpdateDispatches),
    /// By the kernel that finds the gradient, and what is between it and the forward pass.
    Fused(Vec<Pipeline>),
}

/// Where the rows come from.
#[derive(Debug)]
enum Source {
    /// The rows are on the device, and have these numbers.
    Resident(BatchRows),
    /// From the host.
    Host(Ring),
}

impl Source {
    fn rows(&self) -> Option<&BatchRows> {
        match self {
            Self::Resident(rows) => Some(rows),
            Self::Host(_) => None,
        }
    }
}

impl BatchCache {
    /// Batches of rows that are in `resident`, or that the host brings.
    pub(super) fn new(resident: Option<[Buffer; 2]>) -> Self {
        Self {
            resident,
            numbers: None,
            list: Vec::new(),
        }
    }

    /// The batches of `n_rows` rows.
    pub(super) fn of(
        &mut self,
        device: &Device,
        resources: &Resources<'_>,
        options: GpuOptions,
        n_rows: usize,
    ) -> Result<&mut Batch> {
        assert!(n_rows > 0, "a batch has at least one row");
        let batch = match self.list.iter().position(|batch| batch.n_rows == n_rows) {
            Some(at) => self.list.remove(at),
            None => {
                if self.list.len() == SIZES {
                    // Its memory comes back with the next wait.
                    self.list.remove(0);
                    device.finish_writes()?;
                }
                match self.resident_rows(device, resources, options, n_rows)? {
                    Some(rows) => Batch::resident(device, resources, options, rows, n_rows)?,
                    None => Batch::by_host(device, resources, options, n_rows)?,
                }
            }
        };
        Ok(self.list.push_mut(batch))
    }

    /// Makes room for the numbers of `n_rows` rows, unless the host gathers the rows.
    pub(super) fn reserve(&mut self, device: &Device, n_rows: usize) -> Result<()> {
        let bytes = 4 * n_rows as u64;
        let is_resident = self.resident.is_some();
        if is_resident
            && self
                .numbers
                .as_ref()
                .is_none_or(|it| it.buffer.size() < bytes)
        {
            // The kernels are bound to the old room.
            self.list.clear();
            self.numbers = Some(RowNumbers::new(device, n_rows)?);
        }
        Ok(())
    }

    /// Where the rows of a batch of `n_rows` are, and where their numbers come; `None` if the host gathers them.
    fn resident_rows(
        &mut self,
        device: &Device,
        resources: &Resources<'_>,
        options: GpuOptions,
        n_rows: usize,
    ) -> Result<Option<([Buffer; 2], BatchRows)>> {
        let Some(resident) = self.resident.clone() else {
            return Ok(None);
        };
        // All leaves have to be of one chunk, and of one page if a dispatch sums a chunk.
        let problem = &resources.problem;
        let layout = RowLayout::new(problem.dataset);
        let leaves = problem.leaves_of(n_rows);
        let max_bytes = options.max_chunk_bytes;
        let mut most = leaves_per_chunk(device, leaves, layout, max_bytes)?;
        if problem.network.reads_rows_once() {
            let n_sums = resources.layout.n_sums();
            most = most.min(leaves_per_page(device, n_sums, max_bytes));
        }
        if most < leaves.count() {
            return Ok(None);
        }
        self.reserve(device, n_rows)?;
        let rows = self.numbers.as_ref().map(|numbers| BatchRows {
            numbers: numbers.buffer.clone(),
            bytes: 4 * n_rows as u64,
        });
        Ok(rows.map(|rows| (resident, rows)))
    }

    /// The batches of `n_rows` rows, which [`BatchCache::of`] has made.
    pub(super) fn prepared(&self, n_rows: usize) -> &Batch {
        let mut list = self.list.iter();
        list.find(|batch| batch.n_rows == n_rows).expect("prepared")
    }

    /// The update with the gradient of some batches.
    #[cfg(test)]
    pub(super) fn fused_update(&self) -> Option<&Vec<Pipeline>> {
        self.list.iter().find_map(|batch| match &batch.update {
            Some(BatchUpdate::Fused(fused)) => Some(fused),
            _ => None,
        })
    }

    /// Forgets the dispatches of the rule that was followed.
    pub(super) fn forget_updates(&mut self) {
        for batch in &mut self.list {
            batch.update = None;
        }
    }
}

impl Batch {
    /// Batches of rows that are read where they lie, `memory`.
    fn resident(
        device: &Device,
        resources: &Resources<'_>,
        options: GpuOptions,
        (memory, rows): ([Buffer; 2], BatchRows),
        n_rows: usize,
    ) -> Result<Self> {
        let leaves = resources.problem.leaves_of(n_rows);
        let chunk = Chunk::new(device, 0..n_rows, 0..leaves.count(), 0, memory)?;
        let source = Source::Resident(rows);
        Self::new(device, resources, options, n_rows, (source, vec![chunk]))
    }

    /// Batches of rows that the host gathers.
    fn by_host(
        device: &Device,
        resources: &Resources<'_>,
        options: GpuOptions,
        n_rows: usize,
    ) -> Result<Self> {
        let problem = &resources.problem;
        let row_layout = RowLayout::new(problem.dataset);
        let leaves = problem.leaves_of(n_rows);
        let max_bytes = options.max_chunk_bytes;
        let ring = Ring::new(device, row_layout, n_rows)?;
        // A chunk is about what one staging buffer brings: its rows are summed while the next are copied.
        let per_piece = (ring.rows_per_piece / leaves.rows_per_leaf()).max(1);
        let per_chunk = leaves_per_chunk(device, leaves, row_layout, max_bytes)?.min(per_piece);
        let longest = n_rows.min(per_chunk * leaves.rows_per_leaf());
        let memory = row_layout.allocate(device, "a batch", longest)?;
        let per_page = leaves_per_page(device, resources.layout.n_sums(), max_bytes);
        let mut chunks = Vec::new();
        for chunk in cut(0..leaves.count(), per_chunk, per_page) {
            let rows = leaves.rows(chunk.start).start..leaves.rows(chunk.end - 1).end;
            let in_page = chunk.start % per_page;
            chunks.push(Chunk::new(device, rows, chunk, in_page, memory.clone())?);
        }
        Self::new(
            device,
            resources,
            options,
            n_rows,
            (Source::Host(ring), chunks),
        )
    }

    fn new(
        device: &Device,
        resources: &Resources<'_>,
        options: GpuOptions,
        n_rows: usize,
        (source, chunks): (Source, Vec<Chunk>),
    ) -> Result<Self> {
        let problem = &resources.problem;
        let leaves = problem.leaves_of(n_rows);
        let (n_sums, max_bytes) = (resources.layout.n_sums(), options.max_chunk_bytes);
        let tree = Tree::new(device, leaves.count(), n_sums, None, max_bytes)?;
        let shape = WorkgroupShape::of_network(&problem.network, leaves, device);
        let (shape, rows) = (shape.as_ref(), source.rows());
        let leaf_kernel = LeafKernel::new(device, resources, shape, leaves, &chunks, rows, &tree)?;
        Ok(Self {
            n_rows,
            size: leaf_kernel.submission_size(),
            leaf_kernel,
            source,
            chunks,
            tree,
            update: None,
        })
    }

    /// Sums gradient, loss and mean slope over the rows `rows` of `dataset` and reads them back, laid out as in the tree,
    /// without the units that the update at `offsets` goes without.
    pub(super) fn evaluate(
        &mut self,
        device: &Device,
        (dataset, rows): (&Dataset, &[usize]),
        offsets: DynamicOffsets,
    ) -> Result<Vec<f32>> {
        self.tree.poison(device)?;
        self.sum(device, (dataset, rows), offsets, None)?;
        device.read(self.tree.total(), 0, self.tree.n_sums)
    }

    /// Submits the sums over the rows `rows` of `dataset` for the update at `offsets`, and that update by `optimizer`, if it
    /// is given.
    pub(super) fn sum(
        &mut self,
        device: &Device,
        (dataset, rows): (&Dataset, &[usize]),
        offsets: DynamicOffsets,
        optimizer: Option<&DeviceOptimizer>,
    ) -> Result<()> {
        let (kernel, tree, update) = (&self.leaf_kernel, &self.tree, &self.update);
        let last = kernel.n_blocks() - 1;
        for (number, chunk) in self.chunks.iter().enumerate() {
            match &mut self.source {
                Source::Resident(BatchRows { numbers, .. }) => {
                    let rows: Vec<u32> = rows.iter().map(|row| to_u32(*row)).collect();
                    device.write(numbers, 0, bytemuck::cast_slice(&rows));
                }
                Source::Host(ring) => {
                    let samples = (dataset, Some(rows));
                    ring.load(device, samples, chunk, chunk.rows.clone())?;
                }
            }
            let blocks = kernel.blocks(number);
            device.submit_parts("batch", &mut self.size, blocks, |pass, blocks| {
                for block in blocks {
                    kernel.record(pass, (block, offsets), tree);
                    if let (true, Some(optimizer), Some(BatchUpdate::OfTotal(update))) =
                        (block == last, optimizer, update)
                    {
                        optimizer.record_update(pass, update, offsets);
                    }
                }
            })?;
        }
        Ok(())
    }

    /// Blocks of a batch, which [`Batch::record_update`] takes one after the other.
    pub(super) fn n_blocks(&self) -> usize {
        self.leaf_kernel.n_blocks()
    }

    /// Records block `block` of the update at `offsets`, from rows that are on the device.
    pub(super) fn record_update(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        (block, offsets): (usize, DynamicOffsets),
        optimizer: &DeviceOptimizer,
    ) {
        match (self.update.as_ref().expect("prepared"), &self.leaf_kernel) {
            (BatchUpdate::Fused(steps), LeafKernel::Network(dense)) => {
                dense.record_block(pass, (block, offsets), steps);
            }
            (BatchUpdate::OfTotal(update), kernel) => {
                kernel.record(pass, (block, offsets), &self.tree);
                if block + 1 == self.n_blocks() {
                    optimizer.record_update(pass, update, offsets);
                }
            }
            _ => unreachable!("a network that reads each row once has a total"),
        }
    }

    /// Whether the rows are read where they lie.
    pub(super) fn is_resident(&self) -> bool {
        matches!(self.source, Source::Resident(_))
    }

    pub(super) fn n_dispatches(&self) -> usize {
        self.leaf_kernel.n_dispatches() + self.tree.n_dispatches()
    }

    /// Makes the dispatches that update the parameters by `optimizer`.
    pub(super) fn prepare_update(
        &mut self,
        device: &Device,
        resources: &Resources<'_>,
        optimizer: &DeviceOptimizer,
    ) -> Result<()> {
        if self.update.is_some() {
            return Ok(());
        }
        let steps = match (&self.leaf_kernel, self.source.rows()) {
            (LeafKernel::Network(dense), Some(rows)) => {
                dense.fused_update(device, resources, optimizer, rows)?
            }
            _ => None,
        };
        let (total, parameters) = (self.tree.total(), &resources.parameters);
        self.update = Some(match steps {
            Some(steps) => BatchUpdate::Fused(steps),
            None => BatchUpdate::OfTotal(optimizer.dispatches(device, parameters, total)?),
        });
        Ok(())
    }
}
