// output_values: the operands of the kernels that find the predictions of the last layer.
// z (n_rows, PADDED); pre_activations and predictions (rows of the chunk, OUTPUTS), without padding.
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> pre_activations: array<f32>;
@group(0) @binding(3) var<storage, read_write> predictions: array<f32>;

const PADDED = (OUTPUTS + 3u) / 4u * 4u;

fn z_of(row: u32, output: u32) -> f32 {
    return z[row * PADDED + output];
}
