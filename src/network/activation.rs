//! Activations: their values, their slopes, and what their predictions are.

/// The function `f` that a layer applies to its pre-activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `y = 1 / (1 + exp(−z))`.
    Sigmoid,
    /// `y_o = exp(z_o) / Σ exp(z)`, over the outputs.
    Softmax,
    /// `y = z`.
    Identity,
    /// `y = tanh z`.
    Tanh,
    /// `y = max(z, 0)`.
    Relu,
    /// `y = z` above 0, otherwise a hundredth of `z`.
    LeakyRelu,
    /// `y = ½ z (1 + tanh(√(2/π) (z + 0.044715 z³)))` (Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, section
    /// 2): `torch.nn.GELU(approximate="tanh")`.
    Gelu,
    /// `y = z / (1 + exp(−z))`.
    Silu,
}

/// What a leaky ReLU makes of a negative pre-activation.
pub(crate) const LEAK: f64 = 0.01;
/// The cubic term of a GELU.
pub(crate) const GELU_CUBIC: f64 = 0.044_715;
/// `√(2/π)`.
pub(crate) const GELU_SCALE: f64 = 0.797_884_560_802_865_4;

/// The kind of quantity that the predictions of an activation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Each output is a probability, independent of the others.
    Probabilities,
    /// The outputs of a sample are the probabilities of its classes, which sum to 1.
    ClassProbabilities,
    /// Each output is a number.
    Numbers,
}

impl Activation {
    /// The kind of quantity that its predictions are.
    #[must_use]
    pub fn meaning(self) -> Meaning {
        match self {
            Self::Sigmoid => Meaning::Probabilities,
            Self::Softmax => Meaning::ClassProbabilities,
            _ => Meaning::Numbers,
        }
    }

    /// Whether the last layer of a network may have it.
    #[must_use]
    pub fn is_of_outputs(self) -> bool {
        matches!(
            self,
            Self::Sigmoid | Self::Softmax | Self::Identity | Self::Tanh
        )
    }

    /// Whether a hidden layer may have it: it is not linear, and each of its values depends on one pre-activation.
    #[must_use]
    pub fn is_hidden(self) -> bool {
        !matches!(self, Self::Softmax | Self::Identity)
    }

    /// Its formula, for help texts.
    #[must_use]
    pub fn formula(self) -> &'static str {
        match self {
            Self::Sigmoid => "1 / (1 + exp(−z))",
            Self::Softmax => "exp(z) / Σ exp(z) over the outputs, each a class",
            Self::Identity => "z: linear regression",
            Self::Tanh => "tanh z, between −1 and 1",
            Self::Relu => "max(z, 0)",
            Self::LeakyRelu => "z, or 0.01 z below 0",
            Self::Gelu => "½ z (1 + tanh(√(2/π) (z + 0.044715 z³)))",
            Self::Silu => "z / (1 + exp(−z))",
        }
    }

    /// Turns the pre-activations of one sample, `z` (O), into its predictions.
    ///
    /// The sigmoid is computed from `exp(−|z|)` and the softmax from `exp(z − max z)`, which lie in [0, 1]: neither
    /// overflows for any finite `z`.
    #[inline(always)]
    pub fn apply(self, z: &mut [f64]) {
        match self {
            Self::Sigmoid => z.iter_mut().for_each(|z| *z = sigmoid(*z)),
            Self::Softmax => {
                let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                z.iter_mut().for_each(|z| *z = (*z - largest).exp());
                let sum: f64 = z.iter().sum();
                z.iter_mut().for_each(|z| *z /= sum);
            }
            Self::Identity => {}
            Self::Tanh => z.iter_mut().for_each(|z| *z = z.tanh()),
            // NaN stays NaN, which a maximum would hide.
            Self::Relu => z
                .iter_mut()
                .for_each(|z| *z = if *z < 0.0 { 0.0 } else { *z }),
            Self::LeakyRelu => z.iter_mut().for_each(|z| *z = z.max(LEAK * *z)),
            Self::Gelu => z.iter_mut().for_each(|z| *z *= gelu_gate(*z)),
            Self::Silu => z.iter_mut().for_each(|z| *z *= sigmoid(*z)),
        }
    }

    /// `dy/dz`, the derivative of an activation by its own pre-activation `z`, from both.
    #[must_use]
    #[inline(always)]
    pub fn slope(self, z: f64, y: f64) -> f64 {
        match self {
            Self::Sigmoid | Self::Softmax => y * (1.0 - y),
            Self::Identity => 1.0,
            Self::Tanh => (1.0 - y) * (1.0 + y),
            Self::Relu => f64::from(u8::from(z > 0.0)),
            Self::LeakyRelu => {
                if z > 0.0 {
                    1.0
                } else {
                    LEAK
                }
            }
            Self::Gelu => {
                // The gate is a sigmoid of twice what the tanh has.
                let gate = gelu_gate(z);
                let inner = 2.0 * GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * z * z);
                gate + z * gate * (1.0 - gate) * inner
            }
            Self::Silu => {
                let gate = sigmoid(z);
                gate + z * gate * (1.0 - gate)
            }
        }
    }

    /// The largest slope of an activation of outputs.
    pub(crate) fn most_slope(self) -> f64 {
        match self {
            Self::Sigmoid | Self::Softmax => 0.25,
            _ => 1.0,
        }
    }
}

/// `½ (1 + tanh(√(2/π) (z + 0.044715 z³)))`, which a GELU multiplies `z` by.
fn gelu_gate(z: f64) -> f64 {
    sigmoid(2.0 * GELU_SCALE * z * (1.0 + GELU_CUBIC * z * z))
}

/// `1 / (1 + exp(−z))`, computed from `exp(−|z|)`, which does not overflow.
pub(crate) fn sigmoid(z: f64) -> f64 {
    let e = (-z.abs()).exp();
    let r = 1.0 / (1.0 + e);
    if z >= 0.0 { r } else { e * r }
}

#[cfg(test)]
mod tests {
    use super::{Activation, sigmoid};

    #[test]
    fn the_sigmoid_is_right_at_fixed_logits() {
        for (z, y) in [
            (0.0, 0.5),
            (1.0, 0.731_058_578_630_004_9),
            (-1.0, 0.268_941_421_369_995_1),
            (20.0, 0.999_999_997_938_846_3),
            (-20.0, 2.061_153_618_190_203_6e-9),
            (-90.0, 8.194_012_623_990_515e-40),
            (1e4, 1.0),
            (-1e4, 0.0),
        ] {
            let error: f64 = (sigmoid(z) - y).abs();
            assert!(error <= 4e-16 * y, "sigmoid({z}) = {} not {y}", sigmoid(z));
        }
    }

    /// Equal logits share; the second row is far beyond where `exp` overflows.
    #[test]
    fn the_softmax_is_right_at_fixed_logits() {
        for (z, y) in [
            ([1.0, 1.0, 1.0], [1.0 / 3.0; 3]),
            ([1e4, 1e4, -1e4], [0.5, 0.5, 0.0]),
            ([0.0, 2.0_f64.ln(), 5.0_f64.ln()], [0.125, 0.25, 0.625]),
        ] {
            let mut found = z;
            Activation::Softmax.apply(&mut found);
            for (found, y) in found.iter().zip(&y) {
                assert!(
                    (found - y).abs() <= 4e-16,
                    "softmax of {z:?}: {found}, not {y}"
                );
            }
        }
    }
}
