//! The kernels: each one's WGSL, its bindings, and the uniform structs both sides agree on.

use super::inputs::Inputs;
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
    /// Number of the chunk's first leaf in its page of sums.
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
    /// Number of the first node that is written.
    pub(super) first_folded: u32,
    pub(super) _pad: u32,
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

/// Uniform of `synthetic`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct SyntheticParams {
    /// Rows of the chunk.
    pub(super) n_samples: u32,
    pub(super) rows_per_leaf: u32,
    pub(super) n_inputs: u32,
    pub(super) seed: u32,
    /// A noise word below this flips the label.
    pub(super) flip_below: u32,
    /// Number of the chunk's first row among all, in two words.
    pub(super) first_row_low: u32,
    pub(super) first_row_high: u32,
    pub(super) _pad: u32,
}

/// Uniform of `read`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct ReadParams {
    /// vec4 to read.
    pub(super) n_vectors: u32,
    pub(super) _pad: [u32; 3],
}

/// Invocations of a workgroup of `read`, and the vec4 that it reads.
pub(super) const READ_WORKGROUP_SIZE: usize = 256;
pub(super) const READ_PER_WORKGROUP: usize = 256 * READ_WORKGROUP_SIZE;

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

/// What `leaf_sums` and `predict` share: constants, the lanes, the inputs, the forward pass.
fn forward(
    lanes: &Lanes,
    subgroup: Option<usize>,
    activation: Activation,
    inputs: Inputs,
) -> String {
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
        inputs.read(),
        shaders!("parts/forward.wgsl"),
    ]
    .concat()
}

pub(super) fn leaf_sums(
    lanes: &Lanes,
    subgroup: Option<usize>,
    activation: Activation,
    loss: Loss,
    inputs: Inputs,
) -> Kernel {
    let loss = match loss {
        Loss::SquaredError => shaders!("parts/loss_squared_error.wgsl"),
        Loss::CrossEntropy => shaders!("parts/loss_cross_entropy.wgsl"),
    };
    Kernel {
        name: "leaf_sums",
        wgsl: forward(lanes, subgroup, activation, inputs) + loss + shaders!("leaf_sums.wgsl"),
        bindings: match inputs {
            Inputs::Columns => &[Uniform, Read, Read, Read, ReadWrite, Read],
            _ => &[Uniform, Read, Read, Read, ReadWrite],
        },
    }
}

pub(super) fn predict(
    lanes: &Lanes,
    subgroup: Option<usize>,
    activation: Activation,
    inputs: Inputs,
) -> Kernel {
    Kernel {
        name: "predict",
        wgsl: forward(lanes, subgroup, activation, inputs) + shaders!("predict.wgsl"),
        bindings: match inputs {
            Inputs::Columns => &[Uniform, Read, Read, ReadWrite, ReadWrite, Read],
            _ => &[Uniform, Read, Read, ReadWrite, ReadWrite],
        },
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

pub(super) fn synthetic(inputs: Inputs) -> Kernel {
    Kernel {
        name: "synthetic",
        wgsl: inputs.written().to_owned() + shaders!("synthetic.wgsl"),
        bindings: &[Uniform, Read, ReadWrite, ReadWrite],
    }
}

pub(super) fn read() -> Kernel {
    Kernel {
        name: "read",
        wgsl: shaders!("read.wgsl").to_owned(),
        bindings: &[Uniform, Read, ReadWrite],
    }
}

#[cfg(test)]
mod tests {
    use super::super::inputs::Inputs;
    use super::super::lanes::{Lanes, WORKGROUP_SIZE};
    use super::{
        Binding, ChunkParams, DESCENT_WORKGROUP_SIZE, DescentParams, FOLD_COLUMNS, FOLD_NODES,
        FoldParams, Kernel, READ_WORKGROUP_SIZE, ReadParams, SyntheticParams,
    };
    use crate::network::{Activation, Network};
    use crate::objective::Loss;
    use naga::{AddressSpace, StorageAccess, TypeInner};
    use std::mem::{offset_of, size_of};
    use std::path::Path;

    /// Every kernel in every variant, for shapes that take each path through the lanes.
    fn kernels() -> Vec<Kernel> {
        let mut kernels = vec![super::read(), super::fold(), super::gradient_descent()];
        kernels.extend(Inputs::ALL.map(super::synthetic));
        for (n_inputs, n_outputs) in [(1, 1), (32, 1), (784, 10), (8192, 16)] {
            let layer = Network::single_layer(n_inputs, n_outputs, true).layer();
            let lanes = Lanes::new(layer, 128, 8);
            for (subgroup, inputs) in [None, Some(8)]
                .into_iter()
                .flat_map(|subgroup| Inputs::ALL.map(|inputs| (subgroup, inputs)))
            {
                let sigmoid = Activation::Sigmoid;
                for loss in [Loss::SquaredError, Loss::CrossEntropy] {
                    let leaf_sums = super::leaf_sums(&lanes, subgroup, sigmoid, loss, inputs);
                    kernels.push(leaf_sums);
                }
                kernels.push(super::predict(&lanes, subgroup, sigmoid, inputs));
            }
        }
        kernels
    }

    fn parsed(kernel: &Kernel) -> naga::Module {
        let module = naga::front::wgsl::parse_str(&kernel.wgsl).unwrap_or_else(|error| {
            panic!("{}: {}", kernel.name, error.emit_to_string(&kernel.wgsl))
        });
        let all = naga::valid::Capabilities::all();
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), all)
            .validate(&module)
            .unwrap_or_else(|error| {
                panic!("{}: {}", kernel.name, error.emit_to_string(&kernel.wgsl))
            });
        module
    }

    fn workgroup_size(kernel: &Kernel) -> usize {
        match kernel.name {
            "gradient_descent" => DESCENT_WORKGROUP_SIZE,
            "read" => READ_WORKGROUP_SIZE,
            _ => WORKGROUP_SIZE,
        }
    }

    /// Name, offset and size in bytes of what the host writes into a kernel's uniform.
    fn params(kernel: &Kernel) -> (usize, Vec<(&'static str, usize)>) {
        match kernel.name {
            "fold" => (
                size_of::<FoldParams>(),
                vec![
                    ("n_nodes", offset_of!(FoldParams, n_nodes)),
                    ("n_columns", offset_of!(FoldParams, n_columns)),
                    ("first_folded", offset_of!(FoldParams, first_folded)),
                ],
            ),
            "read" => (
                size_of::<ReadParams>(),
                vec![("n_vectors", offset_of!(ReadParams, n_vectors))],
            ),
            "gradient_descent" => (
                size_of::<DescentParams>(),
                vec![
                    ("n_vectors", offset_of!(DescentParams, n_vectors)),
                    ("rate", offset_of!(DescentParams, rate)),
                ],
            ),
            "synthetic" => (
                size_of::<SyntheticParams>(),
                vec![
                    ("n_samples", offset_of!(SyntheticParams, n_samples)),
                    ("rows_per_leaf", offset_of!(SyntheticParams, rows_per_leaf)),
                    ("n_inputs", offset_of!(SyntheticParams, n_inputs)),
                    ("seed", offset_of!(SyntheticParams, seed)),
                    ("flip_below", offset_of!(SyntheticParams, flip_below)),
                    ("first_row_low", offset_of!(SyntheticParams, first_row_low)),
                    (
                        "first_row_high",
                        offset_of!(SyntheticParams, first_row_high),
                    ),
                ],
            ),
            _ => (
                size_of::<ChunkParams>(),
                vec![
                    ("n_samples", offset_of!(ChunkParams, n_samples)),
                    ("first_leaf", offset_of!(ChunkParams, first_leaf)),
                ],
            ),
        }
    }

    #[test]
    fn the_host_binds_what_the_shaders_declare() {
        for kernel in kernels() {
            let module = parsed(&kernel);
            let [entry] = module.entry_points.as_slice() else {
                panic!("{}: one entry point is expected", kernel.name);
            };
            assert_eq!(entry.name, "main", "{}", kernel.name);
            let size = u32::try_from(workgroup_size(&kernel)).unwrap();
            assert_eq!(entry.workgroup_size, [size, 1, 1], "{}", kernel.name);

            let mut declared: Vec<_> = module
                .global_variables
                .iter()
                .filter_map(|(_, variable)| {
                    let at = variable.binding.as_ref()?;
                    let binding = match variable.space {
                        AddressSpace::Uniform => Binding::Uniform,
                        AddressSpace::Storage { access } if access == StorageAccess::LOAD => {
                            Binding::Read
                        }
                        _ => Binding::ReadWrite,
                    };
                    Some(((at.group, at.binding), binding))
                })
                .collect();
            declared.sort_by_key(|(at, _)| *at);
            let listed: Vec<_> = (0..)
                .zip(kernel.bindings)
                .map(|(n, binding)| ((0, n), *binding))
                .collect();
            assert_eq!(declared, listed, "{}", kernel.name);
        }
    }

    #[test]
    fn the_uniforms_have_one_layout_on_both_sides() {
        for kernel in kernels() {
            let module = parsed(&kernel);
            let (_, variable) = module
                .global_variables
                .iter()
                .find(|(_, variable)| variable.space == AddressSpace::Uniform)
                .unwrap();
            let TypeInner::Struct { members, span } = &module.types[variable.ty].inner else {
                panic!("{}: the uniform is a struct", kernel.name);
            };
            let (size, fields) = params(&kernel);
            assert_eq!(*span as usize, size, "{}", kernel.name);
            let named: Vec<_> = members
                .iter()
                .map(|member| (member.name.as_deref().unwrap(), member.offset as usize))
                .filter(|(name, _)| !name.starts_with("_pad"))
                .collect();
            assert_eq!(named, fields, "{}", kernel.name);
        }
    }

    #[test]
    fn fold_takes_as_many_nodes_as_the_host_counts() {
        let wgsl = super::fold().wgsl;
        let constant = |name: &str| -> usize {
            let (_, rest) = wgsl.split_once(&format!("const {name} = ")).unwrap();
            rest.split_once("u;").unwrap().0.parse().unwrap()
        };
        let columns = constant("COLUMNS");
        assert_eq!(columns, FOLD_COLUMNS, "columns");
        let nodes = constant("WORKGROUP_SIZE") / columns * constant("PER_INVOCATION");
        assert_eq!(nodes, FOLD_NODES, "nodes");
    }

    #[test]
    fn every_file_of_the_shaders_is_part_of_a_kernel() {
        let kernels = kernels();
        // The environment's where this runs on a machine without cargo, otherwise what cargo baked in.
        let package = std::env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let shaders = Path::new(&package).join("shaders");
        let mut n_files = 0;
        for folder in [shaders.clone(), shaders.join("parts")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    continue;
                }
                n_files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let used = kernels.iter().any(|kernel| kernel.wgsl.contains(&text));
                assert!(used, "{} is part of no kernel", path.display());
            }
        }
        assert!(n_files >= 4, "{n_files} shaders were found");
    }
}
