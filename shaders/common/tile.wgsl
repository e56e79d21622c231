// tile: a workgroup of 256 invocations takes a tile of 64 x 64 numbers of a product, an invocation 4 x 4 of them.
// The contraction goes through workgroup memory, DEPTH vec4 (16 numbers) of it at a time. Each number of the product
// is one accumulator, from 0 up in the order of the contraction, by explicit fma: so no tile and no block of rows
// decides its bits. CPU twin: src/cpu/dense.rs, whose chains have the same order.
// A block is some whole leaves of a chunk; the values of hidden layers exist for one block at a time.
struct Params {
    n_rows: u32,    // rows of the block
    first_row: u32, // number of the block's first row in its chunk
    first_leaf: u32, // number of the block's first leaf in its page of leaf sums
    rows_per_leaf: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

const TILE = 64u;
const ACROSS = 16u;
const WORKGROUP_SIZE = 256u;
const DEPTH = 4u;
const STRIDE = 5u; // vec4 from one row of a tile to the next; odd, so that neighbours lie in different banks
