// leaf_sums: for each leaf, the sums over its rows of dloss/dW = grad_z x, dloss/db = grad_z, the
// loss and dy/dz, where grad_z = dloss/dz; each row is read once.              (writes with =)
// inputs (n_samples, I) as in parts/storage_*.wgsl, targets as in parts/backward.wgsl, parameters as in
// parts/forward.wgsl; leaf_sums (n_leaves, N_COLUMNS) vec4: the parameters' layout, then
// (loss, dy/dz, 0, 0).
// One workgroup a leaf of ROWS_PER_LEAF rows. CPU twin: cpu::Cpu::leaf_sums.
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;

fn run(leaf: u32, invocation: u32) {
    let lane = invocation % LANES;
    load_parameters(lane);
    let start = leaf * ROWS_PER_LEAF;
    let end = min(start + ROWS_PER_LEAF, params.n_samples);
    for (var row = start; row < end; row += ROWS_IN_FLIGHT) {
        let first = row + invocation / LANES;
        load_rows(first, lane);
        load_targets(first, lane);
        add_rows(first, end, invocation);
    }
    sum_groups(invocation);
    write_sums(params.first_leaf + leaf, invocation);
}
