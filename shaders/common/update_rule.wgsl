// update_rule: one update of a vec4 of the parameters by a first-order method.              (parameters with -=)
// parameters, and what the method keeps from update to update, `memory_0` and `memory_1`, all as in update.wgsl; average, the
// running mean of the parameters, where AVERAGES is 1.
// METHOD says which method; g is the gradient, m is memory_0 and v is memory_1:
//   DESCENT   parameters -= rate g
//   MOMENTUM  m = momentum m + g, parameters -= rate m, then m += what the L1 penalty takes from a weight / rate
//   NESTEROV  m = momentum m + g, parameters -= rate (g + momentum m)
//   RMSPROP   m = mean of g^2, parameters -= rate g / (sqrt(m) + EPSILON)
//   ADAM      m = mean of g, v = mean of g^2, parameters -= decay parameters for weights, then parameters -=
//             rate m / (sqrt(square_scale v) + EPSILON)
// Compilers drop the branches that METHOD excludes. CPU twin: src/optimizer/step.rs.
const DESCENT = 0u;
const MOMENTUM = 1u;
const NESTEROV = 2u;
const RMSPROP = 3u;
const ADAM = 4u;

const RMSPROP_GAIN = 0.01; // the share of the new square in the mean: 1 less the share that is kept
const ADAM_GAIN = 0.1;
const ADAM_SQUARE_GAIN = 0.001;
const EPSILON = 1e-8;
const CLIP_EPSILON = 1e-6;

// What the proximal step of the L1 penalty takes from weights: it moves them towards 0 by the threshold, but not beyond.
fn shrinkage(parameter: vec4<f32>, column: u32) -> vec4<f32> {
    if rule.threshold > 0.0 && is_weight(column) {
        let most = vec4(rule.threshold);
        return clamp(parameter, -most, most);
    }
    return vec4(0.0);
}

// The parameters `after`, or what is infinite in their mean squares: divided by it a step would be 0, and nobody would
// know that the squares are beyond f32.
fn unless_infinite(after: vec4<f32>, square: vec4<f32>) -> vec4<f32> {
    let exponent = bitcast<vec4<u32>>(square) & vec4(0x7F800000u);
    return select(after, square, exponent == vec4(0x7F800000u));
}

fn updated(before: vec4<f32>, gradient: vec4<f32>, column: u32) -> vec4<f32> {
    if METHOD == DESCENT {
        let after = before - rule.rate * gradient;
        return after - shrinkage(after, column);
    }
    if METHOD == RMSPROP {
        let square = fma(vec4(RMSPROP_GAIN), gradient * gradient - memory_0[column], memory_0[column]);
        memory_0[column] = square;
        return unless_infinite(before - rule.rate * gradient / (sqrt(square) + EPSILON), square);
    }
    if METHOD == ADAM {
        let mean = fma(vec4(ADAM_GAIN), gradient - memory_0[column], memory_0[column]);
        let square = fma(vec4(ADAM_SQUARE_GAIN), gradient * gradient - memory_1[column], memory_1[column]);
        memory_0[column] = mean;
        memory_1[column] = square;
        var decayed = before;
        if is_weight(column) {
            decayed -= rule.decay * before;
        }
        let after = decayed - rule.rate * mean / (sqrt(rule.square_scale * square) + EPSILON);
        return unless_infinite(after, square);
    }
    let velocity = fma(vec4(rule.momentum), memory_0[column], gradient);
    memory_0[column] = velocity;
    if METHOD == NESTEROV {
        return before - rule.rate * fma(vec4(rule.momentum), velocity, gradient);
    }
    let after = before - rule.rate * velocity;
    let taken = shrinkage(after, column);
    if rule.threshold > 0.0 && rule.rate > 0.0 {
        memory_0[column] = velocity + taken / rule.rate;
    }
    return after - taken;
}

// By its bits: a compiler may take it that no number is infinite or none at all.
fn is_finite(number: f32) -> bool {
    return (bitcast<u32>(number) & 0x7F800000u) != 0x7F800000u;
}

// The loss that decides whether an update is made: its own, `loss`, unless the one that decided on the update before it,
// `before`, is not finite. After a loss that is not finite no update follows, so that the parameters that gave it can be
// looked at.
fn deciding_loss(before: f32, loss: f32) -> f32 {
    if is_finite(before) {
        return loss;
    }
    return before;
}

// The norm of the gradient, from the terms of norm_terms.wgsl: those of the gradient times 2^-80 stay finite where the
// squares of the gradient itself near the largest f32.
fn norm_of_gradient(norms: vec4<f32>) -> f32 {
    if norms.w > 0x1p-34f {
        return 0x1p80f * sqrt(norms.w);
    }
    return sqrt(norms.x);
}

// Updates vec4 `column`, whose gradient summed over the rows is `sum`; `norms` are the sums of norm_terms.wgsl.
fn update(column: u32, sum: vec4<f32>, norms: vec4<f32>) {
    var gradient = gradient_of(column, sum);
    if rule.clip_norm > 0.0 {
        gradient *= min(1.0, rule.clip_norm / (norm_of_gradient(norms) + CLIP_EPSILON));
    }
    let after = updated(parameters[column], gradient, column);
    parameters[column] = after;
    if AVERAGES == 1u {
        average[column] = fma(vec4(rule.average_gain), after - average[column], average[column]);
    }
}
