// one_leaf: n_iterations times parameters = parameters - rate * gradient, where the gradient is that of all
// rows, which are one leaf.                                     (parameters with -=, leaf_sums with =)
// Shapes as in leaf_sums.wgsl; leaf_sums (1, VEC4_PER_LEAF) are the sums of the last iteration, taken before its
// update. A rate of 0 leaves the parameters as they are.
// One workgroup for all; parameters stay in registers, and so do the rows where ROUNDS is 1.
// CPU twin: src/cpu/descent.rs.
@group(0) @binding(2) var<storage, read_write> parameters: array<vec4<f32>>;

fn load(first: u32, lane: u32) {
    load_rows(first, lane);
    load_targets(first, lane);
}

fn update_parameters(lane: u32) {
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        for (var k = 0u; k < VEC4_PER_LANE; k++) { // unroll
            if lane + k * LANES_PER_ROW < VEC4_PER_ROW {
                weight[o][k] -= params.rate * sums[o * VEC4_PER_LANE + k];
            }
        }
        if HAS_BIAS == 1u && lane == 0u {
            bias[o] -= params.rate * sums[SUMS_BIAS_AT + o / 4u][o % 4u];
        }
    }
}

fn write_parameters(invocation: u32) {
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        for (var k = 0u; k < VEC4_PER_LANE; k++) { // unroll
            let vector = invocation + k * LANES_PER_ROW;
            if invocation < LANES_PER_ROW && vector < VEC4_PER_ROW {
                parameters[o * VEC4_PER_ROW + vector] = weight[o][k];
            }
        }
        if invocation == 0u {
            parameters[BIAS_AT + o / 4u][o % 4u] = bias[o];
        }
    }
}

fn run(leaf: u32, invocation: u32) {
    let lane = invocation % LANES_PER_ROW;
    let group = invocation / LANES_PER_ROW;
    let end = params.n_samples;
    load_parameters(lane);
    if ROUNDS == 1u {
        load(group, lane);
    }
    for (var iteration = 0u; iteration < params.n_iterations; iteration++) {
        clear_sums();
        for (var round = 0u; round < ROUNDS; round++) {
            let first = round * ROWS_PER_ROUND + group;
            if ROUNDS > 1u {
                load(first, lane);
            }
            add_rows(first, end, invocation);
        }
        sum_groups(invocation);
        if params.rate != 0.0 {
            update_parameters(lane);
        }
        // Others may still read what sum_subgroups writes next.
        if LANES_PER_ROW > LANES_PER_SUBGROUP {
            workgroupBarrier();
        }
    }
    write_sums(leaf, invocation);
    if params.rate != 0.0 {
        write_parameters(invocation);
    }
}
