// dense_errors: vec4 `vector` of row `row` of `errors` (n_rows, ERROR_VEC4) vec4, dloss/dz of a layer; 0 past the end of
// a row, and from row `end` on, which is n_rows or less.
const ERROR_VEC4 = (OUTPUTS + 3u) / 4u;

fn e_vector(row: u32, vector: u32, end: u32) -> vec4<f32> {
    let exists = row < end && vector < ERROR_VEC4;
    let at = min(row, params.n_rows - 1u) * ERROR_VEC4 + min(vector, ERROR_VEC4 - 1u);
    return select(vec4(0.0), errors[at], exists);
}
