// gradient_sums: the epilogue of dense_gradient.wgsl that keeps the gradient as the sums of leaves.   (writes with =)
// leaf_sums (n_leaves, params.leaf_width) vec4, laid out as the parameters.
@group(0) @binding(3) var<storage, read_write> leaf_sums: array<vec4<f32>>;

fn begin_epilogue(is_first: bool, invocation: u32) {}

// Takes vec4 `column` of the gradient of leaf `leaf` of the block.
fn take_gradient(leaf: u32, column: u32, sum: vec4<f32>) {
    leaf_sums[(params.first_leaf + leaf) * params.leaf_width + column] = sum;
}
