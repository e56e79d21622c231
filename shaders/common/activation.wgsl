// activation: y = activation(z) of the values that a lane owns, by functions.wgsl.
// z and y are values of this lane, numbered as in forward.wgsl; softmax_rows (ROWS_PER_GROUP) is written with =.
// CPU twin: Activation in src/network/activation.rs.
var<private> softmax_rows: array<vec3<f32>, ROWS_PER_GROUP>; // max z, sum exp(z - max z), ln sum exp z

// Must run, in uniform control flow, between forward() and softmax_of_row(). For a softmax every lane learns all
// pre-activations in flight, and from them finds softmax_rows.
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

// The element of softmax_rows for the row of value `value`.
fn row_in_flight(value: u32) -> vec3<f32> {
    var found = softmax_rows[0];
    for (var u = 1u; u < ROWS_PER_GROUP; u++) { // unroll
        found = select(found, softmax_rows[u], value / OUTPUTS == u);
    }
    return found;
}

// The `row_softmax` of functions.wgsl for the row of value `value`.
fn softmax_of_row(value: u32) -> vec3<f32> {
    if ACTIVATION == SOFTMAX {
        return row_in_flight(value);
    }
    return vec3(0.0);
}
