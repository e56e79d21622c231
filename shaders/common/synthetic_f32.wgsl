// synthetic_f32: features in full precision, x / 2^23, exact.                   (writes with =)
// x: four centred integers of 24 bits; inputs (n_samples, n_vectors). CPU twin: src/data/synthetic.rs.
@group(0) @binding(2) var<storage, read_write> inputs: array<vec4<f32>>;

fn write_features(at: u32, x: vec4<i32>) {
    inputs[at] = vec4<f32>(x) * 0x1p-23f;
}
