// output_row: the `row_softmax` of functions.wgsl for a row whose pre-activations are z_of(row, output), found by one
// invocation.
// CPU twin: Activation::apply in src/network/activation.rs, log_sum_exp in src/objective.rs.
fn softmax_of_row(row: u32) -> vec3<f32> {
    if ACTIVATION != SOFTMAX {
        return vec3(0.0);
    }
    var largest = z_of(row, 0u);
    for (var o = 1u; o < OUTPUTS; o++) {
        largest = max(largest, z_of(row, o));
    }
    var sum = 0.0;
    for (var o = 0u; o < OUTPUTS; o++) {
        sum += exp(z_of(row, o) - largest);
    }
    return vec3(largest, sum, largest + log(sum));
}
