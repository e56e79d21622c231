// functions: y = activation(z) of one pre-activation, and its slope dy/dz; ACTIVATION says which.
//   IDENTITY    y = z
//   SIGMOID     y = 1 / (1 + exp(-z)), taken from exp(-|z|), which lies in [0, 1]: no overflow and no NaN
//   SOFTMAX     y = exp(z - max z) / sum exp(z - max z) over the outputs of a row: the sum is 1 at least
//   TANH        y = tanh z, taken from exp(-2|z|), which lies in [0, 1]
//   RELU        y = max(z, 0)
//   LEAKYRELU   y = z, or 0.01 z below 0
//   GELU        y = z sigmoid(2 sqrt(2 / pi) (z + 0.044715 z^3))
//   SILU        y = z sigmoid(z)
// A z that is no number stays none, which a maximum would hide.
// `row_softmax` is what a softmax takes from all outputs of a row: max z, sum exp(z - max z), ln sum exp z; 0 for others.
// Compilers drop the branches that the constant excludes. CPU twin: Activation in src/network/activation.rs.
const IDENTITY = 0u;
const SIGMOID = 1u;
const SOFTMAX = 2u;
const TANH = 3u;
const RELU = 4u;
const LEAKYRELU = 5u;
const GELU = 6u;
const SILU = 7u;

const LEAK = 0.01;
const GELU_CUBIC = 0.044715;
const GELU_SCALE = 1.5957691216057308; // 2 sqrt(2 / pi)

fn sigmoid(z: f32) -> f32 {
    let e = exp(-abs(z));
    let r = 1.0 / (1.0 + e);
    return select(e * r, r, z >= 0.0);
}

fn activation_of(z: f32, row_softmax: vec3<f32>) -> f32 {
    if ACTIVATION == SOFTMAX {
        return exp(z - row_softmax[0]) / row_softmax[1];
    }
    if ACTIVATION == SIGMOID {
        return sigmoid(z);
    }
    if ACTIVATION == TANH {
        let q = exp(-2.0 * abs(z));
        let magnitude = (1.0 - q) * (1.0 / (1.0 + q));
        return select(-magnitude, magnitude, z >= 0.0);
    }
    if ACTIVATION == RELU {
        return select(z, 0.0, z < 0.0);
    }
    if ACTIVATION == LEAKYRELU {
        return select(z, LEAK * z, z < 0.0);
    }
    if ACTIVATION == GELU {
        return z * sigmoid(GELU_SCALE * z * (1.0 + GELU_CUBIC * z * z));
    }
    if ACTIVATION == SILU {
        return z * sigmoid(z);
    }
    return z;
}

// dy/dz; the activations of outputs have it from y alone.
fn slope_of(z: f32, y: f32) -> f32 {
    if ACTIVATION == IDENTITY {
        return 1.0;
    }
    if ACTIVATION == TANH {
        return (1.0 - y) * (1.0 + y);
    }
    if ACTIVATION == RELU {
        return select(0.0, 1.0, z > 0.0);
    }
    if ACTIVATION == LEAKYRELU {
        return select(LEAK, 1.0, z > 0.0);
    }
    if ACTIVATION == GELU {
        let gate = sigmoid(GELU_SCALE * z * (1.0 + GELU_CUBIC * z * z));
        // The gate is 0 or 1 long before the square of z leaves f32.
        let c = clamp(z, -64.0, 64.0);
        return gate + c * gate * (1.0 - gate) * GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * c * c);
    }
    if ACTIVATION == SILU {
        let gate = sigmoid(z);
        return gate + z * gate * (1.0 - gate);
    }
    return y * (1.0 - y);
}
