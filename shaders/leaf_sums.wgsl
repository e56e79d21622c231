// leaf_sums: for each leaf, the sums over its rows of dloss/dW = grad_z x, dloss/db = grad_z, the loss and
// dy/dz, where grad_z = dloss/dz; each row is read once.                        (writes with =)
// inputs (n_samples, I) as in common/inputs_*.wgsl, parameters as in common/forward.wgsl, targets and leaf_sums
// as in common/backward.wgsl.
// One workgroup a leaf of ROWS_PER_LEAF rows, ROWS_PER_ROUND of them in flight; within it the mapping of
// common/forward.wgsl. CPU twin: Cpu::leaf_sums in src/cpu.rs, with src/cpu/leaf.rs.
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;

fn run(leaf: u32, invocation: u32) {
    let lane = invocation % LANES_PER_ROW;
    load_parameters(lane);
    let start = leaf * ROWS_PER_LEAF;
    let end = min(start + ROWS_PER_LEAF, params.n_samples);
    for (var row = start; row < end; row += ROWS_PER_ROUND) {
        let first = row + invocation / LANES_PER_ROW;
        load_rows(first, lane);
        load_targets(first, lane);
        add_rows(first, end, invocation);
    }
    sum_groups(invocation);
    write_sums(params.first_leaf + leaf, invocation);
}
