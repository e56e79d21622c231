//! The kernels of networks that read each row once, as text, and `fold`.

#[cfg(test)]
mod tests;

use super::input_format::InputFormat;
use super::kernel::Binding::{self, Read, ReadAt, ReadWrite, Uniform};
use super::kernel::{Kernel, constants, renumbered, shaders};
use super::workgroup_shape::WorkgroupShape;
use crate::backend::Problem;
use crate::network::Activation;
use crate::objective::Loss;

/// Which rows a kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowOrder {
    /// All of them, as they lie.
    InOrder,
    /// The rows of a batch, whose numbers have this many bytes.
    OfBatch(u64),
}

impl RowOrder {
    /// The WGSL that finds a row, whose buffer comes after `bindings`.
    pub(super) fn reader(self, bindings: &mut Vec<Binding>) -> String {
        match self {
            Self::InOrder => shaders!("common/rows_in_order.wgsl").to_owned(),
            Self::OfBatch(bytes) => {
                let reader = renumbered(shaders!("common/rows_of_batch.wgsl"), 6, bindings.len());
                bindings.push(ReadAt(bytes));
                reader
            }
        }
    }
}

/// The WGSL that reads inputs of `format` from rows in `order`, whose buffers but the inputs come after `bindings`.
pub(super) fn row_reader(
    format: InputFormat,
    order: RowOrder,
    bindings: &mut Vec<Binding>,
) -> String {
    let inputs = renumbered(format.reader(), 5, bindings.len());
    if format == InputFormat::ScaledU8 {
        bindings.push(Read);
    }
    inputs + &order.reader(bindings)
}

/// Invocations of a workgroup of `fold`, the vec4 columns it takes, and the nodes that it folds.
const FOLD_SIZE: usize = 256;
pub(super) const FOLD_COLUMNS: usize = 4;
pub(super) const FOLD_NODES: usize = 1024;

/// What decides the text of a kernel that reads rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowKernel<'k> {
    pub(super) shape: &'k WorkgroupShape,
    /// The least number of invocations of a subgroup; `None` if shaders must not exchange within one.
    pub(super) subgroup: Option<usize>,
    pub(super) activation: Activation,
    pub(super) format: InputFormat,
    pub(super) order: RowOrder,
}

/// The loss of a row, which decides the rest of the text of a kernel that sums gradients.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowLoss {
    pub(super) loss: Loss,
    /// Whether each row has a weight.
    pub(super) weighted: bool,
}

impl RowLoss {
    pub(super) fn new(problem: &Problem<'_>) -> Self {
        Self {
            loss: problem.objective.loss,
            weighted: problem.dataset.is_weighted(),
        }
    }

    /// The constants `LOSS` and `WEIGHTED`.
    pub(super) fn header(self) -> String {
        let loss = match self.loss {
            Loss::SquaredError => "SQUARED_ERROR",
            Loss::CrossEntropy => "CROSS_ENTROPY",
        };
        let weighted = u32::from(self.weighted);
        format!("const LOSS = {loss};\nconst WEIGHTED = {weighted}u;\n")
    }
}

/// The name that functions.wgsl has for `activation`.
pub(super) fn activation_name(activation: Activation) -> String {
    format!("{activation:?}").to_uppercase()
}

impl RowKernel<'_> {
    /// `leaf_sums`: the sums of each leaf of a chunk.
    pub(super) fn leaf_sums(&self, row_loss: RowLoss) -> Kernel {
        let mut bindings = vec![Uniform, Read, Read, Read, ReadWrite];
        Kernel {
            name: "leaf_sums",
            wgsl: self.backward_source(row_loss, &mut bindings) + shaders!("leaf_sums.wgsl"),
            bindings,
        }
    }

    /// `one_leaf`: the sums of a single leaf and the updates from them; so it writes the parameters.
    pub(super) fn one_leaf(&self, row_loss: RowLoss) -> Kernel {
        let mut bindings = vec![Uniform, Read, ReadWrite, Read, ReadWrite];
        Kernel {
            name: "one_leaf",
            wgsl: self.backward_source(row_loss, &mut bindings) + shaders!("one_leaf.wgsl"),
            bindings,
        }
    }

    /// `predict`: pre-activations and predictions of the rows of a chunk.
    pub(super) fn predict(&self) -> Kernel {
        let mut bindings = vec![Uniform, Read, Read, ReadWrite, ReadWrite];
        Kernel {
            name: "predict",
            wgsl: self.forward_source(&mut bindings) + shaders!("predict.wgsl"),
            bindings,
        }
    }

    /// The text that all kernels that read rows share: constants, inputs, the forward pass, the exchange
    /// among lanes, the activation. Adds to `bindings` what reads rows.
    fn forward_source(&self, bindings: &mut Vec<Binding>) -> String {
        let activation = activation_name(self.activation);
        let within_subgroup = match self.subgroup {
            Some(_) => shaders!("common/subgroup.wgsl"),
            None => shaders!("common/workgroup.wgsl"),
        };
        [
            &self.shape.header(self.subgroup),
            &format!("const ACTIVATION = {activation};\n"),
            &row_reader(self.format, self.order, bindings),
            shaders!(
                "common/forward.wgsl",
                "common/exchange.wgsl",
                "common/functions.wgsl",
                "common/activation.wgsl"
            ),
            within_subgroup,
        ]
        .concat()
    }

    /// The text that all kernels that sum gradients share: the forward pass, the loss, the backward pass, the
    /// sums over groups. Adds to `bindings` what reads rows.
    fn backward_source(&self, row_loss: RowLoss, bindings: &mut Vec<Binding>) -> String {
        self.forward_source(bindings)
            + &row_loss.header()
            + shaders!(
                "common/loss.wgsl",
                "common/backward.wgsl",
                "common/sum_groups.wgsl"
            )
    }
}

/// `fold`: sums of 1,024 neighbouring nodes, and the update at the root.
pub(super) fn fold() -> Kernel {
    Kernel {
        name: "fold",
        wgsl: constants([
            ("WORKGROUP_SIZE", FOLD_SIZE),
            ("COLUMNS", FOLD_COLUMNS),
            ("PER_INVOCATION", FOLD_NODES * FOLD_COLUMNS / FOLD_SIZE),
        ]) + shaders!("fold.wgsl"),
        bindings: vec![Uniform, Read, ReadWrite, ReadWrite],
    }
}
