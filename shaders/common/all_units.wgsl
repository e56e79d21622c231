// all_units: the functions of dropout.wgsl for a pass by all units.
fn kept(row: u32, unit: u32, a: f32) -> f32 {
    return a;
}

fn kept_vector(row: u32, vector: u32, e: vec4<f32>) -> vec4<f32> {
    return e;
}

fn unmasked(z: vec4<f32>, a: vec4<f32>) -> vec4<f32> {
    return a;
}
