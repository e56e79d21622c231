// dense_x: vec4 `vector` of row `row` of what a layer multiplies: the first layer the data, from params.first_row on,
// another the activations below it.
fn x_at(row: u32, vector: u32) -> vec4<f32> {
    load_columns(vector);
    let first = select(0u, params.first_row, layer.number == 0u);
    return input_vector(row_at(first + row) * layer.input_width + vector, 0u);
}
