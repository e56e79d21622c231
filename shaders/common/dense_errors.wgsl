// dense_errors: vec4 `vector` of row `row` of `errors` (n_rows, layer.output_width) vec4, dloss/dz of a layer; 0 past the
// end of a row, and past the last row.
fn e_vector(row: u32, vector: u32) -> vec4<f32> {
    let exists = row < params.n_rows && vector < layer.output_width;
    let at = min(row, params.n_rows - 1u) * layer.output_width + min(vector, layer.output_width - 1u);
    return select(vec4(0.0), errors[at], exists);
}
