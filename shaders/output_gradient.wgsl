// output_gradient: of each row of a block e = dloss/dz of the last layer; of each leaf the loss and dy/dz, summed
// over its rows and outputs; all times the weight of the row if rows are WEIGHTED.      (writes with =)
// Operands as in common/output_targets.wgsl; leaf_sums (n_leaves, VEC4_PER_LEAF) vec4, whose last vec4 is (loss, dy/dz,
// 0, 0).
// A workgroup takes one leaf (workgroup_id.x); an invocation every 256th of its rows, whose sums are then added in a
// fixed tree. CPU twin: output_errors in src/cpu/dense/pass.rs.
@group(0) @binding(4) var<storage, read_write> leaf_sums: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let start = workgroup.x * params.rows_per_leaf;
    let end = min(start + params.rows_per_leaf, params.n_rows);
    var own = vec2(0.0);
    for (var row = start + invocation; row < end; row += WORKGROUP_SIZE) {
        let of_row = common_of_row(row);
        let target_at = row_at(params.first_row + row) * TARGET_WIDTH;
        var weight = 1.0;
        if WEIGHTED == 1u {
            weight = targets[target_at + OUTPUTS];
        }
        var sums = vec2(0.0);
        for (var o = 0u; o < OUTPUTS; o++) {
            let z = z_of(row, o);
            let t = targets[target_at + o];
            let y = activation_of(z, of_row);
            sums += vec2(loss_of(z, y, t, of_row), slope_of(z, y));
            errors[row * PADDED + o] = weight * loss_grad_z(z, y, t);
        }
        for (var o = OUTPUTS; o < PADDED; o++) {
            errors[row * PADDED + o] = 0.0;
        }
        own += weight * sums;
    }
    write_loss(workgroup.x, own, invocation);
}
