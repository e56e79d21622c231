// y = 1 / (1 + exp(-z)), taken from exp(-|z|), which lies in [0, 1]: no overflow and no NaN.
// CPU twin: network::sigmoid.
fn prepare_activations(invocation: u32) {}

fn activation(value: u32, z: f32) -> f32 {
    let e = exp(-abs(z));
    let r = 1.0 / (1.0 + e);
    return select(e * r, r, z >= 0.0);
}

fn slope(y: f32) -> f32 {
    return y * (1.0 - y);
}
