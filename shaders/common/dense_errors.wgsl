// dense_errors: the errors of a layer, dloss/dz (n_rows, layer.output_width) vec4, that other kernels have found.
@group(0) @binding(1) var<storage, read> errors: array<vec4<f32>>;

const E_LOADS = ROWS * DEPTH / WORKGROUP_SIZE;

// 0 past the end of a row, and past the last row.
fn e_vector(row: u32, vector: u32) -> vec4<f32> {
    let exists = row < params.n_rows && vector < layer.output_width;
    let at = min(row, params.n_rows - 1u) * layer.output_width + min(vector, layer.output_width - 1u);
    return select(vec4(0.0), errors[at], exists);
}

// Loads the errors of the outputs from number `output` on. `is_first` matters to common/errors_of_outputs.wgsl alone.
fn load_errors(first_row: u32, output: u32, is_first: bool, invocation: u32) {
    for (var i = 0u; i < E_LOADS; i++) { // unroll
        let at = i * WORKGROUP_SIZE + invocation;
        let line = at / DEPTH;
        e_tile[line * STRIDE + at % DEPTH] = e_vector(first_row + line, output / 4u + at % DEPTH);
    }
}
