// output_predictions: z and y = activation(z) of the rows of a block.             (writes with =)
// Operands as in common/output_values.wgsl. A workgroup takes ROWS_PER_WORKGROUP rows, which its invocations share as
// in common/output_lanes.wgsl.
// CPU twin: Network::forward in src/network/forward.rs.
@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let wanted = workgroup.x * ROWS_PER_WORKGROUP + invocation / OUTPUT_LANES;
    // All invocations meet at each barrier: those past the last row take it once more, and write nothing.
    let row = min(wanted, params.n_rows - 1u);
    let of_row = common_of_row(row, invocation);
    if wanted < params.n_rows {
        for (var o = invocation % OUTPUT_LANES; o < OUTPUTS; o += OUTPUT_LANES) {
            let at = (params.first_row + row) * OUTPUTS + o;
            pre_activations[at] = z_of(row, o);
            predictions[at] = activation_of(z_of(row, o), of_row);
        }
    }
}
