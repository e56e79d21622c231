// z = x W^T for the rows in flight, which stay in registers.
//
// LANES invocations share a row of N_VECTORS vec4; each holds every LANES-th of them, VECTORS in all,
// of the row and of the weight of every output. The GROUPS groups of LANES take ROWS rows each, at a
// distance of GROUPS, so that neighbours in a workgroup read neighbours in memory.
// A row or a vector past the end is read as one that exists, or as 0, and counts for nothing.
struct Params {
    n_samples: u32,  // rows of this chunk
    first_leaf: u32, // number of its first leaf in its page of sums
    _pad0: u32,
    _pad1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>; // weight (OUTPUTS, N_VECTORS), bias (ceil(OUTPUTS / 4))

const GROUPS = WORKGROUP_SIZE / LANES;
const ROWS_IN_FLIGHT = GROUPS * ROWS;
const N_VALUES = ROWS * OUTPUTS;           // pre-activations a group has in flight
const N_QUADS = (N_VALUES + 3u) / 4u;      // … four to a vec4
const BIAS_AT = OUTPUTS * N_VECTORS;       // in `parameters`, and in every sum of gradients
const N_BIAS_VECTORS = (OUTPUTS + 3u) / 4u;

var<private> weight: array<array<vec4<f32>, VECTORS>, OUTPUTS>;
var<private> bias: array<vec4<f32>, N_BIAS_VECTORS>;
var<private> x: array<array<vec4<f32>, VECTORS>, ROWS>;
var<private> z: array<vec4<f32>, N_QUADS>;

fn load_parameters(lane: u32) {
    for (var o = 0u; o < OUTPUTS; o++) {
        for (var k = 0u; k < VECTORS; k++) {
            let vector = lane + k * LANES;
            if vector < N_VECTORS {
                weight[o][k] = parameters[o * N_VECTORS + vector];
            }
        }
    }
    for (var b = 0u; b < N_BIAS_VECTORS; b++) {
        bias[b] = parameters[BIAS_AT + b];
    }
    load_columns(lane);
}

// Reads rows first, first + GROUPS, … into `x` and sets `z`, value u * OUTPUTS + o for row u, output o.
fn forward(first: u32, invocation: u32) {
    let lane = invocation % LANES;
    for (var u = 0u; u < ROWS; u++) {
        let row = min(first + u * GROUPS, params.n_samples - 1u);
        for (var k = 0u; k < VECTORS; k++) {
            let vector = lane + k * LANES;
            if vector < N_VECTORS {
                x[u][k] = input_vector(row, vector, k);
            }
        }
    }
    for (var u = 0u; u < ROWS; u++) {
        for (var o = 0u; o < OUTPUTS; o++) {
            var sum = 0.0;
            for (var k = 0u; k < VECTORS; k++) {
                sum += dot(x[u][k], weight[o][k]);
            }
            let value = u * OUTPUTS + o;
            z[value / 4u][value % 4u] = sum;
        }
    }
    for (var q = 0u; q < N_QUADS; q++) {
        z[q] = sum_lanes(z[q], invocation);
    }
}

fn pre_activation(u: u32, o: u32) -> f32 {
    let value = u * OUTPUTS + o;
    return z[value / 4u][value % 4u] + bias[o / 4u][o % 4u];
}
