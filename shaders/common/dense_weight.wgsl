// dense_weight: vec4 `vector` of the weights of output `output` of a layer; 0 past the end of a row and past the last output.
fn w_vector(output: u32, vector: u32) -> vec4<f32> {
    let exists = output < layer.outputs && vector < layer.input_width;
    let at = min(output, layer.outputs - 1u) * layer.input_width + min(vector, layer.input_width - 1u);
    return select(vec4(0.0), parameters[layer.weight_at + at], exists);
}
