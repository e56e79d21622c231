// y = exp(z - max z) / sum exp(z - max z) over the outputs of a row: no overflow, and the sum is 1 at least.
// CPU twin: network::Activation::Softmax.
var<private> softmax_rows: array<vec3<f32>, ROWS>; // max z, sum exp(z - max z), ln sum exp z

// Every lane learns all pre-activations in flight, and from them what the outputs of a row have in common.
fn prepare_activations(invocation: u32) {
    share_z(invocation);
    for (var u = 0u; u < ROWS; u++) { // unroll
        var largest = shared_z[u * OUTPUTS];
        for (var o = 1u; o < OUTPUTS; o++) { // unroll
            largest = max(largest, shared_z[u * OUTPUTS + o]);
        }
        var sum = 0.0;
        for (var o = 0u; o < OUTPUTS; o++) { // unroll
            sum += exp(shared_z[u * OUTPUTS + o] - largest);
        }
        softmax_rows[u] = vec3(largest, sum, largest + log(sum));
    }
    // What other lanes still read is not yet to be overwritten.
    if LANES > SHUFFLED {
        workgroupBarrier();
    }
}

// Of the row of value `value`.
fn softmax_row(value: u32) -> vec3<f32> {
    var found = softmax_rows[0];
    for (var u = 1u; u < ROWS; u++) { // unroll
        found = select(found, softmax_rows[u], value / OUTPUTS == u);
    }
    return found;
}

fn activation(value: u32, z: f32) -> f32 {
    let row = softmax_row(value);
    return exp(z - row[0]) / row[1];
}

fn slope(y: f32) -> f32 {
    return y * (1.0 - y);
}
