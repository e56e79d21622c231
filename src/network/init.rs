//! The parameters that training starts from, equal to NumPy's for the same seed.

use super::{Activation, Layer, Network};
use crate::random::{random_sample, random_state};

/// How the parameters that training starts from are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Weights and biases between −1 and 1, the article's.
    Numpy,
    /// Weights between ±√(6 / I), which keeps the variance of what a ReLU passes on (He et al., Delving Deep into
    /// Rectifiers, 2015, equation 10); no bias.
    He,
    /// Weights between ±√(6 / (I + O)), which keeps the variance of both passes where an activation is almost linear
    /// (Glorot and Bengio, AISTATS 2010, equation 16); no bias.
    Glorot,
}

impl Init {
    /// The usual one for a layer with hidden layers beside it: by its activation.
    fn usual(activation: Activation) -> Self {
        match activation {
            Activation::Relu | Activation::LeakyRelu | Activation::Gelu | Activation::Silu => {
                Self::He
            }
            _ => Self::Glorot,
        }
    }

    /// The magnitude below which the weights of `layer` are drawn.
    fn limit(self, layer: Layer) -> f64 {
        match self {
            Self::Numpy => 1.0,
            Self::He => (6.0 / layer.n_inputs as f64).sqrt(),
            Self::Glorot => (6.0 / (layer.n_inputs + layer.n_outputs) as f64).sqrt(),
        }
    }
}

impl Network {
    /// The parameters that training starts from: a network of one layer has those of [`Init::Numpy`], and the layers of
    /// a longer one each have those that suit their activation.
    ///
    /// # Examples
    /// ```
    /// let network = neuralnet::Network::single_layer(3, 1, false);
    /// assert_eq!(network.initial_parameters(1)[0], -0.165955990594852);
    /// ```
    #[must_use]
    pub fn initial_parameters(&self, seed: u32) -> Vec<f64> {
        self.parameters_from(seed, None)
    }

    /// The parameters that training starts from, drawn as `init` says, or if it is `None` as
    /// [`Network::initial_parameters`] says.
    ///
    /// With `random = numpy.random.RandomState(seed)` and the limit b of a layer, each layer draws
    /// `random.uniform(-b, b, (n_inputs, n_outputs))` and transposes it. A bias of [`Init::Numpy`] is drawn like the
    /// weights of one more input, after the others.
    #[must_use]
    pub fn parameters_from(&self, seed: u32, init: Option<Init>) -> Vec<f64> {
        let mut random = random_state(seed);
        let mut parameters = vec![0.0; self.n_parameters()];
        for (layer, range) in self.parts() {
            let init = init.unwrap_or_else(|| match self.has_hidden() {
                true => Init::usual(layer.activation),
                false => Init::Numpy,
            });
            let limit = init.limit(layer);
            let mut draw = || 2.0 * limit * random_sample(&mut random) - limit;
            let (weight, bias) = parameters[range].split_at_mut(layer.n_weights());
            for j in 0..layer.n_inputs {
                for o in 0..layer.n_outputs {
                    weight[o * layer.n_inputs + j] = draw();
                }
            }
            if init == Init::Numpy {
                bias.fill_with(draw);
            }
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::{Activation, Init};
    use crate::network::{Hidden, Network};

    /// From NumPy: `2 * numpy.random.RandomState(7).random_sample((3, 2)) - 1`, two outputs; the
    /// last row is the bias.
    #[test]
    fn the_start_is_numpys_transposed_with_the_bias_as_the_last_input() {
        let drawn = [
            [-0.847_383_421_252_085_7, 0.559_837_584_480_229_2],
            [-0.123_181_537_118_213, 0.446_930_355_661_882_44],
            [0.955_979_023_993_205_3, 0.076_991_740_820_867_35],
        ];
        let start = Network::single_layer(2, 2, true).initial_parameters(7);
        let expected = [
            drawn[0][0],
            drawn[1][0],
            drawn[0][1],
            drawn[1][1],
            drawn[2][0],
            drawn[2][1],
        ];
        assert_eq!(start, expected, "weight (O, I), then bias (O)");
    }

    /// From NumPy: `r = numpy.random.RandomState(7)`, then `r.uniform(-b, b, (I, O)).T` for each layer.
    #[test]
    fn hidden_layers_start_as_their_activation_wants() {
        let hidden = Hidden {
            widths: vec![3],
            activation: Activation::Relu,
        };
        let network = Network::single_layer(2, 2, true).with_hidden(&hidden);
        let start = network.initial_parameters(7);
        let (he, glorot) = (3.0_f64.sqrt(), 1.2_f64.sqrt());
        let expected = [
            -1.467_711_139_100_153,
            0.774_106_083_451_208_8,
            0.969_667_140_306_390_8,
            1.655_804_240_526_338_2,
            -0.213_356_680_843_176_38,
            0.133_353_606_864_917_04,
            0.0,
            0.0,
            0.0,
            0.002_454_812_885_651_192,
            -0.507_324_776_148_431_1,
            0.392_673_247_428_010_13,
            -0.937_588_990_870_514_6,
            -0.000_257_427_793_316_278_3,
            0.665_458_886_676_97,
            0.0,
            0.0,
        ];
        for (found, expected) in start.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-15, "{found}, not {expected}");
        }
        for (activation, usual) in [
            (Activation::Relu, Init::He),
            (Activation::LeakyRelu, Init::He),
            (Activation::Gelu, Init::He),
            (Activation::Silu, Init::He),
            (Activation::Tanh, Init::Glorot),
            (Activation::Sigmoid, Init::Glorot),
        ] {
            let hidden = Hidden {
                activation,
                ..hidden.clone()
            };
            let network = Network::single_layer(2, 2, true).with_hidden(&hidden);
            let [start, expected] = [None, Some(usual)].map(|it| network.parameters_from(7, it));
            assert_eq!(start[..6], expected[..6], "{activation:?}");
        }
        let scaled = |init| network.parameters_from(7, Some(init))[0];
        let ratio = scaled(Init::Glorot) / scaled(Init::He);
        assert!((ratio - glorot / he).abs() <= 1e-15, "{ratio}");
    }
}
