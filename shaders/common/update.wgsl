// update: the gradient of one vec4 of the parameters, for the kernels of an update.
// sums, laid out as the parameters, of which the first TRAINED vec4 are updated; the last vec4, number LOSS_AT, is
// (loss, dy/dz, 0, 0). is_weight(column) says whether a vec4 of the parameters holds weights; the others are biases.
// CPU twin: Step::make in src/optimizer/step.rs, Penalty::add_l2_gradient in src/optimizer/penalty.rs.
struct Rule {
    scale: f32,        // of the reduction of the loss
    rate: f32,         // learning rate; for ADAM divided by 1 - 0.9^t, the bias correction of the mean at the t-th update
    square_scale: f32, // for ADAM: 1 / (1 - 0.999^t), the bias correction of the mean of squares
    decay: f32,        // the share of each weight that ADAM takes from it
    momentum: f32,
    threshold: f32, // by which a weight moves towards 0 at the end: learning rate times l1
    l2: f32,
    clip_norm: f32, // the largest norm of a gradient; 0 for no such limit
    number: u32,    // of the update in the history
    average_gain: f32, // the share of the new parameters in their running mean
    _pad0: u32,
    _pad1: u32,
}

// The gradient of the loss, which summed over the rows is `sum`, and of the L2 penalty; not clipped.
fn gradient_of(column: u32, sum: vec4<f32>) -> vec4<f32> {
    let of_loss = rule.scale * sum;
    if rule.l2 > 0.0 && is_weight(column) {
        return fma(vec4(rule.l2), parameters[column], of_loss);
    }
    return of_loss;
}
