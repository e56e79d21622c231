// Inputs in bytes: scale (code + offset), both of which a column has of its own; where it only pads a
// row, they are 0. No such sum is rounded, so the order of these operations decides the bits.
@group(0) @binding(1) var<storage, read> inputs: array<u32>;        // (n_samples, VEC4_PER_ROW)
@group(0) @binding(5) var<storage, read> columns: array<vec4<f32>>; // scale, offset (VEC4_PER_ROW, 2)

var<private> scale: array<vec4<f32>, VEC4_PER_LANE>;
var<private> offset: array<vec4<f32>, VEC4_PER_LANE>;

fn load_columns(lane: u32) {
    for (var k = 0u; k < VEC4_PER_LANE; k++) { // unroll
        let vector = lane + k * LANES_PER_ROW;
        if vector < VEC4_PER_ROW {
            scale[k] = columns[2u * vector];
            offset[k] = columns[2u * vector + 1u];
        }
    }
}

// Vector `vector` of row `row`, the k-th of its lane.
fn input_vector(row: u32, vector: u32, k: u32) -> vec4<f32> {
    let codes = vec4<f32>(unpack4xU8(inputs[row * VEC4_PER_ROW + vector]));
    return scale[k] * (codes + offset[k]);
}
