//! The sums of the leaves on the device, and the dispatches that fold them to one.
//!
//! The leaves are summed in order, a page of them at a time. A page is a subtree: once it is full it is folded to one
//! node of a page of such nodes, which is folded like it when it is full, and its memory is used again. So a few pages
//! are enough for any number of leaves, and the tree is the same.

use super::device::{Buffer, Device};
use super::kernels::{self, FOLD_COLUMNS, FOLD_NODES};
use super::params::{FoldParams, UNWRITTEN, to_u32};
use super::pipeline::Pipeline;
use crate::error::Result;
use std::ops::Range;

/// Bytes of a page, at most, unless it is of one leaf.
const PAGE_BYTES: u64 = 1 << 26;

/// The sums of leaves, a page at a time, and the dispatches that fold them to their total.
#[derive(Debug)]
pub(super) struct Tree {
    /// Floats of one node.
    pub(super) n_sums: usize,
    n_leaves: usize,
    /// A power of two.
    pub(super) leaves_per_page: usize,
    /// The page of leaves, that of nodes each of which is a page of leaves, and so on to the total.
    levels: Vec<Level>,
    /// The dispatches that fold pages; the last updates the parameters.
    fold: Pipeline,
    /// Of each page of leaves the dispatches that are due once it is full.
    due: Vec<Range<usize>>,
    /// The uniform of the last dispatch of `fold`.
    last: Option<Buffer>,
}

/// The nodes of one depth of the tree, a page at a time.
#[derive(Debug)]
struct Level {
    /// Nodes of all its pages, which take turns.
    n_nodes: usize,
    nodes_per_page: usize,
    page: Buffer,
    /// The sums of every 1,024 nodes of a page, of 1,024 of those, and so on, but for the last one.
    within: Vec<Buffer>,
}

/// Leaves of a page, a power of two, each of `n_sums` floats: as many as have `max_bytes`, or one.
pub(super) fn leaves_per_page(device: &Device, n_sums: usize, max_bytes: Option<u64>) -> usize {
    let most = device.max_binding_bytes().min(PAGE_BYTES);
    let most = most.min(max_bytes.unwrap_or(u64::MAX));
    let fitting = usize::try_from(most).unwrap_or(usize::MAX) / (4 * n_sums);
    1 << fitting.max(1).ilog2()
}

impl Tree {
    /// Room for `n_leaves` sums of `n_sums` floats, a multiple of 4, in pages of at most `max_bytes`,
    /// or of one leaf. The total updates `target`, parameters of which so many floats from the first on change, a multiple of
    /// 4; nothing without it, or if there is one leaf.
    pub(super) fn new(
        device: &Device,
        n_leaves: usize,
        n_sums: usize,
        target: Option<(&Buffer, usize)>,
        max_bytes: Option<u64>,
    ) -> Result<Self> {
        let leaves_per_page = leaves_per_page(device, n_sums, max_bytes);
        let levels = levels(device, n_leaves, n_sums, leaves_per_page)?;
        let mut tree = Self {
            n_sums,
            n_leaves,
            leaves_per_page,
            levels,
            fold: Pipeline::new(device, &kernels::fold())?,
            due: Vec::new(),
            last: None,
        };
        let nothing = device.storage("no parameters", 4)?;
        let target = target.unwrap_or((&nothing, 0));
        for page in 0..n_leaves.div_ceil(leaves_per_page) {
            let first = tree.fold.n_dispatches();
            tree.add_due(device, page, target)?;
            tree.due.push(first..tree.fold.n_dispatches());
        }
        Ok(tree)
    }

    /// Adds the dispatches that are due once page number `page` of the leaves is full.
    fn add_due(
        &mut self,
        device: &Device,
        page: usize,
        (parameters, n_trained): (&Buffer, usize),
    ) -> Result<()> {
        let n_columns = self.n_sums / 4;
        let [x, y] = device.workgroups(n_columns.div_ceil(FOLD_COLUMNS));
        let mut node = page;
        for at in 1..self.levels.len() {
            let [below, level] = &self.levels[at - 1..=at] else {
                unreachable!("two levels");
            };
            let mut n_nodes =
                (below.n_nodes - node * below.nodes_per_page).min(below.nodes_per_page);
            let mut nodes = &below.page;
            let place = node % level.nodes_per_page;
            let within = below.within.iter().map(|folded| (folded, 0));
            for (folded, first_folded) in within.chain([(&level.page, place)]) {
                // A page that is not full may take steps of one node, which stays as it is.
                let params = FoldParams {
                    n_nodes: to_u32(n_nodes),
                    n_columns: to_u32(n_columns),
                    first_folded: to_u32(first_folded),
                    n_trained: to_u32(n_trained / 4),
                    rate: 0.0,
                    _pad: [0; 3],
                };
                let params = device.uniform("fold.params", &params)?;
                let buffers = [&params, nodes, folded, parameters];
                n_nodes = n_nodes.div_ceil(FOLD_NODES);
                self.fold.add(device, &buffers, [x, y, n_nodes])?;
                self.last = Some(params);
                nodes = folded;
            }
            let is_last = node + 1 == level.n_nodes;
            if place + 1 < level.nodes_per_page && !is_last {
                break;
            }
            node /= level.nodes_per_page;
        }
        Ok(())
    }

    /// Sets the rate at which the total updates the parameters from now on. It is 0, no update, at first.
    pub(super) fn set_rate(&self, device: &Device, rate: f32) {
        if let Some(params) = &self.last {
            let at = std::mem::offset_of!(FoldParams, rate) as u64;
            device.write(params, at, bytemuck::bytes_of(&rate));
        }
    }

    /// The page that leaves are summed into.
    pub(super) fn page(&self) -> &Buffer {
        &self.levels[0].page
    }

    /// Whether one page holds all leaves, so that none is lost to a later one.
    pub(super) fn holds_all(&self) -> bool {
        self.n_leaves <= self.leaves_per_page
    }

    /// The sums of the leaves `leaves`, which are of one page and were its last ones.
    pub(super) fn read_leaves(&self, device: &Device, leaves: Range<usize>) -> Result<Vec<f32>> {
        let first = leaves.start % self.leaves_per_page * self.n_sums;
        device.read(self.page(), first, leaves.len() * self.n_sums)
    }

    /// Fills the sums of the leaves `leaves`, which are of one page, with NaN.
    pub(super) fn poison_leaves(&self, device: &Device, leaves: Range<usize>) {
        let first = 4 * (leaves.start % self.leaves_per_page * self.n_sums) as u64;
        let nans = vec![f32::NAN; leaves.len() * self.n_sums];
        device.write(self.page(), first, bytemuck::cast_slice(&nans));
    }

    /// The sum over all leaves.
    pub(super) fn total(&self) -> &Buffer {
        &self.levels[self.levels.len() - 1].page
    }

    /// Makes the loss of the total say that it was not summed.
    pub(super) fn expect(&self, device: &Device) {
        let at = 4 * (self.n_sums - 4) as u64;
        device.write(self.total(), at, bytemuck::bytes_of(&UNWRITTEN));
    }

    pub(super) fn n_dispatches(&self) -> usize {
        self.fold.n_dispatches()
    }

    /// Records the dispatches that are due once all leaves below number `end` are summed; the last of them make the
    /// total.
    pub(super) fn record_due(&self, pass: &mut wgpu::ComputePass<'_>, end: usize) {
        if end.is_multiple_of(self.leaves_per_page) || end == self.n_leaves {
            let page = (end - 1) / self.leaves_per_page;
            for dispatch in self.due[page].clone() {
                self.fold.record_one(pass, dispatch);
            }
        }
    }

    /// Records the dispatches from the leaves to the total, of a tree that holds all of them.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        assert!(self.holds_all(), "leaves of one page");
        self.record_due(pass, self.n_leaves);
    }

    /// Fills every page with NaN.
    pub(super) fn poison(&self, device: &Device) -> Result<()> {
        for level in &self.levels {
            device.poison(&level.page)?;
            level
                .within
                .iter()
                .try_for_each(|sums| device.poison(sums))?;
        }
        Ok(())
    }
}

/// The levels from `n_leaves` leaves to the total.
fn levels(
    device: &Device,
    n_leaves: usize,
    n_sums: usize,
    leaves_per_page: usize,
) -> Result<Vec<Level>> {
    let mut levels = Vec::new();
    let (mut n_nodes, mut nodes_per_page) = (n_leaves, leaves_per_page);
    loop {
        let length = nodes_per_page.min(n_nodes);
        let mut within = Vec::new();
        let mut n_within = length.div_ceil(FOLD_NODES);
        while n_within > 1 {
            within.push(node_buffer(device, n_within, n_sums)?);
            n_within = n_within.div_ceil(FOLD_NODES);
        }
        levels.push(Level {
            n_nodes,
            nodes_per_page,
            page: node_buffer(device, length, n_sums)?,
            within,
        });
        if n_nodes == 1 {
            return Ok(levels);
        }
        n_nodes = n_nodes.div_ceil(nodes_per_page);
        nodes_per_page = leaves_per_page.max(2);
    }
}

fn node_buffer(device: &Device, n_nodes: usize, n_sums: usize) -> Result<Buffer> {
    let bytes = 4 * n_nodes as u64 * n_sums as u64;
    let most = device.max_binding_bytes();
    if bytes > most {
        return Err(device.limit(format!(
            "{n_nodes} × {n_sums} sums in float32 need {bytes} bytes in one binding; the limit is {most}"
        )));
    }
    device.check_host_memory(&format!("{n_nodes} sums"), bytes)?;
    device.storage(&format!("{n_nodes} sums"), n_nodes * n_sums)
}

#[cfg(test)]
mod tests {
    use super::Tree;
    use crate::gpu::device::Device;
    use crate::gpu::device::tests::device;
    use crate::leaves::Fold;
    use crate::random::test_numbers;
    use rand::RngExt;

    /// Fills the leaves with `nodes` and folds them.
    fn folded(device: &Device, nodes: &[f32], n_sums: usize, max_bytes: Option<u64>) -> Vec<f32> {
        let parameters = device.storage("parameters", n_sums).unwrap();
        let target = Some((&parameters, n_sums));
        let n_leaves = nodes.len() / n_sums;
        let tree = Tree::new(device, n_leaves, n_sums, target, max_bytes).unwrap();
        tree.poison(device).unwrap();
        let mut end = 0;
        for nodes in nodes.chunks(tree.leaves_per_page * n_sums) {
            device.write(tree.page(), 0, bytemuck::cast_slice(nodes));
            let leaves = end..end + nodes.len() / n_sums;
            end = leaves.end;
            let fold = |pass: &mut wgpu::ComputePass<'_>| tree.record_due(pass, end);
            device.run_pass("fold", fold).unwrap();
            let skipped = leaves.start + leaves.len() / 3;
            let read = tree.read_leaves(device, skipped..end).unwrap();
            assert_eq!(read, nodes[leaves.len() / 3 * n_sums..], "leaves of a page");
        }
        device.read(tree.total(), 0, n_sums).unwrap()
    }

    /// Node counts around one and two levels, columns that do not fill a workgroup and columns of more workgroups than a
    /// dimension has. The values are small integers, whose sums are exact: every node counts once, none twice, and the NaN that
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
            (2, 262_145),
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

    /// Nodes of the pages of each level, for which memory is held.
    #[test]
    fn a_few_pages_hold_the_sums_of_any_number_of_leaves() {
        let device = device();
        for (n_leaves, expected) in [
            (1, vec![1]),
            (16, vec![16, 1]),
            (17, vec![16, 2, 1]),
            (5000, vec![16, 16, 16, 2, 1]),
        ] {
            let tree = Tree::new(&device, n_leaves, 4, None, Some(16 * 16)).unwrap();
            let nodes = |level: &super::Level| level.page.size() / 16;
            let found: Vec<u64> = tree.levels.iter().map(nodes).collect();
            assert_eq!(found, expected, "{n_leaves} leaves");
        }
    }
}
