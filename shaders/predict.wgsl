// predict: z = x W^T + b and y = activation(z).                                  (writes with =)
// inputs (n_samples, I) as in common/inputs_*.wgsl, parameters as in common/forward.wgsl; pre_activations
// and predictions (n_samples, OUTPUTS), row-major.
// One workgroup a leaf of ROWS_PER_LEAF rows, as in leaf_sums.wgsl; the lane that owns a value writes it.
// CPU twin: Cpu::predict in src/cpu.rs.
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> pre_activations: array<f32>;
@group(0) @binding(4) var<storage, read_write> predictions: array<f32>;

fn run(leaf: u32, invocation: u32) {
    let lane = invocation % LANES_PER_ROW;
    load_parameters(lane);
    let start = leaf * ROWS_PER_LEAF;
    let end = min(start + ROWS_PER_LEAF, params.n_samples);
    for (var row = start; row < end; row += ROWS_PER_ROUND) {
        let first = row + invocation / LANES_PER_ROW;
        load_rows(first, lane);
        forward(invocation);
        prepare_activations(invocation);
        for (var v = 0u; v < VALUES_PER_GROUP; v += LANES_PER_ROW) { // unroll
            let value = v + lane;
            let value_row = first + value / OUTPUTS * GROUPS;
            if value < VALUES_PER_GROUP && value_row < end {
                let at = value_row * OUTPUTS + value % OUTPUTS;
                let z = own_z[v / LANES_PER_ROW];
                pre_activations[at] = z;
                predictions[at] = activation_of(z, softmax_of_row(value));
            }
        }
        // Other lanes may still read what sum_subgroups writes next.
        if LANES_PER_ROW > LANES_PER_SUBGROUP {
            workgroupBarrier();
        }
    }
}
