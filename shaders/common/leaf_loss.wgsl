// leaf_loss: the loss and dy/dz of leaf `leaf` of a block, (loss, dy/dz, 0, 0) in the last vec4 of its sums: what the
// invocations of its workgroup have found.
fn write_loss(leaf: u32, of_invocation: vec2<f32>, invocation: u32) {
    let sum = sum_of_workgroup(vec4(of_invocation, 0.0, 0.0), invocation);
    if invocation == 0u {
        leaf_sums[(params.first_leaf + leaf + 1u) * params.leaf_width - 1u] = sum;
    }
}
