// 1/2 (t - y)^2, and its derivative with respect to z. CPU twin: objective::Loss::SquaredError.
fn loss_value(value: u32, z: f32, y: f32, t: f32) -> f32 {
    return 0.5 * (t - y) * (t - y);
}

fn loss_grad_z(y: f32, t: f32) -> f32 {
    return (y - t) * slope(y);
}
