// backward: the sums over rows of dloss/dW = grad_z x, dloss/db = grad_z, the loss and dy/dz, where
// grad_z = dloss/dz; the terms of a row are times its weight where rows are WEIGHTED.     (sums with +=)
// targets (n_samples, TARGET_WIDTH), row-major: OUTPUTS targets, then the row's weight where rows are WEIGHTED.
// sums (SUMS_PER_LANE) vec4 of one lane: dW (OUTPUTS, VEC4_PER_LANE), then db (ceil(OUTPUTS / 4)), then (loss,
// dy/dz, 0, 0). Every lane of a group holds all of db; each adds to the last vec4 only the values it owns.
// leaf_sums (n_leaves, VEC4_PER_LEAF) vec4, written with =: laid out as `parameters`, then the last vec4.
// Mapping: as in forward.wgsl. CPU twin: src/cpu/backward.rs.
@group(0) @binding(3) var<storage, read> targets: array<f32>;
@group(0) @binding(4) var<storage, read_write> leaf_sums: array<vec4<f32>>;

const TARGET_WIDTH = OUTPUTS + WEIGHTED;
const SUMS_BIAS_AT = OUTPUTS * VEC4_PER_LANE;
const SUMS_LOSS_AT = SUMS_PER_LANE - 1u;
const VEC4_PER_BIAS = SUMS_LOSS_AT - SUMS_BIAS_AT;
const VEC4_PER_LEAF = BIAS_AT + VEC4_PER_BIAS + 1u;

var<private> t: array<f32, VALUES_PER_LANE>; // the targets of the values that this lane owns
var<private> row_weight: array<f32, VALUES_PER_LANE>; // the weights of the rows of those values
// The places past the end are read in vain by sum_groups.wgsl.
var<private> sums: array<vec4<f32>, SUMS_PER_LANE + SUMS_PER_EXCHANGE>;

fn clear_sums() {
    for (var n = 0u; n < SUMS_PER_LANE; n++) { // unroll
        sums[n] = vec4(0.0);
    }
}

// The row of value `value`, where the group's first row is `first`.
fn row_of(value: u32, first: u32) -> u32 {
    return first + value / OUTPUTS * GROUPS;
}

fn load_targets(first: u32, lane: u32) {
    for (var v = 0u; v < VALUES_PER_GROUP; v += LANES_PER_ROW) { // unroll
        let value = min(v + lane, VALUES_PER_GROUP - 1u);
        let place = row_at(min(row_of(value, first), params.n_samples - 1u));
        t[v / LANES_PER_ROW] = targets[place * TARGET_WIDTH + value % OUTPUTS];
        if WEIGHTED == 1u {
            row_weight[v / LANES_PER_ROW] = targets[place * TARGET_WIDTH + OUTPUTS];
        }
    }
}

// Adds those of the loaded rows that lie before `end`.
fn add_rows(first: u32, end: u32, invocation: u32) {
    let lane = invocation % LANES_PER_ROW;
    forward(invocation);
    prepare_activations(invocation);
    for (var v = 0u; v < VALUES_PER_GROUP; v += LANES_PER_ROW) { // unroll
        let value = min(v + lane, VALUES_PER_GROUP - 1u);
        let exists = row_of(value, first) < end;
        let z = own_z[v / LANES_PER_ROW];
        let row_softmax = softmax_of_row(value);
        let y = activation_of(z, row_softmax);
        let loss = loss_of(z, y, t[v / LANES_PER_ROW], row_softmax);
        var loss_and_slope = vec4(loss, slope_of(z, y), 0.0, 0.0);
        var grad_z = loss_grad_z(z, y, t[v / LANES_PER_ROW]);
        if WEIGHTED == 1u {
            loss_and_slope *= row_weight[v / LANES_PER_ROW];
            grad_z *= row_weight[v / LANES_PER_ROW];
        }
        sums[SUMS_LOSS_AT] += select(vec4(0.0), loss_and_slope, exists && v + lane < VALUES_PER_GROUP);
        own_value[v / LANES_PER_ROW] = select(0.0, grad_z, exists);
    }
    share_values(invocation);
    for (var u = 0u; u < ROWS_PER_GROUP; u++) { // unroll
        for (var o = 0u; o < OUTPUTS; o++) { // unroll
            let grad_z = group_value[u * OUTPUTS + o];
            for (var k = 0u; k < VEC4_PER_LANE; k++) { // unroll
                sums[o * VEC4_PER_LANE + k] += grad_z * x[u][k];
            }
            sums[SUMS_BIAS_AT + o / 4u][o % 4u] += grad_z;
        }
    }
}

// Writes the sums that all groups hold alike after sum_groups(): the first group does it.
fn write_sums(leaf: u32, invocation: u32) {
    let start = leaf * VEC4_PER_LEAF;
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        for (var k = 0u; k < VEC4_PER_LANE; k++) { // unroll
            let vector = invocation + k * LANES_PER_ROW;
            if invocation < LANES_PER_ROW && vector < VEC4_PER_ROW {
                leaf_sums[start + o * VEC4_PER_ROW + vector] = sums[o * VEC4_PER_LANE + k];
            }
        }
    }
    if invocation == 0u {
        for (var n = SUMS_BIAS_AT; n < SUMS_PER_LANE; n++) { // unroll
            leaf_sums[start + BIAS_AT - SUMS_BIAS_AT + n] = sums[n];
        }
    }
}
