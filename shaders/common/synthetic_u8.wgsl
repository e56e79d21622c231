// synthetic_u8: features as the upper 8 of the 24 bits of x; a byte stands for the middle of the values that share
// it. x: four centred integers of 24 bits; inputs (n_samples, n_vectors), written with =.
// CPU twin: src/data/storage/quantizer.rs.
@group(0) @binding(2) var<storage, read_write> inputs: array<u32>;

fn write_features(at: u32, x: vec4<i32>) {
    inputs[at] = pack4xU8(vec4<u32>((x >> vec4(16u)) + vec4(128)));
}
