// dropout: the units that the update goes without, by mask.wgsl.
@group(0) @binding(6) var<uniform> mask: Mask;

fn factors(number: u32, row: u32, two: u32) -> vec2<f32> {
    let low = params.place_low + row;
    return factors_at(low, params.place_high + u32(low < row), number, two);
}

// The activation a of a unit of the layer.
fn kept(row: u32, unit: u32, a: f32) -> f32 {
    return a * factors(layer.number, row, unit / 2u)[unit % 2u];
}

// The errors e of four units of the layer below.
fn kept_vector(row: u32, vector: u32, e: vec4<f32>) -> vec4<f32> {
    let below = layer.number - 1u;
    return e * vec4(factors(below, row, 2u * vector), factors(below, row, 2u * vector + 1u));
}

// The activations of pre-activations z, of which the layer above got `a`.
fn whole(z: vec4<f32>, a: vec4<f32>) -> vec4<f32> {
    let of_row = vec3(0.0);
    return vec4(activation_of(z.x, of_row), activation_of(z.y, of_row), activation_of(z.z, of_row), activation_of(z.w, of_row));
}
