//! The forward pass of dense networks: pre-activations and activations of every layer, for a block of leaves at a time.

use super::chunk::Chunk;
use super::dense_kernels::DenseKernel;
use super::device::{Buffer, Device};
use super::input_format::InputFormat;
use super::memory_plan::cut;
use super::params::{BlockParams, to_u32};
use super::pipeline::{DynamicOffsets, Pipeline};
use super::resources::{BatchRows, Resources, row_buffers};
use super::tile::Tile;
use crate::error::{Error, Result};
use crate::leaves::Leaves;
use crate::network::{Activation, Layer};
use crate::random::words;
use std::ops::Range;

/// Bytes of the values of a block, about: they stay in the cache of a GPU.
const BLOCK_BYTES: usize = 1 << 24;

/// Some whole leaves of a chunk.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) chunk: usize,
    /// Its rows among all, or in their batch.
    pub(super) rows: Range<usize>,
    /// Its leaves among all, which are of one page.
    pub(super) leaves: Range<usize>,
    /// A [`BlockParams`].
    pub(super) params: Buffer,
    /// The inputs and targets of its chunk.
    inputs: Buffer,
    pub(super) targets: Buffer,
}

/// The values of one layer for the rows of a block, each (rows, O padded to vec4).
#[derive(Debug)]
pub(super) struct Values {
    pub(super) pre_activations: Buffer,
    pub(super) activations: Buffer,
    /// dloss/dz.
    pub(super) errors: Buffer,
}

impl Values {
    /// The values of each of `layers` for a block of `most` leaves, or of as many as the device grants memory for, and
    /// how many that are; a block of some leaves has at most `rows` of them.
    fn granted(
        device: &Device,
        layers: &[Layer],
        most: usize,
        rows: impl Fn(usize) -> usize,
    ) -> Result<(Vec<Self>, usize)> {
        let mut n_leaves = most;
        loop {
            let of_layer = |layer: &Layer| Self::new(device, layer, rows(n_leaves));
            match layers.iter().map(of_layer).collect() {
                Ok(values) => return Ok((values, n_leaves)),
                Err(Error::DeviceMemory { .. }) if n_leaves > 1 => n_leaves /= 2,
                Err(error) => return Err(error),
            }
            // The memory that was granted comes back with the next wait.
            device.finish_writes()?;
        }
    }

    fn new(device: &Device, layer: &Layer, n_rows: usize) -> Result<Self> {
        let of_rows = |what: &str| {
            let n_outputs = layer.n_outputs;
            let label = format!("{what} of {n_outputs} units for a block of {n_rows} rows");
            device.storage(&label, n_rows * padded(layer))
        };
        Ok(Self {
            pre_activations: of_rows("pre-activations")?,
            activations: of_rows("activations")?,
            errors: of_rows("errors")?,
        })
    }
}

/// Floats of a row of the values of `layer`.
fn padded(layer: &Layer) -> usize {
    layer.n_outputs.next_multiple_of(4)
}

/// The forward pass of each block.
#[derive(Debug)]
pub(super) struct Forward {
    pub(super) blocks: Vec<Block>,
    /// The blocks of each chunk.
    pub(super) blocks_of_chunks: Vec<Range<usize>>,
    /// The values of each layer for one block; the blocks take turns.
    pub(super) values: Vec<Values>,
    pub(super) kernels: Vec<DenseKernel>,
    /// A [`LayerParams`](super::params::LayerParams) for each layer.
    pub(super) params: Vec<Buffer>,
    /// One for each layer, with a dispatch for each block.
    pub(super) pipelines: Vec<Pipeline>,
}

impl Forward {
    /// The forward pass of the rows of `chunks`, whose leaves are `leaves` and have pages of `per_page`; of a batch if
    /// `rows` are its numbers.
    pub(super) fn new(
        device: &Device,
        resources: &Resources<'_>,
        (leaves, per_page): (Leaves, usize),
        chunks: &[Chunk],
        rows: Option<&BatchRows>,
    ) -> Result<Self> {
        let (problem, layout) = (&resources.problem, &resources.layout);
        let format = InputFormat::new(problem.dataset.quantization());
        let layers = problem.network.layers();
        let rows_per_leaf = leaves.rows_per_leaf();
        let row_bytes: usize = layers.iter().map(|it| 3 * 4 * padded(it)).sum();
        let most = (BLOCK_BYTES / (row_bytes * rows_per_leaf)).max(1);
        let (values, leaves_per_block) = Values::granted(device, layers, most, |n_leaves| {
            let rows = chunks.iter().map(|chunk| chunk.rows.len());
            rows.max().unwrap_or(0).min(n_leaves * rows_per_leaf)
        })?;
        let cut = (leaves_per_block, per_page);
        let (blocks, blocks_of_chunks) = blocks(device, leaves, cut, layout.n_sums() / 4, chunks)?;
        let drops = resources.masks.is_some();
        let kernels = layout.layers.iter().enumerate();
        let kernels = kernels.map(|(at, layer)| DenseKernel {
            layout: *layer,
            data: (at == 0).then_some((format, BatchRows::order(rows))),
            drops: drops && at + 1 < layers.len(),
            drops_below: drops && at > 0,
        });
        let kernels: Vec<_> = kernels.collect();
        let params = kernels.iter().enumerate();
        let params = params.map(|(at, kernel)| device.uniform("layer.params", &kernel.params(at)));
        let mut forward = Self {
            blocks,
            blocks_of_chunks,
            values,
            params: params.collect::<Result<_>>()?,
            kernels,
            pipelines: Vec::new(),
        };
        for at in 0..forward.kernels.len() {
            let pipeline = forward.pipeline(device, resources, rows, at)?;
            forward.pipelines.push(pipeline);
        }
        Ok(forward)
    }

    /// The forward pass of layer `at`, with a dispatch for each block.
    fn pipeline(
        &self,
        device: &Device,
        resources: &Resources<'_>,
        rows: Option<&BatchRows>,
        at: usize,
    ) -> Result<Pipeline> {
        let (kernel, is_last) = (&self.kernels[at], at == self.last());
        // The last layer's activations are those of its outputs, which other kernels compute.
        let activation = match is_last {
            true => Activation::Identity,
            false => kernel.layout.layer.activation,
        };
        let n_outputs = kernel.layout.layer.n_outputs;
        let tile = Tile::of([self.max_rows(), n_outputs], 1);
        let mut pipeline = Pipeline::new(device, &kernel.forward(activation, tile))?;
        let values = &self.values[at];
        for block in &self.blocks {
            let x = self.inputs(at, block);
            let mut buffers = vec![&block.params, x, &resources.parameters];
            buffers.extend([&values.pre_activations, &values.activations]);
            buffers.push(&self.params[at]);
            buffers.extend(row_buffers(resources, rows).filter(|_| at == 0));
            let masks = resources.masks.as_ref().filter(|_| !is_last);
            buffers.extend(masks.map(|masks| &masks.buffer));
            let product = [block.rows.len(), n_outputs];
            pipeline.add(device, &buffers, tile.workgroups(product))?;
        }
        Ok(pipeline)
    }

    /// What layer `at` multiplies: the data of `block`, or the activations below it.
    pub(super) fn inputs<'b>(&'b self, at: usize, block: &'b Block) -> &'b Buffer {
        match at {
            0 => &block.inputs,
            _ => &self.values[at - 1].activations,
        }
    }

    /// The number of the last layer.
    pub(super) fn last(&self) -> usize {
        self.kernels.len() - 1
    }

    /// Rows of the longest block.
    pub(super) fn max_rows(&self) -> usize {
        let rows = self.blocks.iter().map(|block| block.rows.len());
        rows.max().unwrap_or(0)
    }

    /// What writes pre-activations and predictions into `buffers`, with a dispatch for each block.
    pub(super) fn predictions(&self, device: &Device, buffers: [&Buffer; 2]) -> Result<Pipeline> {
        let kernel = &self.kernels[self.last()];
        let mut pipeline = Pipeline::new(device, &kernel.predictions())?;
        let z = &self.values[self.last()].pre_activations;
        for block in &self.blocks {
            let buffers = [&block.params, z, buffers[0], buffers[1]];
            let workgroups = kernel.workgroups_of_rows(block.rows.len());
            pipeline.add(device, &buffers, [workgroups])?;
        }
        Ok(pipeline)
    }

    /// Records the forward pass of block `block` for the update and the batch at `offsets`.
    pub(super) fn record_block(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        block: usize,
        offsets: DynamicOffsets,
    ) {
        for pipeline in &self.pipelines {
            pipeline.record_at(pass, block, offsets);
        }
    }
}

/// The blocks of `chunks`, of at most `most` leaves and within a page of `per_page`, whose sums have `leaf_width` vec4, and
/// those of each chunk.
fn blocks(
    device: &Device,
    leaves: Leaves,
    (most, per_page): (usize, usize),
    leaf_width: usize,
    chunks: &[Chunk],
) -> Result<(Vec<Block>, Vec<Range<usize>>)> {
    let (mut places, mut all_params, mut of_chunks) = (Vec::new(), Vec::new(), Vec::new());
    for (number, chunk) in chunks.iter().enumerate() {
        let first_block = places.len();
        let of_chunk = chunk.leaves.clone();
        for block in cut(of_chunk, most, per_page) {
            let first_row = (block.start - chunk.leaves.start) * leaves.rows_per_leaf();
            let rows = chunk.rows.start + first_row;
            let rows = rows..(rows + block.len() * leaves.rows_per_leaf()).min(chunk.rows.end);
            let [place_low, place_high] = words(rows.start as u64);
            all_params.push(BlockParams {
                n_rows: to_u32(rows.len()),
                first_row: to_u32(first_row),
                first_leaf: to_u32(block.start % per_page),
                rows_per_leaf: to_u32(leaves.rows_per_leaf()),
                place_low,
                place_high,
                leaf_width: to_u32(leaf_width),
                _pad: 0,
            });
            places.push((number, rows, block));
        }
        of_chunks.push(first_block..places.len());
    }
    let params = device.uniform_each("block.params", &all_params)?;
    let of_place = |((chunk, rows, leaves), params): ((usize, _, _), _)| Block {
        chunk,
        rows,
        leaves,
        params,
        inputs: chunks[chunk].inputs.clone(),
        targets: chunks[chunk].targets.clone(),
    };
    let blocks = places.into_iter().zip(params).map(of_place).collect();
    Ok((blocks, of_chunks))
}

#[cfg(test)]
mod tests {
    use super::Values;
    use crate::error::Error;
    use crate::gpu::adapter::AdapterKind;
    use crate::gpu::device::tests::{device, ran_in_little_memory};
    use crate::network::Network;

    /// Only a software adapter's memory can be taken away, as it is the host's. A leaf of 4,096 rows of 3 layers takes
    /// 150 MB; one of 400,000 more than the process may have.
    #[test]
    fn a_refused_block_becomes_smaller_before_it_is_an_error() {
        let device = device();
        if device.adapter.kind != AdapterKind::Software {
            return;
        }
        let name = "gpu::forward::tests::a_refused_block_becomes_smaller_before_it_is_an_error";
        if ran_in_little_memory(&device, name, 6_000_000) {
            return;
        }
        let layers = [Network::single_layer(1, 1024, true).layer(); 3];
        let (values, n_leaves) = Values::granted(&device, &layers, 64, |n| 4096 * n).unwrap();
        assert!((1..64).contains(&n_leaves), "{n_leaves} leaves");
        for values in values {
            let bytes = (4096 * n_leaves * 1024 * 4) as u64;
            assert_eq!(values.errors.size(), bytes, "{n_leaves} leaves");
        }
        device.finish_writes().unwrap();
        let refused = Values::granted(&device, &layers, 4, |n| 400_000 + n);
        let Err(Error::DeviceMemory { what, needed, .. }) = refused else {
            panic!("{refused:?}");
        };
        let block = "1024 units for a block of 400001 rows";
        assert!(what.ends_with(block), "{what}");
        assert_eq!(needed, 400_001 * 1024 * 4, "of one leaf");
    }
}
