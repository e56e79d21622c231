// loss_of_rows: (loss, dy/dz) of the rows of an update, which are one leaf, from those of each row: in the order in which the
// LOSS_LANES invocations of leaf_losses.wgsl add them.
@group(0) @binding(3) var<storage, read> row_losses: array<vec4<f32>>;

var<workgroup> losses: array<vec2<f32>, LOSS_LANES>;

fn loss_of_update(invocation: u32) -> vec2<f32> {
    for (var lane = invocation; lane < LOSS_LANES; lane += WORKGROUP_SIZE) {
        var own = vec2(0.0);
        for (var row = lane; row < params.n_rows; row += LOSS_LANES) {
            own = fma(vec2(row_losses[row].z), row_losses[row].xy, own);
        }
        losses[lane] = own;
    }
    for (var distance = 1u; distance < LOSS_LANES; distance *= 2u) {
        workgroupBarrier();
        for (var lane = 2u * distance * invocation; lane < LOSS_LANES; lane += 2u * distance * WORKGROUP_SIZE) {
            losses[lane] += losses[lane + distance];
        }
    }
    return workgroupUniformLoad(&losses[0]);
}
