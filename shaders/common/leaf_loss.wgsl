// leaf_loss: the loss and dy/dz of leaf `leaf` of a block, (loss, dy/dz, 0, 0) in the last vec4 of its sums: what the
// invocations of its workgroup have found, added in a fixed tree.
var<workgroup> loss_and_slope: array<vec2<f32>, WORKGROUP_SIZE>;

fn write_loss(leaf: u32, of_invocation: vec2<f32>, invocation: u32) {
    loss_and_slope[invocation] = of_invocation;
    for (var distance = 1u; distance < WORKGROUP_SIZE; distance *= 2u) {
        workgroupBarrier();
        if invocation % (2u * distance) == 0u {
            loss_and_slope[invocation] += loss_and_slope[invocation + distance];
        }
    }
    if invocation == 0u {
        let last = (params.first_leaf + leaf + 1u) * VEC4_PER_LEAF - 1u;
        leaf_sums[last] = vec4(loss_and_slope[0], 0.0, 0.0);
    }
}
