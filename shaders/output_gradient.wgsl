// output_gradient: of each row of a block e = dloss/dz of the last layer, times the weight of the row if rows are WEIGHTED;
// and the loss and dy/dz summed over its outputs, beside that weight.                   (writes with =)
// pre_activations and errors (n_rows, PADDED), 0 in the padding of errors; targets (rows of the chunk, OUTPUTS and the weight
// of the row if rows are WEIGHTED); row_losses (n_rows) vec4 (loss, dy/dz, weight, 0), which leaf_losses.wgsl adds up.
// A workgroup takes ROWS_PER_WORKGROUP rows, which its invocations share as in common/output_lanes.wgsl.
// CPU twin: output_errors in src/cpu/dense/pass.rs.
@group(0) @binding(1) var<storage, read> pre_activations: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read_write> errors: array<f32>;
@group(0) @binding(4) var<storage, read_write> row_losses: array<vec4<f32>>;

const PADDED = (OUTPUTS + 3u) / 4u * 4u;
const TARGET_WIDTH = OUTPUTS + WEIGHTED;

fn z_of(row: u32, output: u32) -> f32 {
    return pre_activations[row * PADDED + output];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let wanted = workgroup.x * ROWS_PER_WORKGROUP + invocation / OUTPUT_LANES;
    let exists = wanted < params.n_rows;
    // All invocations meet at each barrier: those past the last row take it once more, and write nothing.
    let row = min(wanted, params.n_rows - 1u);
    let lane = invocation % OUTPUT_LANES;
    let row_softmax = softmax_of_row(row, invocation);
    let target_at = row_at(params.first_row + row) * TARGET_WIDTH;
    var weight = 1.0;
    if WEIGHTED == 1u {
        weight = targets[target_at + OUTPUTS];
    }
    var sums = vec2(0.0);
    for (var o = lane; o < PADDED; o += OUTPUT_LANES) {
        var error = 0.0;
        if o < OUTPUTS {
            let z = z_of(row, o);
            let t = targets[target_at + o];
            let y = activation_of(z, row_softmax);
            sums += vec2(loss_of(z, y, t, row_softmax), slope_of(z, y));
            error = weight * loss_grad_z(z, y, t);
        }
        if exists {
            errors[row * PADDED + o] = error;
        }
    }
    let sum = sum_of_row(sums, invocation);
    if exists && lane == 0u {
        row_losses[row] = vec4(sum, weight, 0.0);
    }
}
