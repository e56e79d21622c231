//! The kernels: each one's WGSL, its bindings, and the uniform structs both sides agree on.

use super::lanes::Lanes;
use crate::network::Activation;
use crate::objective::Loss;

/// How a shader sees a buffer. Binding n of group 0 is the n-th of a kernel's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    Uniform,
    Read,
    ReadWrite,
}

use Binding::{Read, ReadWrite, Uniform};

/// Uniform of `leaf_sums` and `predict`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct ChunkParams {
    /// Rows of the chunk.
    pub(super) n_samples: u32,
    /// Number of the chunk's first leaf among all leaves.
    pub(super) first_leaf: u32,
    pub(super) _pad: [u32; 2],
}

/// Uniform of `fold`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct FoldParams {
    /// Nodes to fold.
    pub(super) n_nodes: u32,
    /// vec4 of a node.
    pub(super) n_columns: u32,
    pub(super) _pad: [u32; 2],
}

/// Uniform of `gradient_descent`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct DescentParams {
    /// vec4 to update.
    pub(super) n_vectors: u32,
    /// Learning rate times the scale of the reduction.
    pub(super) rate: f32,
    pub(super) _pad: [u32; 2],
}

/// Nodes that one workgroup of `fold` folds, and vec4 columns it takes.
pub(super) const FOLD_NODES: usize = 1024;
pub(super) const FOLD_COLUMNS: usize = 4;
/// Invocations of a workgroup of `gradient_descent`, a vec4 each.
pub(super) const DESCENT_WORKGROUP_SIZE: usize = 64;

/// A kernel as text. Its name is the stem of its file and of its label.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) name: &'static str,
    pub(super) wgsl: String,
    pub(super) bindings: &'static [Binding],
}

/// Includes files of `shaders/`, one after the other.
macro_rules! shaders {
    ($($file:literal),+) => { concat!($(include_str!(concat!("../../shaders/", $file)), "\n"),+) };
}

/// What `leaf_sums` and `predict` share: constants, the lanes, the forward pass.
fn forward(lanes: &Lanes, subgroup: Option<usize>, activation: Activation) -> String {
    let sum_lanes = match subgroup {
        Some(_) => shaders!("parts/lanes_subgroup.wgsl"),
        None => shaders!("parts/lanes_workgroup.wgsl"),
    };
    let activation = match activation {
        Activation::Sigmoid => shaders!("parts/activation_sigmoid.wgsl"),
    };
    [
        &lanes.header(subgroup.unwrap_or(1)),
        activation,
        shaders!("parts/exchange.wgsl"),
        sum_lanes,
        shaders!("parts/forward.wgsl"),
    ]
    .concat()
}

pub(super) fn leaf_sums(
    lanes: &Lanes,
    subgroup: Option<usize>,
    activation: Activation,
    loss: Loss,
) -> Kernel {
    let loss = match loss {
        Loss::SquaredError => shaders!("parts/loss_squared_error.wgsl"),
        Loss::CrossEntropy => shaders!("parts/loss_cross_entropy.wgsl"),
    };
    Kernel {
        name: "leaf_sums",
        wgsl: forward(lanes, subgroup, activation) + loss + shaders!("leaf_sums.wgsl"),
        bindings: &[Uniform, Read, Read, Read, ReadWrite],
    }
}

pub(super) fn predict(lanes: &Lanes, subgroup: Option<usize>, activation: Activation) -> Kernel {
    Kernel {
        name: "predict",
        wgsl: forward(lanes, subgroup, activation) + shaders!("predict.wgsl"),
        bindings: &[Uniform, Read, Read, ReadWrite, ReadWrite],
    }
}

pub(super) fn fold() -> Kernel {
    Kernel {
        name: "fold",
        wgsl: shaders!("fold.wgsl").to_owned(),
        bindings: &[Uniform, Read, ReadWrite],
    }
}

pub(super) fn gradient_descent() -> Kernel {
    Kernel {
        name: "gradient_descent",
        wgsl: shaders!("gradient_descent.wgsl").to_owned(),
        bindings: &[Uniform, Read, ReadWrite],
    }
}
