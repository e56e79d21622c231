// output_lanes: OUTPUT_LANES invocations, one or more, share the outputs of a row: lane l takes every OUTPUT_LANES-th output
// from output l on. What the lanes have found meets in workgroup memory in a fixed tree. z_of(row, output) are the
// pre-activations.
// CPU twin: Activation::apply in src/network/activation.rs, log_sum_exp in src/objective.rs.
const ROWS_PER_WORKGROUP = WORKGROUP_SIZE / OUTPUT_LANES;

var<workgroup> of_lanes: array<vec2<f32>, WORKGROUP_SIZE>;

fn sum_of_row(of_lane: vec2<f32>, invocation: u32) -> vec2<f32> {
    of_lanes[invocation] = of_lane;
    for (var distance = 1u; distance < OUTPUT_LANES; distance *= 2u) {
        workgroupBarrier();
        if invocation % (2u * distance) == 0u {
            of_lanes[invocation] += of_lanes[invocation + distance];
        }
    }
    workgroupBarrier();
    let sum = of_lanes[invocation / OUTPUT_LANES * OUTPUT_LANES];
    workgroupBarrier();
    return sum;
}

fn largest_of_row(of_lane: f32, invocation: u32) -> f32 {
    of_lanes[invocation] = vec2(of_lane, 0.0);
    for (var distance = 1u; distance < OUTPUT_LANES; distance *= 2u) {
        workgroupBarrier();
        if invocation % (2u * distance) == 0u {
            of_lanes[invocation] = max(of_lanes[invocation], of_lanes[invocation + distance]);
        }
    }
    workgroupBarrier();
    let largest = of_lanes[invocation / OUTPUT_LANES * OUTPUT_LANES].x;
    workgroupBarrier();
    return largest;
}

// The `row_softmax` of functions.wgsl.
fn softmax_of_row(row: u32, invocation: u32) -> vec3<f32> {
    if ACTIVATION != SOFTMAX {
        return vec3(0.0);
    }
    let lane = invocation % OUTPUT_LANES;
    var most = z_of(row, lane);
    for (var o = lane; o < OUTPUTS; o += OUTPUT_LANES) {
        most = max(most, z_of(row, o));
    }
    let largest = largest_of_row(most, invocation);
    var terms = 0.0;
    for (var o = lane; o < OUTPUTS; o += OUTPUT_LANES) {
        terms += exp(z_of(row, o) - largest);
    }
    let sum = sum_of_row(vec2(terms, 0.0), invocation).x;
    return vec3(largest, sum, largest + log(sum));
}
