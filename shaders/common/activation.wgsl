// activation: y = activation(z) of the last layer, and slope(y) = dy/dz; ACTIVATION says which.
//   IDENTITY  y = z
//   SIGMOID   y = 1 / (1 + exp(-z)), taken from exp(-|z|), which lies in [0, 1]: no overflow and no NaN
//   SOFTMAX   y = exp(z - max z) / sum exp(z - max z) over the outputs of a row: the sum is 1 at least
//   TANH      y = tanh z, taken from exp(-2|z|), which lies in [0, 1]
// z and y are values of this lane, numbered as in forward.wgsl; softmax_rows (ROWS_PER_GROUP) is written with =.
// Compilers drop the branches that the constant excludes. CPU twin: Activation in src/network/activation.rs.
const IDENTITY = 0u;
const SIGMOID = 1u;
const SOFTMAX = 2u;
const TANH = 3u;

var<private> softmax_rows: array<vec3<f32>, ROWS_PER_GROUP>; // max z, sum exp(z - max z), ln sum exp z

// Must run, in uniform control flow, between forward() and activation(). For softmax every lane learns all
// pre-activations in flight, and from them what the outputs of a row have in common.
fn prepare_activations(invocation: u32) {
    if ACTIVATION == SOFTMAX {
        for (var v = 0u; v < VALUES_PER_GROUP; v += LANES_PER_ROW) { // unroll
            own_value[v / LANES_PER_ROW] = own_z[v / LANES_PER_ROW];
        }
        share_values(invocation);
        for (var u = 0u; u < ROWS_PER_GROUP; u++) { // unroll
            var largest = group_value[u * OUTPUTS];
            for (var o = 1u; o < OUTPUTS; o++) { // unroll
                largest = max(largest, group_value[u * OUTPUTS + o]);
            }
            var sum = 0.0;
            for (var o = 0u; o < OUTPUTS; o++) { // unroll
                sum += exp(group_value[u * OUTPUTS + o] - largest);
            }
            softmax_rows[u] = vec3(largest, sum, largest + log(sum));
        }
        // Other lanes may still read the shared values that are written next.
        if LANES_PER_ROW > LANES_PER_SUBGROUP {
            workgroupBarrier();
        }
    }
}

// What the outputs of the row of value `value` have in common.
fn softmax_row(value: u32) -> vec3<f32> {
    var found = softmax_rows[0];
    for (var u = 1u; u < ROWS_PER_GROUP; u++) { // unroll
        found = select(found, softmax_rows[u], value / OUTPUTS == u);
    }
    return found;
}

fn activation(value: u32, z: f32) -> f32 {
    if ACTIVATION == SOFTMAX {
        let row = softmax_row(value);
        return exp(z - row[0]) / row[1];
    }
    if ACTIVATION == SIGMOID {
        let e = exp(-abs(z));
        let r = 1.0 / (1.0 + e);
        return select(e * r, r, z >= 0.0);
    }
    if ACTIVATION == TANH {
        let q = exp(-2.0 * abs(z));
        let magnitude = (1.0 - q) * (1.0 / (1.0 + q));
        return select(-magnitude, magnitude, z >= 0.0);
    }
    return z;
}

fn slope(y: f32) -> f32 {
    if ACTIVATION == IDENTITY {
        return 1.0;
    }
    if ACTIVATION == TANH {
        return (1.0 - y) * (1.0 + y);
    }
    return y * (1.0 - y);
}
