// block: the block of rows that a dispatch of a dense network works on: some whole leaves of a chunk.
struct Params {
    n_rows: u32,     // rows of the block
    first_row: u32,  // number of the block's first row in its chunk
    first_leaf: u32, // number of the block's first leaf in its page of leaf sums
    rows_per_leaf: u32,
    place_low: u32,  // of the block's first row among all, or in its batch: the lower word
    place_high: u32,
    leaf_width: u32, // vec4 of the sums of a leaf
    _pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
