// output_predictions: z and y = activation(z) of the rows of a block.            (writes with =)
// Operands as in common/output_values.wgsl. An invocation takes one row.
// CPU twin: Network::forward in src/network/forward.rs.
@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row < params.n_rows {
        let of_row = common_of_row(row);
        for (var o = 0u; o < OUTPUTS; o++) {
            let at = (params.first_row + row) * OUTPUTS + o;
            pre_activations[at] = z_of(row, o);
            predictions[at] = activation_of(z_of(row, o), of_row);
        }
    }
}
