// output_targets: the operands of the kernels that find the errors of the last layer.
// pre_activations and errors (n_rows, PADDED), 0 in the padding of errors; targets (rows of the chunk, OUTPUTS and
// the weight of the row if rows are WEIGHTED).
@group(0) @binding(1) var<storage, read> pre_activations: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read_write> errors: array<f32>;

const PADDED = (OUTPUTS + 3u) / 4u * 4u;
const TARGET_WIDTH = OUTPUTS + WEIGHTED;

fn z_of(row: u32, output: u32) -> f32 {
    return pre_activations[row * PADDED + output];
}

fn set_error(row: u32, output: u32, error: f32) {
    errors[row * PADDED + output] = error;
}
