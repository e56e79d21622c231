//! The sums of the leaves on the device, and the dispatches that fold them to one.

use super::device::Device;
use super::kernels::{self, FOLD_COLUMNS, FOLD_NODES, FoldParams};
use super::pipeline::Pipeline;
use super::to_u32;
use crate::error::Result;

#[derive(Debug)]
pub(super) struct Tree {
    /// The sums of every leaf, of every 1,024 leaves, and so on to one.
    levels: Vec<wgpu::Buffer>,
    /// From each level to the next.
    fold: Pipeline,
}

impl Tree {
    /// Room for `n_leaves` sums of `n_sums` floats, a multiple of 4.
    pub(super) fn new(device: &mut Device, n_leaves: usize, n_sums: usize) -> Result<Self> {
        let n_columns = n_sums / 4;
        let mut fold = Pipeline::new(device, &kernels::fold())?;
        let mut levels = vec![level(device, n_leaves, n_sums)?];
        let mut n_nodes = n_leaves;
        while n_nodes > 1 {
            let params = FoldParams {
                n_nodes: to_u32(n_nodes),
                n_columns: to_u32(n_columns),
                _pad: [0; 2],
            };
            n_nodes = n_nodes.div_ceil(FOLD_NODES);
            let params = device.uniform("fold.params", &params)?;
            let folded = level(device, n_nodes, n_sums)?;
            let buffers = [&params, &levels[levels.len() - 1], &folded];
            let workgroups = [n_columns.div_ceil(FOLD_COLUMNS), n_nodes];
            fold.add(device, &buffers, workgroups)?;
            levels.push(folded);
        }
        Ok(Self { levels, fold })
    }

    pub(super) fn leaves(&self) -> &wgpu::Buffer {
        &self.levels[0]
    }

    /// The sum over all leaves.
    pub(super) fn total(&self) -> &wgpu::Buffer {
        &self.levels[self.levels.len() - 1]
    }

    pub(super) fn n_dispatches(&self) -> usize {
        self.fold.n_dispatches()
    }

    /// Records the way from the leaves to the total.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.fold.record(pass);
    }

    /// Fills every level with NaN.
    pub(super) fn poison(&self, device: &Device) -> Result<()> {
        self.levels
            .iter()
            .try_for_each(|level| device.poison(level))
    }
}

fn level(device: &mut Device, n_nodes: usize, n_sums: usize) -> Result<wgpu::Buffer> {
    let (bytes, most) = (
        4 * n_nodes as u64 * n_sums as u64,
        device.max_binding_bytes(),
    );
    if bytes > most {
        return Err(device.limit(format!(
            "the sums of {n_nodes} leaves need {bytes} bytes in one binding; the limit is {most}; take fewer rows or outputs, or --backend cpu"
        )));
    }
    device.storage(&format!("sums of {n_nodes} leaves"), n_nodes * n_sums)
}

#[cfg(test)]
mod tests {
    use super::Tree;
    use crate::gpu::tests::device;
    use crate::leaves::Fold;

    /// Node counts around one and two levels, columns that do not fill a workgroup. The values are
    /// small integers, whose sums are exact: every node counts once, none twice, and the NaN that
    /// filled the outputs is gone.
    #[test]
    #[expect(clippy::float_cmp, reason = "sums of small integers are exact")]
    fn every_node_counts_once() {
        let mut device = device();
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
            let tree = Tree::new(&mut device, n_nodes, n_sums).unwrap();
            tree.poison(&device).unwrap();
            device.write(tree.leaves(), 0, bytemuck::cast_slice(&nodes));
            device.run_pass("fold", |pass| tree.record(pass)).unwrap();
            let total = device.read(tree.total(), 0, n_sums).unwrap();
            for (column, total) in total.iter().enumerate() {
                let expected: f64 = nodes
                    .iter()
                    .skip(column)
                    .step_by(n_sums)
                    .map(|x| f64::from(*x))
                    .sum();
                assert_eq!(
                    f64::from(*total),
                    expected,
                    "{n_nodes} nodes, column {column} of {n_sums}"
                );
            }
        }
    }

    /// Values of all sizes, so that another tree gives other bits; additions alone, each rounded to
    /// the nearest, so that the same tree gives the same bits as f32 on the host.
    #[test]
    fn the_tree_is_the_one_of_the_leaves() {
        let mut device = device();
        for n_nodes in [2, 7, 100, 1500] {
            let value = |i: usize| {
                let word = u32::try_from(i).unwrap().wrapping_mul(2_654_435_761);
                f32::from_bits(0x3f00_0000 | (word >> 9)) * if word & 1 == 0 { 1.0 } else { -3e-3 }
            };
            let nodes: Vec<f32> = (0..4 * n_nodes).map(value).collect();
            let tree = Tree::new(&mut device, n_nodes, 4).unwrap();
            tree.poison(&device).unwrap();
            device.write(tree.leaves(), 0, bytemuck::cast_slice(&nodes));
            device.run_pass("fold", |pass| tree.record(pass)).unwrap();
            let total = device.read(tree.total(), 0, 4).unwrap();
            let mut fold = Fold::new(|left: &mut [f32; 4], right: &[f32; 4]| {
                left.iter_mut()
                    .zip(right)
                    .for_each(|(left, right)| *left += right);
            });
            nodes.as_chunks().0.iter().for_each(|node| fold.push(*node));
            assert_eq!(Some(total), fold.finish().map(Vec::from), "{n_nodes} nodes");
        }
    }
}
