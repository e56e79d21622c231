//! The rules by which labels of synthetic rows are decided.

use std::fmt;
use std::str::FromStr;

/// What decides the label of a synthetic row before noise. All but [`Rule::Linear`] need a network with hidden layers.
///
/// A feature is seen as the middle of one of 512 intervals of [−1, 1), c/512 with an odd c; the linear rule sees its
/// upper 12 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// Whether Σ w x > 0, for whole weights w from −64 to 63 that the seed decides.
    #[default]
    Linear,
    /// Whether x₀x₁ + x₂x₃ + … < 0: of two features the XOR of their signs. The last of an odd number of features
    /// decides nothing.
    Xor,
    /// Whether Σ x² exceeds its median over all rows, which is I/3 − 2/63 for I features but for small terms.
    Circle,
    /// Which arm of a double spiral holds (x₀, x₁). Other features decide nothing.
    Spiral,
    /// Whether Σ v max(0, Σ w x + b) exceeds its median over some rows, for eight hidden units whose odd weights
    /// v, w and b from −7 to 7 the seed decides.
    Teacher,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 5] = [
        Self::Linear,
        Self::Xor,
        Self::Circle,
        Self::Spiral,
        Self::Teacher,
    ];

    /// The name that a description has.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Xor => "xor",
            Self::Circle => "circle",
            Self::Spiral => "spiral",
            Self::Teacher => "teacher",
        }
    }

    /// The least number of features.
    pub(super) fn min_inputs(self) -> usize {
        match self {
            Self::Linear | Self::Circle => 1,
            // One feature lies in one of 512 intervals, of which a teacher tells few apart.
            Self::Xor | Self::Spiral | Self::Teacher => 2,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|rule| rule.name() == text);
        named.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is not a rule; the rules are {names}")
        })
    }
}
