// dense_x: vec4 `vector` of row `row` of what a layer multiplies: the data, from params.first_row on, if DATA is 1,
// otherwise the activations below it; 0 past the end of a row, and from row `end` on, which is n_rows or less.
fn x_vector(row: u32, vector: u32, end: u32) -> vec4<f32> {
    let exists = row < end && vector < VEC4_PER_ROW;
    let at = min(vector, VEC4_PER_ROW - 1u);
    load_columns(at);
    let read = input_vector(row_at(DATA * params.first_row + min(row, params.n_rows - 1u)), at, 0u);
    return select(vec4(0.0), read, exists);
}
