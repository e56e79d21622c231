// forward: z = x W^T + b for the rows in flight.                                (own_z with =)
// x (ROWS_PER_GROUP, I), weight (OUTPUTS, I), both padded with 0 to VEC4_PER_ROW vec4 a row; bias (OUTPUTS).
// A group of LANES_PER_ROW invocations ("lanes") shares each row: lane l holds vec4 l, l + LANES_PER_ROW, ...
// of the row and of every weight row, VEC4_PER_LANE in all, in registers. GROUPS groups make a workgroup;
// group g takes rows first, first + GROUPS, ..., so that neighbours in a workgroup read neighbours in memory.
// Value u * OUTPUTS + o of a group is that of its row u and output o; lane l owns the values l,
// l + LANES_PER_ROW, ..., and its i-th own value is i * LANES_PER_ROW + l. README.md draws this.
// CPU twin: src/cpu/forward.rs.
struct Params {
    n_samples: u32,  // rows of this chunk
    first_leaf: u32, // number of the chunk's first leaf in its page of leaf sums
    n_iterations: u32, // updates to make, in one_leaf only
    rate: f32, // in one_leaf only: learning rate times the scale of the reduction; 0 makes no update
}

@group(0) @binding(0) var<uniform> params: Params;

const GROUPS = WORKGROUP_SIZE / LANES_PER_ROW;
const ROWS_PER_ROUND = GROUPS * ROWS_PER_GROUP;
const VALUES_PER_GROUP = ROWS_PER_GROUP * OUTPUTS;
const VALUES_PER_LANE = (VALUES_PER_GROUP + LANES_PER_ROW - 1u) / LANES_PER_ROW;
const BIAS_AT = OUTPUTS * VEC4_PER_ROW; // where the bias, ceil(OUTPUTS / 4) vec4, starts in `parameters`

var<private> weight: array<array<vec4<f32>, VEC4_PER_LANE>, OUTPUTS>; // 0 past the end of a row
var<private> bias: array<f32, OUTPUTS>; // 0 in every lane but the first, so that it is added once
var<private> x: array<array<vec4<f32>, VEC4_PER_LANE>, ROWS_PER_GROUP>;
// What this lane contributes to each value of its group; one place more, for exchange.wgsl to read in vain.
var<private> partial_z: array<f32, VALUES_PER_GROUP + 1u>;
var<private> own_z: array<f32, VALUES_PER_LANE>; // the pre-activations that this lane owns

fn load_parameters(lane: u32) {
    for (var o = 0u; o < OUTPUTS; o++) { // unroll
        for (var k = 0u; k < VEC4_PER_LANE; k++) { // unroll
            let vector = lane + k * LANES_PER_ROW;
            if vector < VEC4_PER_ROW {
                weight[o][k] = parameters[o * VEC4_PER_ROW + vector];
            }
        }
        if lane == 0u {
            bias[o] = parameters[BIAS_AT + o / 4u][o % 4u];
        }
    }
    load_columns(lane);
}

// Loads this lane's part of rows first, first + GROUPS, ... A row past the last one is read as the last one,
// and a vec4 past the end of a row as the last vec4; neither counts, as `exists` is false or the weight 0.
fn load_rows(first: u32, lane: u32) {
    for (var u = 0u; u < ROWS_PER_GROUP; u++) { // unroll
        let place = row_at(min(first + u * GROUPS, params.n_samples - 1u));
        for (var k = 0u; k < VEC4_PER_LANE; k++) { // unroll
            let vector = min(lane + k * LANES_PER_ROW, VEC4_PER_ROW - 1u);
            x[u][k] = input_vector(place * VEC4_PER_ROW + vector, k);
        }
    }
}

fn forward(invocation: u32) {
    for (var u = 0u; u < ROWS_PER_GROUP; u++) { // unroll
        for (var o = 0u; o < OUTPUTS; o++) { // unroll
            var sum = bias[o];
            for (var k = 0u; k < VEC4_PER_LANE; k++) { // unroll
                sum += dot(x[u][k], weight[o][k]);
            }
            partial_z[u * OUTPUTS + o] = sum;
        }
    }
    sum_lanes(invocation);
}
