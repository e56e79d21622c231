//! The kernels: each one's WGSL and its bindings.

use super::inputs::Inputs;
use super::lanes::Lanes;
use super::unroll::unrolled;
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

/// Invocations of a workgroup of `read`, and the vec4 that it reads.
pub(super) const READ_WORKGROUP_SIZE: usize = 256;
pub(super) const READ_PER_WORKGROUP: usize = 256 * READ_WORKGROUP_SIZE;

/// Nodes that one workgroup of `fold` folds, and vec4 columns it takes.
pub(super) const FOLD_NODES: usize = 1024;
pub(super) const FOLD_COLUMNS: usize = 4;

/// A kernel as text. Its name is the stem of its file and of its label.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) name: &'static str,
    pub(super) wgsl: String,
    pub(super) bindings: &'static [Binding],
}

impl Kernel {
    /// The text with its marked loops written out.
    pub(super) fn unrolled(&self) -> String {
        unrolled(&self.wgsl).unwrap_or_else(|problem| panic!("{}: {problem}", self.name))
    }
}

/// Includes files of `shaders/`, one after the other.
macro_rules! shaders {
    ($($file:literal),+) => { concat!($(include_str!(concat!("../../shaders/", $file)), "\n"),+) };
}

/// What all kernels that read rows share: constants, the lanes, the inputs, the forward pass.
fn forward(
    lanes: &Lanes,
    subgroup: Option<usize>,
    activation: Activation,
    inputs: Inputs,
) -> String {
    let lanes_exchange = match subgroup {
        Some(_) => shaders!("parts/lanes_subgroup.wgsl"),
        None => shaders!("parts/lanes_workgroup.wgsl"),
    };
    let activation = match activation {
        Activation::Sigmoid => shaders!("parts/activation_sigmoid.wgsl"),
        Activation::Softmax => shaders!("parts/activation_softmax.wgsl"),
        Activation::Identity => shaders!("parts/activation_identity.wgsl"),
        Activation::Tanh => shaders!("parts/activation_tanh.wgsl"),
    };
    [
        &lanes.header(subgroup),
        activation,
        inputs.read(),
        shaders!("parts/forward.wgsl", "parts/exchange.wgsl"),
        lanes_exchange,
    ]
    .concat()
}

/// All of `all` where each column has its scale and offset, which the last one holds; otherwise all but
/// that.
fn bindings(inputs: Inputs, all: &'static [Binding]) -> &'static [Binding] {
    match inputs {
        Inputs::Columns => all,
        Inputs::F32 | Inputs::F16 | Inputs::Bytes => &all[..all.len() - 1],
    }
}

/// … and those that sum: the loss, the backward pass.
fn sums(
    lanes: &Lanes,
    subgroup: Option<usize>,
    activation: Activation,
    loss: Loss,
    weighted: bool,
    inputs: Inputs,
) -> String {
    let loss = match (loss, activation) {
        (Loss::SquaredError, _) => shaders!("parts/loss_squared_error.wgsl"),
        (Loss::CrossEntropy, Activation::Softmax) => shaders!("parts/loss_softmax.wgsl"),
        (Loss::CrossEntropy, _) => shaders!("parts/loss_cross_entropy.wgsl"),
    };
    forward(lanes, subgroup, activation, inputs)
        + &format!("const WEIGHTED = {}u;\n", u32::from(weighted))
        + loss
        + shaders!("parts/groups.wgsl", "parts/backward.wgsl")
}

pub(super) fn leaf_sums(
    lanes: &Lanes,
    subgroup: Option<usize>,
    activation: Activation,
    loss: Loss,
    weighted: bool,
    inputs: Inputs,
) -> Kernel {
    Kernel {
        name: "leaf_sums",
        wgsl: sums(lanes, subgroup, activation, loss, weighted, inputs)
            + shaders!("leaf_sums.wgsl"),
        bindings: bindings(inputs, &[Uniform, Read, Read, Read, ReadWrite, Read]),
    }
}

/// As `leaf_sums`, but for what it does with the parameters.
pub(super) fn one_leaf(
    lanes: &Lanes,
    subgroup: Option<usize>,
    activation: Activation,
    loss: Loss,
    weighted: bool,
    inputs: Inputs,
) -> Kernel {
    Kernel {
        name: "one_leaf",
        wgsl: sums(lanes, subgroup, activation, loss, weighted, inputs) + shaders!("one_leaf.wgsl"),
        bindings: bindings(inputs, &[Uniform, Read, ReadWrite, Read, ReadWrite, Read]),
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
        bindings: bindings(inputs, &[Uniform, Read, Read, ReadWrite, ReadWrite, Read]),
    }
}

pub(super) fn fold() -> Kernel {
    Kernel {
        name: "fold",
        wgsl: shaders!("fold.wgsl").to_owned(),
        bindings: &[Uniform, Read, ReadWrite, ReadWrite],
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
    use super::super::lanes::{Lanes, MAX_WORKGROUP_SIZE, Machine};
    use super::super::params::tests::assert_uniforms;
    use super::{Binding, FOLD_COLUMNS, FOLD_NODES, Kernel, READ_WORKGROUP_SIZE};
    use crate::leaves::Leaves;
    use crate::network::{Activation, Network};
    use crate::objective::Loss;
    use naga::{AddressSpace, StorageAccess};
    use std::path::Path;

    /// Every kernel in every variant, for shapes that take each path through the lanes, with the
    /// invocations of a workgroup.
    fn kernels() -> Vec<(Kernel, usize)> {
        let mut kernels = vec![(super::fold(), 256), (super::read(), READ_WORKGROUP_SIZE)];
        kernels.extend(Inputs::ALL.map(|inputs| (super::synthetic(inputs), 256)));
        for (n_samples, n_inputs, n_outputs) in [
            (3, 3, 1),
            (1 << 20, 1, 1),
            (1 << 20, 32, 1),
            (100, 784, 10),
            (60, 8192, 16),
        ] {
            let layer = Network::single_layer(n_inputs, n_outputs, true).layer();
            let leaves = Leaves::new(n_samples, n_inputs, n_outputs);
            for (subgroup, software) in [(None, false), (Some(8), true), (Some(32), false)] {
                let machine = Machine {
                    subgroup: subgroup.unwrap_or(32),
                    software,
                };
                let lanes = Lanes::new(layer, leaves, machine);
                for (activation, loss, weighted, inputs) in [
                    (Activation::Sigmoid, Loss::SquaredError, false, Inputs::F32),
                    (Activation::Sigmoid, Loss::CrossEntropy, true, Inputs::F16),
                    (Activation::Softmax, Loss::CrossEntropy, true, Inputs::F32),
                    (
                        Activation::Softmax,
                        Loss::CrossEntropy,
                        false,
                        Inputs::Bytes,
                    ),
                    (Activation::Identity, Loss::SquaredError, true, Inputs::F32),
                    (
                        Activation::Identity,
                        Loss::SquaredError,
                        false,
                        Inputs::Columns,
                    ),
                ] {
                    for kernel in [super::leaf_sums, super::one_leaf] {
                        let kernel = kernel(&lanes, subgroup, activation, loss, weighted, inputs);
                        kernels.push((kernel, lanes.workgroup_size()));
                    }
                    let predict = super::predict(&lanes, subgroup, activation, inputs);
                    kernels.push((predict, lanes.workgroup_size()));
                }
            }
        }
        assert!(
            kernels.iter().all(|(_, size)| *size <= MAX_WORKGROUP_SIZE),
            "sizes"
        );
        kernels
    }

    fn parsed(name: &str, wgsl: &str) -> naga::Module {
        let module = naga::front::wgsl::parse_str(wgsl)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(wgsl)));
        let all = naga::valid::Capabilities::all();
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), all)
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(wgsl)));
        module
    }

    /// As it is written, and with its loops written out.
    fn both_forms(kernel: &Kernel) -> [naga::Module; 2] {
        [&kernel.wgsl, &kernel.unrolled()].map(|wgsl| parsed(kernel.name, wgsl))
    }

    fn assert_bindings(kernel: &Kernel, size: usize, module: &naga::Module) {
        let [entry] = module.entry_points.as_slice() else {
            panic!("{}: one entry point is expected", kernel.name);
        };
        assert_eq!(entry.name, "main", "{}", kernel.name);
        let size = u32::try_from(size).unwrap();
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

    #[test]
    fn the_host_binds_and_fills_what_the_shaders_declare_in_both_forms() {
        for (kernel, size) in kernels() {
            for module in both_forms(&kernel) {
                assert_bindings(&kernel, size, &module);
                assert_uniforms(&kernel, &module);
            }
        }
    }

    /// Loops that index no private array: over rows, iterations, stages with a barrier, workgroup memory.
    const LOOPS: [&str; 9] = [
        "for (var i = 0u; i < PER_INVOCATION; i += 4u) {",
        "for (var first = start; first < end; first += WORKGROUP_SIZE) {",
        "for (var i = invocation; i < n_rows * n_vectors; i += WORKGROUP_SIZE) {",
        "for (var row = start; row < end; row += ROWS_IN_FLIGHT) {",
        "for (var round = 0u; round < ROUNDS; round++) {",
        "for (var iteration = 0u; iteration < params.n_iterations; iteration++) {",
        "for (var distance = 1u; distance < n_terms; distance *= 2u) {",
        "for (var distance = 1u; distance < SLICES; distance *= 2u) {",
        "for (var q = 0u; q < n; q++) {",
    ];

    /// A private array stays in registers only where every index into it is a constant.
    #[test]
    fn the_loops_over_registers_are_written_out() {
        for (kernel, _) in kernels() {
            let text = kernel.unrolled();
            for line in text
                .lines()
                .map(str::trim)
                .filter(|line| line.contains("for ("))
            {
                assert!(LOOPS.contains(&line), "{}: {line}", kernel.name);
            }
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
                let used = kernels
                    .iter()
                    .any(|(kernel, _)| kernel.wgsl.contains(&text));
                assert!(used, "{} is part of no kernel", path.display());
            }
        }
        assert!(n_files >= 4, "{n_files} shaders were found");
    }
}
