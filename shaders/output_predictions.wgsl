// output_predictions: z and y = activation(z) of the rows of a block.             (writes with =)
// z (n_rows, PADDED); pre_activations and predictions (rows of the chunk, OUTPUTS), without padding.
// A workgroup takes ROWS_PER_WORKGROUP rows, which its invocations share as in common/output_lanes.wgsl.
// CPU twin: Network::forward in src/network/forward.rs.
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> pre_activations: array<f32>;
@group(0) @binding(3) var<storage, read_write> predictions: array<f32>;

const PADDED = (OUTPUTS + 3u) / 4u * 4u;

fn z_of(row: u32, output: u32) -> f32 {
    return z[row * PADDED + output];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let wanted = workgroup.x * ROWS_PER_WORKGROUP + invocation / OUTPUT_LANES;
    // All invocations meet at each barrier: those past the last row take it once more, and write nothing.
    let row = min(wanted, params.n_rows - 1u);
    let row_softmax = softmax_of_row(row, invocation);
    if wanted < params.n_rows {
        for (var o = invocation % OUTPUT_LANES; o < OUTPUTS; o += OUTPUT_LANES) {
            let at = (params.first_row + row) * OUTPUTS + o;
            pre_activations[at] = z_of(row, o);
            predictions[at] = activation_of(z_of(row, o), row_softmax);
        }
    }
}
