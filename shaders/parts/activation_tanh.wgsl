// y = tanh z, taken from exp(-2|z|), which lies in [0, 1]: no overflow and no NaN.
// CPU twin: network::Activation::Tanh.
fn prepare_activations(invocation: u32) {}

fn activation(value: u32, z: f32) -> f32 {
    let q = exp(-2.0 * abs(z));
    let magnitude = (1.0 - q) * (1.0 / (1.0 + q));
    return select(-magnitude, magnitude, z >= 0.0);
}

fn slope(y: f32) -> f32 {
    return (1.0 - y) * (1.0 + y);
}
