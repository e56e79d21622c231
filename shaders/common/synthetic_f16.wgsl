// synthetic_f16: features as the nearest halves of x / 2^23, ties to even; below 2^-14 they are 0 or 2^-14.
// x: four centred integers of 24 bits; inputs (n_samples, n_vectors), written with =. The arithmetic is that of
// integers, as WGSL leaves to the device how pack2x16float rounds. CPU twin: src/data/storage/normal_half.rs.
@group(0) @binding(2) var<storage, read_write> inputs: array<vec2<u32>>;

const LEAST = vec4(0x800u); // 2^-14 in units of 2^-25

fn halves(x: vec4<i32>) -> vec4<u32> {
    let magnitude = vec4<u32>(abs(x)) << vec4(2u); // in units of 2^-25
    let normal = max(magnitude, LEAST);
    let exponent = firstLeadingBit(normal) - vec4(10u);
    let ties_to_even = (vec4(1u) << (exponent - vec4(1u))) - vec4(1u) + ((normal >> exponent) & vec4(1u));
    let rounded = (normal + ties_to_even) >> exponent;
    let code = (exponent << vec4(10u)) + rounded - vec4(0x400u);
    let below = select(vec4(0u), vec4(0x400u), magnitude > LEAST / vec4(2u));
    let sign = select(vec4(0u), vec4(0x8000u), x < vec4(0));
    return select(code, below, magnitude < LEAST) | sign;
}

fn write_features(at: u32, x: vec4<i32>) {
    let half = halves(x);
    inputs[at] = half.xz | (half.yw << vec2(16u));
}
