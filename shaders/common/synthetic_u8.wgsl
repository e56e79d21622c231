// Features as the upper 8 of the 24 bits of x, which stand for the middle of what shares them.
// CPU twin: dataset::storage::Column::encode.
@group(0) @binding(2) var<storage, read_write> inputs: array<u32>;

fn write_features(at: u32, x: vec4<i32>) {
    inputs[at] = pack4xU8(vec4<u32>((x >> vec4(16u)) + vec4(128)));
}
