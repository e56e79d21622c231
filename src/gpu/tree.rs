//! The sums of the leaves on the device, and the dispatches that fold them to one.

use super::device::{Buffer, Device};
use super::kernels::{self, FOLD_COLUMNS, FOLD_NODES};
use super::params::{FoldParams, to_u32};
use super::pipeline::Pipeline;
use crate::error::Result;
use std::ops::Range;

#[derive(Debug)]
pub(super) struct Tree {
    n_sums: usize,
    /// The sums of the leaves, in pages within one binding each.
    pages: Vec<Buffer>,
    /// A power of two, so that a page is a subtree: the tree does not depend on it.
    leaves_per_page: usize,
    /// The sums of every 1,024 leaves of a page, of 1,024 of those, and so on to one; none if there
    /// is one leaf.
    levels: Vec<Buffer>,
    /// The dispatches that fold each page, and then each level, into the next; the last updates the parameters.
    fold: Pipeline,
    /// The uniform of the last dispatch of `fold`.
    last: Option<Buffer>,
}

/// The parameters that the total updates, unless there is one leaf.
#[derive(Clone, Copy, Debug)]
pub(super) struct UpdateTarget<'a> {
    pub(super) parameters: &'a Buffer,
    /// Floats that are updated, from the first on; a multiple of 4.
    pub(super) n_floats: usize,
}

impl Tree {
    /// Room for `n_leaves` sums of `n_sums` floats, a multiple of 4, in pages of at most `max_bytes`,
    /// or of one leaf. Without a `target` the total updates nothing.
    pub(super) fn new(
        device: &Device,
        n_leaves: usize,
        n_sums: usize,
        target: Option<&UpdateTarget<'_>>,
        max_bytes: Option<u64>,
    ) -> Result<Self> {
        let bytes = 4 * n_leaves as u64 * n_sums as u64;
        device.check_host_memory(&format!("sums of {n_leaves} leaves"), bytes)?;
        let most = device
            .max_binding_bytes()
            .min(max_bytes.unwrap_or(u64::MAX));
        let fitting = usize::try_from(most).unwrap_or(usize::MAX) / (4 * n_sums);
        let leaves_per_page = 1 << fitting.max(1).ilog2();
        let mut tree = Self {
            n_sums,
            pages: Vec::new(),
            leaves_per_page,
            levels: Vec::new(),
            fold: Pipeline::new(device, &kernels::fold())?,
            last: None,
        };
        let page_lengths = || {
            let firsts = (0..n_leaves).step_by(leaves_per_page);
            firsts.map(|first| leaves_per_page.min(n_leaves - first))
        };
        for length in page_lengths() {
            tree.pages.push(node_buffer(device, length, n_sums)?);
        }
        if n_leaves == 1 {
            return Ok(tree);
        }
        let nothing = device.storage("no parameters", 4)?;
        let (parameters, n_floats) = match target {
            Some(target) => (target.parameters, target.n_floats),
            None => (&nothing, 0),
        };
        let n_columns = n_sums / 4;
        let params = |n_nodes: usize, first_folded: usize| FoldParams {
            n_nodes: to_u32(n_nodes),
            n_columns: to_u32(n_columns),
            first_folded: to_u32(first_folded),
            n_trained: to_u32(n_floats / 4),
            rate: 0.0,
            _pad: [0; 3],
        };
        let mut n_nodes: usize = page_lengths()
            .map(|length| length.div_ceil(FOLD_NODES))
            .sum();
        tree.levels.push(node_buffer(device, n_nodes, n_sums)?);
        let mut first_folded = 0;
        for (page, length) in tree.pages.iter().zip(page_lengths()) {
            let params = params(length, first_folded);
            let buffers = [page, &tree.levels[0], parameters];
            tree.last = Some(add_fold(&mut tree.fold, device, buffers, params)?);
            first_folded += length.div_ceil(FOLD_NODES);
        }
        while n_nodes > 1 {
            let folded = node_buffer(device, n_nodes.div_ceil(FOLD_NODES), n_sums)?;
            let level = &tree.levels[tree.levels.len() - 1];
            let buffers = [level, &folded, parameters];
            tree.last = Some(add_fold(
                &mut tree.fold,
                device,
                buffers,
                params(n_nodes, 0),
            )?);
            tree.levels.push(folded);
            n_nodes = n_nodes.div_ceil(FOLD_NODES);
        }
        Ok(tree)
    }

    /// Sets the rate at which the total updates the parameters from now on. It is 0, no update, at first.
    pub(super) fn set_rate(&self, device: &Device, rate: f32) {
        if let Some(params) = &self.last {
            let at = std::mem::offset_of!(FoldParams, rate) as u64;
            device.write(params, at, bytemuck::bytes_of(&rate));
        }
    }

    /// Floats of one node.
    pub(super) fn n_sums(&self) -> usize {
        self.n_sums
    }

    pub(super) fn leaves_per_page(&self) -> usize {
        self.leaves_per_page
    }

    /// The page that leaf `leaf` is in.
    pub(super) fn page(&self, leaf: usize) -> &Buffer {
        &self.pages[leaf / self.leaves_per_page]
    }

    /// The sums of the leaves `leaves`, one after the other.
    pub(super) fn read_leaves(&self, device: &Device, leaves: Range<usize>) -> Result<Vec<f32>> {
        let mut sums = Vec::with_capacity(leaves.len() * self.n_sums);
        let mut first = leaves.start;
        while first < leaves.end {
            let in_page = first % self.leaves_per_page;
            let n_leaves = (self.leaves_per_page - in_page).min(leaves.end - first);
            let page = self.page(first);
            sums.extend(device.read(page, in_page * self.n_sums, n_leaves * self.n_sums)?);
            first += n_leaves;
        }
        Ok(sums)
    }

    /// The sum over all leaves.
    pub(super) fn total(&self) -> &Buffer {
        self.levels.last().unwrap_or(&self.pages[0])
    }

    pub(super) fn n_dispatches(&self) -> usize {
        self.fold.n_dispatches()
    }

    /// Records the dispatches from the leaves to the total.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.fold.record(pass);
    }

    /// Fills every page and level with NaN.
    pub(super) fn poison(&self, device: &Device) -> Result<()> {
        let mut buffers = self.pages.iter().chain(&self.levels);
        buffers.try_for_each(|sums| device.poison(sums))
    }
}

/// Adds the dispatch that folds the first of `buffers`, nodes, into the second, and can update the
/// third, parameters. Gives its uniform.
fn add_fold(
    fold: &mut Pipeline,
    device: &Device,
    [nodes, folded, parameters]: [&Buffer; 3],
    params: FoldParams,
) -> Result<Buffer> {
    let workgroups = [
        (params.n_columns as usize).div_ceil(FOLD_COLUMNS),
        (params.n_nodes as usize).div_ceil(FOLD_NODES),
    ];
    let params = device.uniform("fold.params", &params)?;
    fold.add(device, &[&params, nodes, folded, parameters], workgroups)?;
    Ok(params)
}

fn node_buffer(device: &Device, n_nodes: usize, n_sums: usize) -> Result<Buffer> {
    let bytes = 4 * n_nodes as u64 * n_sums as u64;
    let most = device.max_binding_bytes();
    if bytes > most {
        return Err(device.limit(format!(
            "{n_nodes} sums of {n_sums} floats need {bytes} bytes in one binding; the limit is {most}"
        )));
    }
    device.storage(&format!("{n_nodes} sums"), n_nodes * n_sums)
}

#[cfg(test)]
mod tests {
    use super::{Tree, UpdateTarget};
    use crate::gpu::device::Device;
    use crate::gpu::device::tests::device;
    use crate::leaves::Fold;
    use crate::random::test_numbers;
    use rand::RngExt;

    /// Fills the leaves with `nodes` and folds them.
    fn folded(device: &Device, nodes: &[f32], n_sums: usize, max_bytes: Option<u64>) -> Vec<f32> {
        let parameters = device.storage("parameters", n_sums).unwrap();
        let target = UpdateTarget {
            parameters: &parameters,
            n_floats: n_sums,
        };
        let n_leaves = nodes.len() / n_sums;
        let tree = Tree::new(device, n_leaves, n_sums, Some(&target), max_bytes).unwrap();
        tree.poison(device).unwrap();
        for (page, nodes) in tree
            .pages
            .iter()
            .zip(nodes.chunks(tree.leaves_per_page * n_sums))
        {
            device.write(page, 0, bytemuck::cast_slice(nodes));
        }
        device.run_pass("fold", |pass| tree.record(pass)).unwrap();
        let leaves = tree.read_leaves(device, n_leaves / 3..n_leaves).unwrap();
        assert_eq!(
            leaves,
            nodes[n_leaves / 3 * n_sums..],
            "leaves across pages"
        );
        device.read(tree.total(), 0, n_sums).unwrap()
    }

    /// Node counts around one and two levels, columns that do not fill a workgroup. The values are
    /// small integers, whose sums are exact: every node counts once, none twice, and the NaN that
    /// filled the outputs is gone.
    #[test]
    #[expect(clippy::float_cmp, reason = "sums of small integers are exact")]
    fn every_node_counts_once() {
        let device = device();
        for (n_nodes, n_columns) in [
            (1, 1),
            (2, 1),
            (3, 5),
            (16, 4),
            (1023, 2),
            (1024, 3),
            (1025, 9),
            (5000, 3),
            (1_050_000, 1),
        ] {
            let n_sums = 4 * n_columns;
            let value = |i: usize| f32::from(u8::try_from(i * 7 % 13).unwrap()) - 6.0;
            let nodes: Vec<f32> = (0..n_nodes * n_sums).map(value).collect();
            for (column, total) in folded(&device, &nodes, n_sums, None).iter().enumerate() {
                let values = nodes.iter().skip(column).step_by(n_sums);
                let expected: f64 = values.map(|x| f64::from(*x)).sum();
                assert_eq!(
                    f64::from(*total),
                    expected,
                    "{n_nodes} nodes, column {column} of {n_sums}"
                );
            }
        }
    }

    /// Values of all sizes, so that another tree gives other bits; additions alone, each rounded to
    /// the nearest, so that the same tree gives the same bits as f32 on the host. Pages of one leaf, of
    /// fewer than a workgroup folds, and of more.
    #[test]
    fn the_tree_is_the_one_of_the_leaves_in_pages_of_any_length() {
        let device = device();
        for n_nodes in [2_usize, 7, 100, 1500, 5000] {
            let mut random = test_numbers(n_nodes as u64);
            let value = |_| random.random_range(0.5..1.0) * [1.0, -3e-3][random.random_range(0..2)];
            let nodes: Vec<f32> = (0..4 * n_nodes).map(value).collect();
            let mut fold = Fold::new(|left: &mut [f32; 4], right: &[f32; 4]| {
                let pairs = left.iter_mut().zip(right);
                pairs.for_each(|(left, right)| *left += right);
            });
            nodes.as_chunks().0.iter().for_each(|node| fold.push(*node));
            let expected = fold.finish().map(Vec::from);
            for max_leaves in [1, 5, 64, 2050] {
                if n_nodes / max_leaves > 200 {
                    continue;
                }
                let total = folded(&device, &nodes, 4, Some(16 * max_leaves as u64));
                assert_eq!(
                    Some(total),
                    expected,
                    "{n_nodes} nodes, pages of {max_leaves}"
                );
            }
        }
    }
}
