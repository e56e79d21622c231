// loss_of_leaf: (loss, dy/dz) of the rows of an update, which are one leaf: from the last vec4 of its sums.
@group(0) @binding(3) var<storage, read> leaf_sums: array<vec4<f32>>;

fn loss_of_update(invocation: u32) -> vec2<f32> {
    return leaf_sums[params.leaf_width - 1u].xy;
}
