//! Every kernel against what the host binds, fills and unrolls.

use super::{RowKernel, RowLoss, RowOrder};
use crate::data::Rule;
use crate::gpu::input_format::InputFormat;
use crate::gpu::kernel::{Binding, Kernel};
use crate::gpu::params::tests::assert_params;
use crate::gpu::workgroup_shape::{DeviceShape, MAX_WORKGROUP_SIZE, WorkgroupShape};
use crate::gpu::{fma, generate, read};
use crate::leaves::Leaves;
use crate::network::{Activation, Network};
use crate::objective::Loss;
use naga::back::{hlsl, msl};
use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, StorageAccess};
use std::path::PathBuf;

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
    for rule in Rule::ALL {
        let made = InputFormat::ALL.map(|format| (generate::kernel(rule, format), 256));
        kernels.extend(made);
    }
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
            for (number, (activation, loss, weighted, format)) in OBJECTIVES.into_iter().enumerate()
            {
                let kernel = RowKernel {
                    shape: &shape,
                    subgroup,
                    activation,
                    format,
                    order: match number % 2 {
                        0 => RowOrder::InOrder,
                        _ => RowOrder::OfBatch(256),
                    },
                };
                let row_loss = RowLoss { loss, weighted };
                let made = [
                    kernel.leaf_sums(row_loss),
                    kernel.one_leaf(row_loss),
                    kernel.predict(),
                ];
                kernels.extend(made.map(|kernel| (kernel, shape.workgroup_size())));
            }
        }
    }
    kernels.extend(crate::gpu::dense_kernels::tests::kernels());
    kernels.extend(crate::gpu::optimizer::tests::kernels());
    kernels.push(crate::gpu::row_numbers::tests::kernel());
    kernels.extend(crate::gpu::small_network::tests::kernels());
    kernels.extend(crate::gpu::gradients::tests::kernels());
    assert!(
        kernels.iter().all(|(_, size)| *size <= MAX_WORKGROUP_SIZE),
        "sizes"
    );
    kernels
}

fn parsed(name: &str, wgsl: &str) -> naga::Module {
    let module = naga::front::wgsl::parse_str(wgsl)
        .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(wgsl)));
    let valid = validator().validate(&module);
    valid.unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(wgsl)));
    module
}

fn validator() -> Validator {
    Validator::new(ValidationFlags::all(), Capabilities::all())
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
                AddressSpace::Storage { access } if access == StorageAccess::LOAD => Binding::Read,
                _ => Binding::ReadWrite,
            };
            Some(((at.group, at.binding), binding))
        })
        .collect();
    declared.sort_by_key(|(at, _)| *at);
    let listed: Vec<_> = (0..)
        .zip(&kernel.bindings)
        .map(|(n, binding)| ((0, n), binding.without_offset()))
        .collect();
    assert_eq!(declared, listed, "{}", kernel.name);
}

#[test]
fn the_host_binds_and_fills_what_the_shaders_declare_in_both_forms() {
    for (kernel, size) in kernels() {
        for module in both_forms(&kernel) {
            assert_bindings(&kernel, size, &module);
            assert_params(&kernel, &module);
        }
    }
}

/// Metal and DX12 compile other languages than Vulkan does, into which naga translates.
#[test]
fn kernels_are_translated_for_metal_and_dx12() {
    let of_metal = msl::Options {
        lang_version: (2, 4),
        ..msl::Options::default()
    };
    let of_dx12 = hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_0,
        ..hlsl::Options::default()
    };
    for (kernel, _) in kernels() {
        for module in both_forms(&kernel) {
            let info = validator().validate(&module).expect("validated before");
            let written = msl::write_string(&module, &info, &of_metal, &Default::default());
            let (metal, _) = written.unwrap_or_else(|error| panic!("{}: {error}", kernel.name));
            assert!(metal.contains("kernel void"), "{}", kernel.name);
            let (mut dx12, options) = (String::new(), Default::default());
            let written = hlsl::Writer::new(&mut dx12, &of_dx12, &options);
            let written = { written }.write(&module, &info, None).map(drop);
            written.unwrap_or_else(|error| panic!("{}: {error}", kernel.name));
            assert!(dx12.contains("[numthreads("), "{}", kernel.name);
        }
    }
}

/// Loops that index no private array: over rows, iterations, stages with a barrier, workgroup memory.
const LOOPS: [&str; 42] = [
    "for (var number = 0u; number < updates.n_updates; number++) {",
    "for (var l = 0u; l < LAYERS; l++) {",
    "for (var l = LAYERS - 1u; l > 0u; l--) {",
    "for (var i = invocation; i < n_rows * VEC4_PER_ROW; i += WORKGROUP_SIZE) {",
    "for (var i = invocation; i < n_rows * layer.output_width; i += WORKGROUP_SIZE) {",
    "for (var i = invocation; i < n_rows * layer.input_width; i += WORKGROUP_SIZE) {",
    "for (var i = invocation; i < weights; i += WORKGROUP_SIZE) {",
    "for (var vector = invocation; vector < layer.output_width; vector += WORKGROUP_SIZE) {",
    "for (var column = invocation; column < PARAMETERS; column += WORKGROUP_SIZE) {",
    "for (var column = invocation; column < TRAINED; column += WORKGROUP_SIZE) {",
    "for (var row = invocation; row < n_rows; row += WORKGROUP_SIZE) {",
    "for (var row = 0u; row < n_rows; row++) {",
    "for (var v = 0u; v < layer.input_width; v++) {",
    "for (var v = 0u; v < layer.output_width; v++) {",
    "for (var trip = 0u; trip < params.n_trips; trip++) {",
    "for (var turn = 0u; turn < MOST_TURNS; turn++) {",
    "for (var i = 0u; i < PER_INVOCATION; i += 4u) {",
    "for (var first = start; first < end; first += WORKGROUP_SIZE) {",
    "for (var i = invocation; i < n_rows * n_vectors; i += WORKGROUP_SIZE) {",
    "for (var row = start; row < end; row += ROWS_PER_ROUND) {",
    "for (var round = 0u; round < ROUNDS; round++) {",
    "for (var iteration = 0u; iteration < params.n_iterations; iteration++) {",
    "for (var distance = 1u; distance < n_terms; distance *= 2u) {",
    "for (var distance = 1u; distance < SLICES; distance *= 2u) {",
    "for (var q = 0u; q < n; q++) {",
    "for (var vector = 0u; vector < layer.input_width; vector += DEPTH) {",
    "for (var output = 0u; output < layer.outputs; output += AT_ONCE) {",
    "for (var l = 1u; l < LAYERS; l++) {",
    "for (var row = start; row < end; row += AT_ONCE) {",
    "for (var row = start + invocation; row < end; row += WORKGROUP_SIZE) {",
    "for (var distance = 1u; distance < WORKGROUP_SIZE; distance *= 2u) {",
    "for (var lane = invocation; lane < LOSS_LANES; lane += WORKGROUP_SIZE) {",
    "for (var row = lane; row < params.n_rows; row += LOSS_LANES) {",
    "for (var distance = 1u; distance < LOSS_LANES; distance *= 2u) {",
    "for (var lane = 2u * distance * invocation; lane < LOSS_LANES; lane += 2u * distance * WORKGROUP_SIZE) {",
    "for (var o = 0u; o < OUTPUTS; o++) {",
    "for (var o = 1u; o < OUTPUTS; o++) {",
    "for (var o = OUTPUTS; o < PADDED; o++) {",
    "for (var o = lane; o < OUTPUTS; o += OUTPUT_LANES) {",
    "for (var o = lane; o < PADDED; o += OUTPUT_LANES) {",
    "for (var o = invocation % OUTPUT_LANES; o < OUTPUTS; o += OUTPUT_LANES) {",
    "for (var distance = 1u; distance < OUTPUT_LANES; distance *= 2u) {",
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

/// The folder of the package, which the environment names where this runs on a machine without cargo.
fn package() -> PathBuf {
    let root = std::env::var("NEURALNET_ROOT");
    root.map_or_else(|_| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// The files of the shaders.
fn files() -> Vec<PathBuf> {
    let shaders = package().join("shaders");
    let folders = [shaders.clone(), shaders.join("common")];
    let entries = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|it| it == "wgsl"));
    let files: Vec<_> = files.collect();
    assert!(files.len() > 40, "{} shaders were found", files.len());
    files
}

#[test]
fn every_file_of_the_shaders_is_part_of_a_kernel() {
    let kernels = kernels();
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let used = kernels
            .iter()
            .any(|(kernel, _)| kernel.wgsl.contains(&text));
        assert!(used, "{} is part of no kernel", path.display());
    }
}

/// A head names its twins as `name in src/file.rs`, or only the file.
#[test]
fn the_twins_that_shaders_name_exist() {
    let mut n_twins = 0;
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let comments = text.lines().filter_map(|line| line.strip_prefix("// "));
        let words: Vec<String> = comments
            .flat_map(str::split_whitespace)
            .map(|word| word.trim_end_matches(['.', ',', ';']).to_owned())
            .collect();
        for (at, file) in words.iter().enumerate() {
            if !file.starts_with("src/") || !file.ends_with(".rs") {
                continue;
            }
            let rust = std::fs::read_to_string(package().join(file));
            let rust = rust.unwrap_or_else(|error| panic!("{}: {file}: {error}", path.display()));
            n_twins += 1;
            if at >= 2 && words[at - 1] == "in" {
                let name = words[at - 2].rsplit("::").next().unwrap();
                let is_there = ["fn", "struct", "enum"].iter().any(|kind| {
                    let item = format!("{kind} {name}");
                    let mut rests = rust.split(&item).skip(1);
                    rests
                        .any(|rest| !rest.starts_with(|it: char| it.is_alphanumeric() || it == '_'))
                });
                assert!(is_there, "{}: {file} has no {name}", path.display());
            }
        }
    }
    assert!(n_twins > 30, "only {n_twins} twins are named");
}
