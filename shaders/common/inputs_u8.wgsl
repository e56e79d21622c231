// inputs_u8: four inputs of a row as a vec4, from bytes that are the values, as those of pictures are.
// Each lane reads the vec4 that it holds; see forward.wgsl. CPU twin: src/data/storage.rs.
@group(0) @binding(1) var<storage, read> inputs: array<u32>; // (n_samples, VEC4_PER_ROW)

fn load_columns(lane: u32) {}

// Vector `vector` of row `row`, the k-th of its lane.
fn input_vector(row: u32, vector: u32, k: u32) -> vec4<f32> {
    return vec4<f32>(unpack4xU8(inputs[row * VEC4_PER_ROW + vector]));
}
