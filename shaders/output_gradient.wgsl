// output_gradient: of each row of a block e = dloss/dz of the last layer, and the loss and dy/dz summed over its outputs;
// all times the weight of the row if rows are WEIGHTED.                                 (writes with =)
// Operands as in common/output_targets.wgsl; of_rows (n_rows) vec2 (loss, dy/dz), which row_losses.wgsl adds up.
// A workgroup takes ROWS_PER_WORKGROUP rows, which its invocations share as in common/output_lanes.wgsl.
// CPU twin: output_errors in src/cpu/dense/pass.rs.
@group(0) @binding(4) var<storage, read_write> of_rows: array<vec2<f32>>;

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
    let of_row = common_of_row(row, invocation);
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
            let y = activation_of(z, of_row);
            sums += vec2(loss_of(z, y, t, of_row), slope_of(z, y));
            error = weight * loss_grad_z(z, y, t);
        }
        if exists {
            set_error(row, o, error);
        }
    }
    let sum = sum_of_row(sums, invocation);
    if exists && lane == 0u {
        of_rows[row] = weight * sum;
    }
}
