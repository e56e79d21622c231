// output_gradient: of each row of a block e = dloss/dz of the last layer; of each leaf the loss and dy/dz, summed
// over its rows and outputs; all times the weight of the row if rows are WEIGHTED.      (writes with =)
// Operands as in common/output_targets.wgsl; leaf_sums (n_leaves, params.leaf_width) vec4, whose last is (loss, dy/dz,
// 0, 0).
// A workgroup takes one leaf (workgroup_id.x); an invocation every 256th of its rows.
// CPU twin: output_errors in src/cpu/dense/pass.rs.
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
        own += find_errors(row, row_at(params.first_row + row) * TARGET_WIDTH);
    }
    write_loss(workgroup.x, own, invocation);
}
