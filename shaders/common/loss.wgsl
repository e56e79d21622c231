// loss: the loss of one output of a row, and grad_z = dloss/dz; LOSS says which.
//   SQUARED_ERROR  1/2 (t - y)^2
//   CROSS_ENTROPY  -t ln y - (1 - t) ln(1 - y) of a sigmoid; of a softmax -t ln y, whose sum over the outputs
//                  has the derivative y - t; both from z, so that no logarithm of 0 is taken
// z, y and `row_softmax` are those of functions.wgsl, t is the target. CPU twin: src/objective.rs.
const SQUARED_ERROR = 0u;
const CROSS_ENTROPY = 1u;

fn loss_of(z: f32, y: f32, t: f32, row_softmax: vec3<f32>) -> f32 {
    if LOSS == SQUARED_ERROR {
        return 0.5 * (t - y) * (t - y);
    }
    if ACTIVATION == SOFTMAX {
        return t * (row_softmax[2] - z);
    }
    return max(z, 0.0) - z * t + log(1.0 + exp(-abs(z)));
}

// dloss/dz
fn loss_grad_z(z: f32, y: f32, t: f32) -> f32 {
    if LOSS == SQUARED_ERROR {
        return (y - t) * slope_of(z, y);
    }
    return y - t;
}
