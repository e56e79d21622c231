//! Mini-batches: rows in any order, gathered by the host into memory of their own and summed there by the kernels
//! that sum a whole data set.

use super::chunk::Chunk;
use super::device::Device;
use super::leaf_kernel::{LeafKernel, Operands};
use super::memory_plan::cut;
use super::options::GpuOptions;
use super::parameter_layout::ParameterLayout;
use super::ring::{Ring, Samples};
use super::row_layout::{RowLayout, leaves_per_chunk};
use super::tree::{Tree, UpdateTarget};
use super::workgroup_shape::WorkgroupShape;
use crate::error::Result;

/// Batch sizes that are prepared for: an epoch has batches of one size, and a smaller one at its end.
const SIZES: usize = 2;

/// Memory and kernels for batches, made when the first batch of a size comes.
#[derive(Debug, Default)]
pub(super) struct Batches {
    list: Vec<Batch>,
}

/// Memory and kernels for batches of `n_rows` rows, whichever these are. Nothing here depends on other batches,
/// so the bits do not either.
#[derive(Debug)]
struct Batch {
    n_rows: usize,
    n_sums: usize,
    ring: Ring,
    /// Chunks that all share one memory; the queue fills it only once earlier submissions have read it.
    chunks: Vec<Chunk>,
    leaf_kernel: LeafKernel,
    tree: Tree,
}

impl Batches {
    /// Sums gradient, loss and mean slope over the rows `rows` and reads them back, laid out as in the tree.
    pub(super) fn evaluate(
        &mut self,
        device: &Device,
        operands: &Operands<'_>,
        options: GpuOptions,
        rows: &[usize],
    ) -> Result<Vec<f32>> {
        assert!(!rows.is_empty(), "a batch has at least one row");
        let at = self.list.iter().position(|b| b.n_rows == rows.len());
        let batch = if let Some(at) = at {
            &mut self.list[at]
        } else {
            if self.list.len() == SIZES {
                // Its memory comes back with the next wait.
                self.list.remove(0);
                device.finish_writes()?;
            }
            let batch = Batch::new(device, operands, options, rows.len())?;
            self.list.push_mut(batch)
        };
        batch.evaluate(device, Samples::numbered(operands.problem.dataset, rows))
    }
}

impl Batch {
    fn new(
        device: &Device,
        operands: &Operands<'_>,
        options: GpuOptions,
        n_rows: usize,
    ) -> Result<Self> {
        let problem = &operands.problem;
        let (row_layout, layout) = (
            RowLayout::new(problem.dataset),
            ParameterLayout::new(&problem.network),
        );
        let leaves = problem.leaves_of(n_rows);
        let target = UpdateTarget {
            parameters: &operands.parameters,
            n_floats: layout.n_trained(),
            except_one_leaf: !problem.network.has_hidden(),
        };
        let max_bytes = options.max_chunk_bytes;
        let n_sums = layout.n_sums();
        let tree = Tree::new(device, leaves.count(), n_sums, &target, max_bytes)?;
        let ring = Ring::new(device, row_layout, n_rows)?;
        // A chunk is no more than one staging buffer brings, as its rows are read only once.
        let per_piece = (ring.rows_per_piece() / leaves.rows_per_leaf()).max(1);
        let per_chunk = leaves_per_chunk(device, leaves, row_layout, max_bytes)?.min(per_piece);
        let longest = n_rows.min(per_chunk * leaves.rows_per_leaf());
        let memory = row_layout.allocate(device, "a batch", longest)?;
        let per_page = tree.leaves_per_page();
        let mut chunks = Vec::new();
        for chunk in cut(0..leaves.count(), per_chunk, per_page) {
            let rows = leaves.rows(chunk.start).start..leaves.rows(chunk.end - 1).end;
            let in_page = chunk.start % per_page;
            chunks.push(Chunk::new(device, rows, chunk, in_page, memory.clone())?);
        }
        let shape = WorkgroupShape::of_network(&problem.network, leaves, device);
        Ok(Self {
            n_rows,
            n_sums,
            leaf_kernel: LeafKernel::new(device, operands, shape.as_ref(), leaves, &chunks, &tree)?,
            ring,
            chunks,
            tree,
        })
    }

    fn evaluate(&mut self, device: &Device, samples: Samples<'_>) -> Result<Vec<f32>> {
        self.tree.poison(device)?;
        for (number, chunk) in self.chunks.iter().enumerate() {
            let rows = chunk.rows.clone();
            self.ring.load(device, samples, chunk, rows, |encoder| {
                Device::pass(encoder, "batch", |pass| {
                    self.leaf_kernel.record(pass, number);
                    if number + 1 == self.chunks.len() {
                        self.tree.record(pass);
                    }
                });
            })?;
        }
        device.read(self.tree.total(), 0, self.n_sums)
    }
}
