// inputs_u8_scaled: four inputs of a row as a vec4, from bytes: input = scale (code + offset), where each column
// has a scale and an offset of its own; both are 0 for a column that only pads a row. The sum is never rounded, so
// the order of these operations decides the bits.
// Each lane reads the vec4 that it holds; see forward.wgsl. CPU twin: src/data/storage/quantizer.rs.
@group(0) @binding(1) var<storage, read> inputs: array<u32>;        // (n_samples, vec4 of a row)
@group(0) @binding(5) var<storage, read> columns: array<vec4<f32>>; // scale, offset (vec4 of a row, 2)

var<private> scale: array<vec4<f32>, VEC4_PER_LANE>;
var<private> offset: array<vec4<f32>, VEC4_PER_LANE>;

fn load_columns(lane: u32) {
    for (var k = 0u; k < VEC4_PER_LANE; k++) { // unroll
        let vector = lane + k * LANES_PER_ROW;
        if 2u * vector < arrayLength(&columns) {
            scale[k] = columns[2u * vector];
            offset[k] = columns[2u * vector + 1u];
        }
    }
}

// The vec4 at place `at` of all, the k-th of its lane.
fn input_vector(at: u32, k: u32) -> vec4<f32> {
    let codes = vec4<f32>(unpack4xU8(inputs[at]));
    return scale[k] * (codes + offset[k]);
}
