// -t ln y - (1 - t) ln(1 - y), from z so that no logarithm of 0 is taken, and its derivative with
// respect to z. CPU twin: objective::Loss::CrossEntropy of a sigmoid.
fn loss_value(value: u32, z: f32, y: f32, t: f32) -> f32 {
    return max(z, 0.0) - z * t + log(1.0 + exp(-abs(z)));
}

fn loss_grad_z(y: f32, t: f32) -> f32 {
    return y - t;
}
