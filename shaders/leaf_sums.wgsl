// leaf_sums: for each leaf, the sums over its rows of dloss/dW = grad_z x, dloss/db = grad_z, the
// loss and y (1 - y), where grad_z = dloss/dz; each row is read once.          (writes with =)
// inputs (n_samples, I) as in parts/storage_*.wgsl, parameters as in parts/forward.wgsl, targets (n_samples, OUTPUTS),
// leaf_sums (n_leaves, N_COLUMNS) vec4: the parameters' layout, then (loss, y (1 - y), 0, 0).
// One workgroup a leaf of ROWS_PER_LEAF rows. CPU twin: cpu::Cpu::leaf_sums.
@group(0) @binding(3) var<storage, read> targets: array<f32>;
@group(0) @binding(4) var<storage, read_write> leaf_sums: array<vec4<f32>>;

const LOSS_AT = BIAS_AT + N_BIAS_VECTORS;
const N_COLUMNS = LOSS_AT + 1u;

var<private> grad_weight: array<array<vec4<f32>, VECTORS>, OUTPUTS>;
var<private> grad_bias: array<vec4<f32>, N_BIAS_VECTORS>;
var<private> loss_and_saturation: vec4<f32>;

fn backward(first: u32, end: u32) {
    for (var u = 0u; u < ROWS; u++) {
        let row = first + u * GROUPS;
        let counts = row < end;
        for (var o = 0u; o < OUTPUTS; o++) {
            let z = pre_activation(u, o);
            let y = activation(z);
            let t = targets[min(row, end - 1u) * OUTPUTS + o];
            let grad_z = select(0.0, loss_grad_z(y, t), counts);
            for (var k = 0u; k < VECTORS; k++) {
                grad_weight[o][k] += grad_z * x[u][k];
            }
            grad_bias[o / 4u][o % 4u] += grad_z;
            let seen = vec4(loss_value(z, y, t), y * (1.0 - y), 0.0, 0.0);
            loss_and_saturation += select(vec4(0.0), seen, counts);
        }
    }
}

// Sums what the groups hold; the first group writes.
fn write_sums(leaf: u32, invocation: u32) {
    let start = (params.first_leaf + leaf) * N_COLUMNS;
    let writes = invocation < LANES;
    for (var o = 0u; o < OUTPUTS; o++) {
        for (var k = 0u; k < VECTORS; k++) {
            let sum = sum_exchanged(grad_weight[o][k], invocation, LANES, WORKGROUP_SIZE);
            let vector = invocation + k * LANES;
            if writes && vector < N_VECTORS {
                leaf_sums[start + o * N_VECTORS + vector] = sum;
            }
        }
    }
    for (var b = 0u; b < N_BIAS_VECTORS; b++) {
        let sum = sum_exchanged(grad_bias[b], invocation, LANES, WORKGROUP_SIZE);
        if invocation == 0u {
            leaf_sums[start + BIAS_AT + b] = sum;
        }
    }
    let sum = sum_exchanged(loss_and_saturation, invocation, LANES, WORKGROUP_SIZE);
    if invocation == 0u {
        leaf_sums[start + LOSS_AT] = sum;
    }
}

fn run(leaf: u32, invocation: u32) {
    load_parameters(invocation % LANES);
    let start = leaf * ROWS_PER_LEAF;
    let end = min(start + ROWS_PER_LEAF, params.n_samples);
    for (var row = start; row < end; row += ROWS_IN_FLIGHT) {
        let first = row + invocation / LANES;
        forward(first, invocation);
        backward(first, end);
    }
    write_sums(leaf, invocation);
}
