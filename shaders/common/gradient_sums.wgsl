// gradient_sums: keeps what dense_gradient.wgsl finds as the sums of leaves.                 (writes with =)
// leaf_sums (n_leaves, params.leaf_width) vec4, laid out as the parameters.
@group(0) @binding(3) var<storage, read_write> leaf_sums: array<vec4<f32>>;

fn prepare(is_first: bool, invocation: u32) {}

// Takes vec4 `column` of the gradient of leaf `leaf` of the block.
fn take(leaf: u32, column: u32, sum: vec4<f32>) {
    leaf_sums[(params.first_leaf + leaf) * params.leaf_width + column] = sum;
}
