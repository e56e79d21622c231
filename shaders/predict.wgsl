// predict: z = x W^T + b and y = activation(z).                                  (writes with =)
// inputs (n_samples, I) as in parts/storage_*.wgsl, parameters as in parts/forward.wgsl;
// pre_activations and predictions (n_samples, OUTPUTS), row-major. One workgroup a leaf of ROWS_PER_LEAF rows, and the forward pass
// of leaf_sums; the first lane of a row writes. CPU twin: cpu::Cpu::predict.
@group(0) @binding(3) var<storage, read_write> pre_activations: array<f32>;
@group(0) @binding(4) var<storage, read_write> predictions: array<f32>;

fn write_rows(first: u32, end: u32) {
    for (var u = 0u; u < ROWS; u++) {
        let row = first + u * GROUPS;
        if row >= end {
            return;
        }
        for (var o = 0u; o < OUTPUTS; o++) {
            let z = pre_activation(u, o);
            pre_activations[row * OUTPUTS + o] = z;
            predictions[row * OUTPUTS + o] = activation(z);
        }
    }
}

fn run(leaf: u32, invocation: u32) {
    load_parameters(invocation % LANES);
    let start = leaf * ROWS_PER_LEAF;
    let end = min(start + ROWS_PER_LEAF, params.n_samples);
    for (var row = start; row < end; row += ROWS_IN_FLIGHT) {
        let first = row + invocation / LANES;
        forward(first, invocation);
        if invocation % LANES == 0u {
            write_rows(first, end);
        }
    }
}
