// -t ln y of one output, from z so that no logarithm of 0 is taken, and the derivative of the sum of them
// with respect to z. CPU twin: objective::Loss::CrossEntropy of a softmax.
fn loss_value(value: u32, z: f32, y: f32, t: f32) -> f32 {
    return t * (softmax_row(value)[2] - z);
}

fn loss_grad_z(y: f32, t: f32) -> f32 {
    return y - t;
}
