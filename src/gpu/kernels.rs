//! The kernels: each one's WGSL and its bindings.

use super::input_format::InputFormat;
use super::unroll::unrolled;
use super::workgroup_shape::WorkgroupShape;
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

pub(super) use shaders;

/// What decides the text of a kernel that reads rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowKernel<'k> {
    pub(super) shape: &'k WorkgroupShape,
    /// The least number of invocations of a subgroup; `None` if shaders must not exchange within one.
    pub(super) subgroup: Option<usize>,
    pub(super) activation: Activation,
    pub(super) format: InputFormat,
}

/// What decides the rest of the text of a kernel that sums gradients.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summand {
    pub(super) loss: Loss,
    /// Whether each row has a weight.
    pub(super) weighted: bool,
}

impl RowKernel<'_> {
    /// `leaf_sums`: the sums of each leaf of a chunk.
    pub(super) fn leaf_sums(&self, summand: Summand) -> Kernel {
        Kernel {
            name: "leaf_sums",
            wgsl: self.backward_source(summand) + shaders!("leaf_sums.wgsl"),
            bindings: self.bindings(&[Uniform, Read, Read, Read, ReadWrite, Read]),
        }
    }

    /// `one_leaf`: the sums of a single leaf and the updates from them; so it writes the parameters.
    pub(super) fn one_leaf(&self, summand: Summand) -> Kernel {
        Kernel {
            name: "one_leaf",
            wgsl: self.backward_source(summand) + shaders!("one_leaf.wgsl"),
            bindings: self.bindings(&[Uniform, Read, ReadWrite, Read, ReadWrite, Read]),
        }
    }

    /// `predict`: pre-activations and predictions of the rows of a chunk.
    pub(super) fn predict(&self) -> Kernel {
        Kernel {
            name: "predict",
            wgsl: self.forward_source() + shaders!("predict.wgsl"),
            bindings: self.bindings(&[Uniform, Read, Read, ReadWrite, ReadWrite, Read]),
        }
    }

    /// The text that all kernels that read rows share: constants, inputs, the forward pass, the exchange
    /// among lanes, the activation.
    fn forward_source(&self) -> String {
        // The constants of functions.wgsl are called as the variants are, in capitals.
        let activation = format!("{:?}", self.activation).to_uppercase();
        let within_subgroup = match self.subgroup {
            Some(_) => shaders!("common/subgroup.wgsl"),
            None => shaders!("common/workgroup.wgsl"),
        };
        [
            &self.shape.header(self.subgroup),
            &format!("const ACTIVATION = {activation};\n"),
            self.format.reader(),
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
    /// sums over groups.
    fn backward_source(&self, summand: Summand) -> String {
        let loss = match summand.loss {
            Loss::SquaredError => "SQUARED_ERROR",
            Loss::CrossEntropy => "CROSS_ENTROPY",
        };
        let weighted = u32::from(summand.weighted);
        self.forward_source()
            + &format!("const LOSS = {loss};\nconst WEIGHTED = {weighted}u;\n")
            + shaders!(
                "common/loss.wgsl",
                "common/backward.wgsl",
                "common/sum_groups.wgsl"
            )
    }

    /// The bindings of the kernel. The last one of `all`, the scales and offsets of the columns, exists only
    /// for inputs that are stored with such.
    fn bindings(&self, all: &'static [Binding]) -> &'static [Binding] {
        match self.format {
            InputFormat::ScaledU8 => all,
            InputFormat::F32 | InputFormat::F16 | InputFormat::U8 => &all[..all.len() - 1],
        }
    }
}

/// `fold`: sums of 1,024 neighbouring nodes, and the update at the root.
pub(super) fn fold() -> Kernel {
    Kernel {
        name: "fold",
        wgsl: shaders!("fold.wgsl").to_owned(),
        bindings: &[Uniform, Read, ReadWrite, ReadWrite],
    }
}

/// `synthetic`: the rows of a synthetic data set, written in `format`.
pub(super) fn synthetic(format: InputFormat) -> Kernel {
    Kernel {
        name: "synthetic",
        wgsl: format.writer().to_owned() + shaders!("synthetic.wgsl"),
        bindings: &[Uniform, Read, ReadWrite, ReadWrite],
    }
}

#[cfg(test)]
mod tests {
    use super::super::input_format::InputFormat;
    use super::super::params::tests::assert_uniforms;
    use super::super::workgroup_shape::{DeviceShape, MAX_WORKGROUP_SIZE, WorkgroupShape};
    use super::{Binding, FOLD_COLUMNS, FOLD_NODES, Kernel, RowKernel, Summand};
    use crate::gpu::{fma, read};
    use crate::leaves::Leaves;
    use crate::network::{Activation, Network};
    use crate::objective::Loss;
    use naga::{AddressSpace, StorageAccess};
    use std::path::Path;

    /// Activation, loss, weights and format of the kernels below; together they take every branch.
    const OBJECTIVES: [(Activation, Loss, bool, InputFormat); 6] = [
        (
            Activation::Sigmoid,
            Loss::SquaredError,
            false,
            InputFormat::F32,
        ),
        (
            Activation::Sigmoid,
            Loss::CrossEntropy,
            true,
            InputFormat::F16,
        ),
        (
            Activation::Softmax,
            Loss::CrossEntropy,
            true,
            InputFormat::F32,
        ),
        (
            Activation::Softmax,
            Loss::CrossEntropy,
            false,
            InputFormat::U8,
        ),
        (
            Activation::Identity,
            Loss::SquaredError,
            true,
            InputFormat::F32,
        ),
        (
            Activation::Identity,
            Loss::SquaredError,
            false,
            InputFormat::ScaledU8,
        ),
    ];

    /// Every kernel in every variant, for shapes that take each path through the lanes, with the
    /// invocations of a workgroup.
    fn kernels() -> Vec<(Kernel, usize)> {
        let mut kernels = vec![
            (super::fold(), 256),
            (read::kernel(), read::WORKGROUP_SIZE),
            (fma::kernel(), fma::WORKGROUP_SIZE),
        ];
        kernels.extend(InputFormat::ALL.map(|format| (super::synthetic(format), 256)));
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
                let device_shape = DeviceShape {
                    subgroup: subgroup.unwrap_or(32),
                    software,
                };
                let shape = WorkgroupShape::new(layer, leaves, device_shape);
                for (activation, loss, weighted, format) in OBJECTIVES {
                    let kernel = RowKernel {
                        shape: &shape,
                        subgroup,
                        activation,
                        format,
                    };
                    let summand = Summand { loss, weighted };
                    let made = [
                        kernel.leaf_sums(summand),
                        kernel.one_leaf(summand),
                        kernel.predict(),
                    ];
                    kernels.extend(made.map(|kernel| (kernel, shape.workgroup_size())));
                }
            }
        }
        kernels.extend(crate::gpu::dense_kernels::tests::kernels());
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

    /// The kernel as it is written, and the kernel with its loops written out.
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
    const LOOPS: [&str; 18] = [
        "for (var trip = 0u; trip < params.n_trips; trip++) {",
        "for (var i = 0u; i < PER_INVOCATION; i += 4u) {",
        "for (var first = start; first < end; first += WORKGROUP_SIZE) {",
        "for (var i = invocation; i < n_rows * n_vectors; i += WORKGROUP_SIZE) {",
        "for (var row = start; row < end; row += ROWS_PER_ROUND) {",
        "for (var round = 0u; round < ROUNDS; round++) {",
        "for (var iteration = 0u; iteration < params.n_iterations; iteration++) {",
        "for (var distance = 1u; distance < n_terms; distance *= 2u) {",
        "for (var distance = 1u; distance < SLICES; distance *= 2u) {",
        "for (var q = 0u; q < n; q++) {",
        "for (var vector = 0u; vector < VEC4_PER_ROW; vector += DEPTH) {",
        "for (var output = 0u; output < OUTPUTS; output += OUTPUTS_AT_ONCE) {",
        "for (var row = start; row < end; row += ROWS_AT_ONCE) {",
        "for (var row = start + invocation; row < end; row += WORKGROUP_SIZE) {",
        "for (var distance = 1u; distance < WORKGROUP_SIZE; distance *= 2u) {",
        "for (var o = 0u; o < OUTPUTS; o++) {",
        "for (var o = 1u; o < OUTPUTS; o++) {",
        "for (var o = OUTPUTS; o < PADDED; o++) {",
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
        // The environment names the folder where this runs on a machine without cargo.
        let package = std::env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let shaders = Path::new(&package).join("shaders");
        let mut n_files = 0;
        for folder in [shaders.clone(), shaders.join("common")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_none_or(|extension| extension != "wgsl") {
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
