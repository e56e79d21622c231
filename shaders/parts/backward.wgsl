// The sums over rows of dloss/dW = grad_z x, dloss/db = grad_z, the loss and dy/dz, where
// grad_z = dloss/dz; all of a row times its weight, where it has one.
// targets (n_samples, TARGET_WIDTH): OUTPUTS targets, and the weight where rows are WEIGHTED. `sums` is laid
// out as the parameters of one lane: OUTPUTS times VECTORS vec4 of the weight, the bias, and last (loss,
// dy/dz, 0, 0), which each lane sums of the values it owns.
@group(0) @binding(3) var<storage, read> targets: array<f32>;
@group(0) @binding(4) var<storage, read_write> leaf_sums: array<vec4<f32>>;

const TARGET_WIDTH = OUTPUTS + WEIGHTED;
const SUMS_BIAS_AT = OUTPUTS * VECTORS;
const SUMS_LOSS_AT = N_SUMS - 1u;
const N_BIAS_VECTORS = SUMS_LOSS_AT - SUMS_BIAS_AT;
const LOSS_AT = BIAS_AT + N_BIAS_VECTORS; // in `leaf_sums`
const N_COLUMNS = LOSS_AT + 1u;

var<private> t: array<f32, N_VALUES>; // of the values owned
var<private> row_weight: array<f32, N_VALUES>; // … likewise
var<private> sums: array<vec4<f32>, N_SUMS + PAGE>;

fn clear_sums() {
    for (var n = 0u; n < N_SUMS; n++) { // unroll
        sums[n] = vec4(0.0);
    }
}

// The row of value `value`, where the group's first row is `first`.
fn row_of(value: u32, first: u32) -> u32 {
    return first + value / OUTPUTS * GROUPS;
}

fn load_targets(first: u32, lane: u32) {
    for (var v = 0u; v < N_VALUES; v += LANES) { // unroll
        let value = min(v + lane, N_VALUES - 1u);
        let row = min(row_of(value, first), params.n_samples - 1u);
        t[v / LANES] = targets[row * TARGET_WIDTH + value % OUTPUTS];
        if WEIGHTED == 1u {
            row_weight[v / LANES] = targets[row * TARGET_WIDTH + OUTPUTS];
        }
    }
}

// Adds the rows that are loaded, as far as they lie before `end`.
fn add_rows(first: u32, end: u32, invocation: u32) {
    let lane = invocation % LANES;
    forward(invocation);
    prepare_activations(invocation);
    for (var v = 0u; v < N_VALUES; v += LANES) { // unroll
        let value = min(v + lane, N_VALUES - 1u);
        let exists = row_of(value, first) < end;
        let own = z[v / LANES];
        let y = activation(value, own);
        var seen = vec4(loss_value(value, own, y, t[v / LANES]), slope(y), 0.0, 0.0);
        var grad = loss_grad_z(y, t[v / LANES]);
        if WEIGHTED == 1u {
            seen *= row_weight[v / LANES];
            grad *= row_weight[v / LANES];
        }
        sums[SUMS_LOSS_AT] += select(vec4(0.0), seen, exists && v + lane < N_VALUES);
        z[v / LANES] = select(0.0, grad, exists);
    }
    share_z(invocation);
    for (var u = 0u; u < ROWS; u++) { // unroll
        for (var o = 0u; o < OUTPUTS; o++) { // unroll
            let grad = shared_z[u * OUTPUTS + o];
            for (var k = 0u; k < VECTORS; k++) { // unroll
                sums[o * VECTORS + k] += grad * x[u][k];
            }
            sums[SUMS_BIAS_AT + o / 4u][o % 4u] += grad;
        }
    }
}

// Writes sums that the groups hold in common; the first group does.
fn write_sums(leaf: u32, invocation: u32) {
    let start = leaf * N_COLUMNS;
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        for (var k = 0u; k < VECTORS; k++) { // unroll
            let vector = invocation + k * LANES;
            if invocation < LANES && vector < N_VECTORS {
                leaf_sums[start + o * N_VECTORS + vector] = sums[o * VECTORS + k];
            }
        }
    }
    if invocation == 0u {
        for (var n = SUMS_BIAS_AT; n < N_SUMS; n++) { // unroll
            leaf_sums[start + BIAS_AT - SUMS_BIAS_AT + n] = sums[n];
        }
    }
}
