// dense_weight: vec4 `vector` of the weights of output `output`, W (OUTPUTS, VEC4_PER_ROW) vec4 of `parameters` from
// WEIGHT_AT on; 0 past the end of a row and past the last output.
fn w_vector(output: u32, vector: u32) -> vec4<f32> {
    let exists = output < OUTPUTS && vector < VEC4_PER_ROW;
    let at = min(output, OUTPUTS - 1u) * VEC4_PER_ROW + min(vector, VEC4_PER_ROW - 1u);
    return select(vec4(0.0), parameters[WEIGHT_AT + at], exists);
}
