// one_leaf: n_iterations times parameters = parameters - rate * gradient, the gradient that of all the
// rows, which are one leaf.                                     (parameters with -=, sums with =)
// Shapes as in leaf_sums.wgsl; leaf_sums (1, N_COLUMNS) are the sums of the last iteration, before its
// update. A rate of 0 leaves the parameters as they are.
// One workgroup; parameters stay in registers, and rows too where ROUNDS is 1. CPU twin: cpu::Descent.
@group(0) @binding(2) var<storage, read_write> parameters: array<vec4<f32>>;

fn load(first: u32, lane: u32) {
    load_rows(first, lane);
    load_targets(first, lane);
}

fn update_parameters(lane: u32) {
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        for (var k = 0u; k < VECTORS; k++) { // unroll
            if lane + k * LANES < N_VECTORS {
                weight[o][k] -= params.rate * sums[o * VECTORS + k];
            }
        }
        if BIAS == 1u && lane == 0u {
            bias[o] -= params.rate * sums[SUMS_BIAS_AT + o / 4u][o % 4u];
        }
    }
}

fn write_parameters(invocation: u32) {
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        for (var k = 0u; k < VECTORS; k++) { // unroll
            let vector = invocation + k * LANES;
            if invocation < LANES && vector < N_VECTORS {
                parameters[o * N_VECTORS + vector] = weight[o][k];
            }
        }
        if invocation == 0u {
            parameters[BIAS_AT + o / 4u][o % 4u] = bias[o];
        }
    }
}

fn run(leaf: u32, invocation: u32) {
    let lane = invocation % LANES;
    let group = invocation / LANES;
    let end = params.n_samples;
    load_parameters(lane);
    if ROUNDS == 1u {
        load(group, lane);
    }
    for (var iteration = 0u; iteration < params.n_iterations; iteration++) {
        clear_sums();
        for (var round = 0u; round < ROUNDS; round++) {
            let first = round * ROWS_IN_FLIGHT + group;
            if ROUNDS > 1u {
                load(first, lane);
            }
            add_rows(first, end, invocation);
        }
        sum_groups(invocation);
        if params.rate != 0.0 {
            update_parameters(lane);
        }
    }
    write_sums(leaf, invocation);
    if params.rate != 0.0 {
        write_parameters(invocation);
    }
}
