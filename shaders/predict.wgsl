// predict: z = x W^T + b and y = activation(z).                                  (writes with =)
// inputs (n_samples, I) as in parts/storage_*.wgsl, parameters as in parts/forward.wgsl; pre_activations
// and predictions (n_samples, OUTPUTS), row-major. One workgroup a leaf of ROWS_PER_LEAF rows, and the
// forward pass of leaf_sums; who owns a value writes it. CPU twin: cpu::Cpu::predict.
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> pre_activations: array<f32>;
@group(0) @binding(4) var<storage, read_write> predictions: array<f32>;

fn run(leaf: u32, invocation: u32) {
    let lane = invocation % LANES;
    load_parameters(lane);
    let start = leaf * ROWS_PER_LEAF;
    let end = min(start + ROWS_PER_LEAF, params.n_samples);
    for (var row = start; row < end; row += ROWS_IN_FLIGHT) {
        let first = row + invocation / LANES;
        load_rows(first, lane);
        forward(invocation);
        prepare_activations(invocation);
        for (var v = 0u; v < N_VALUES; v += LANES) { // unroll
            let value = v + lane;
            let at_row = first + value / OUTPUTS * GROUPS;
            if value < N_VALUES && at_row < end {
                let at = at_row * OUTPUTS + value % OUTPUTS;
                pre_activations[at] = z[v / LANES];
                predictions[at] = activation(value, z[v / LANES]);
            }
        }
        // What other lanes still read is not yet to be overwritten.
        if LANES > SHUFFLED {
            workgroupBarrier();
        }
    }
}
