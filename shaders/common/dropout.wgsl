// dropout: the units that the update goes without, by mask.wgsl.
@group(0) @binding(6) var<uniform> mask: Mask;

// The factors of units 2 `pair` and 2 `pair` + 1 of layer `number`.
fn factors(number: u32, row: u32, pair: u32) -> vec2<f32> {
    let low = params.place_low + row;
    return factors_at(low, params.place_high + u32(low < row), number, pair);
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

// The activations of pre-activations z before they were multiplied by their factors, which gave `a`.
fn unmasked(z: vec4<f32>, a: vec4<f32>) -> vec4<f32> {
    let row_softmax = vec3(0.0);
    return vec4(activation_of(z.x, row_softmax), activation_of(z.y, row_softmax), activation_of(z.z, row_softmax), activation_of(z.w, row_softmax));
}
