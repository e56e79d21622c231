// leaf_losses: of each leaf the loss and dy/dz, summed over its rows, each times its weight. The fma leaves no compiler the
// choice whether to round the product.                                              (writes with =)
// row_losses (n_rows) vec4 (loss, dy/dz, weight, 0); leaf_sums (n_leaves, params.leaf_width) vec4, whose last vec4 is
// (loss, dy/dz, 0, 0).
// A workgroup takes one leaf (workgroup_id.x); an invocation every 256th of its rows.
// CPU twin: output_errors in src/cpu/dense/pass.rs.
@group(0) @binding(1) var<storage, read> row_losses: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> leaf_sums: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let start = workgroup.x * params.rows_per_leaf;
    let end = min(start + params.rows_per_leaf, params.n_rows);
    var own = vec2(0.0);
    for (var row = start + invocation; row < end; row += WORKGROUP_SIZE) {
        own = fma(vec2(row_losses[row].z), row_losses[row].xy, own);
    }
    let sum = sum_of_workgroup(vec4(own, 0.0, 0.0), invocation);
    if invocation == 0u {
        leaf_sums[(params.first_leaf + workgroup.x + 1u) * params.leaf_width - 1u] = sum;
    }
}
