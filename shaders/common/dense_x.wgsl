// dense_x: vec4 `vector` of row `row` of what a layer multiplies: the data, from params.first_row on, if DATA is 1,
// otherwise the activations below it.
fn x_at(row: u32, vector: u32) -> vec4<f32> {
    load_columns(vector);
    return input_vector(row_at(DATA * params.first_row + row), vector, 0u);
}
