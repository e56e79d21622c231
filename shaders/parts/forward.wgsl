// z = x W^T + b for the rows in flight, which stay in registers.
//
// LANES invocations share a row of N_VECTORS vec4; each holds every LANES-th of them, VECTORS in all,
// of the row and of the weight of every output. The GROUPS groups of LANES take ROWS rows each, at a
// distance of GROUPS, so that neighbours in a workgroup read neighbours in memory.
// The group's pre-activations in flight are N_VALUES, value u * OUTPUTS + o for row u, output o. Lane l
// owns values l, l + LANES, …: it alone goes on with those.
// A row or a vector past the end is read as the last one, and counts for nothing.
struct Params {
    n_samples: u32,  // rows of this chunk
    first_leaf: u32, // number of its first leaf in its page of sums
    // Of one_leaf alone:
    n_iterations: u32,
    rate: f32, // learning rate times the scale of the reduction; 0 leaves the parameters as they are
}

@group(0) @binding(0) var<uniform> params: Params;

const GROUPS = WORKGROUP_SIZE / LANES;
const ROWS_IN_FLIGHT = GROUPS * ROWS;
const N_VALUES = ROWS * OUTPUTS;
const BIAS_AT = OUTPUTS * N_VECTORS; // in `parameters`: weight (OUTPUTS, N_VECTORS), bias (ceil(OUTPUTS / 4))

var<private> weight: array<array<vec4<f32>, VECTORS>, OUTPUTS>; // 0 past the end of a row
var<private> bias: array<f32, OUTPUTS>;                         // 0 but in the first lane
var<private> x: array<array<vec4<f32>, VECTORS>, ROWS>;
// Of each value first what this lane contributes; then, at i, what it owns of values i * LANES and on.
var<private> z: array<f32, N_VALUES + 1u>;

fn load_parameters(lane: u32) {
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        for (var k = 0u; k < VECTORS; k++) { // unroll
            let vector = lane + k * LANES;
            if vector < N_VECTORS {
                weight[o][k] = parameters[o * N_VECTORS + vector];
            }
        }
        if lane == 0u {
            bias[o] = parameters[BIAS_AT + o / 4u][o % 4u];
        }
    }
    load_columns(lane);
}

// Reads rows first, first + GROUPS, …
fn load_rows(first: u32, lane: u32) {
    for (var u = 0u; u < ROWS; u++) { // unroll
        let row = min(first + u * GROUPS, params.n_samples - 1u);
        for (var k = 0u; k < VECTORS; k++) { // unroll
            x[u][k] = input_vector(row, min(lane + k * LANES, N_VECTORS - 1u), k);
        }
    }
}

fn forward(invocation: u32) {
    for (var u = 0u; u < ROWS; u++) { // unroll
        for (var o = 0u; o < OUTPUTS; o++) { // unroll
            var sum = bias[o];
            for (var k = 0u; k < VECTORS; k++) { // unroll
                sum += dot(x[u][k], weight[o][k]);
            }
            z[u * OUTPUTS + o] = sum;
        }
    }
    sum_lanes(invocation);
}
