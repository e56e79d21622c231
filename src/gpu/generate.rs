//! Synthetic rows made by the device that uses them: only their description crosses the bus.

use super::chunk::Chunk;
use super::device::Device;
use super::input_format::InputFormat;
use super::kernel::{Binding, Kernel, shaders};
use super::params::{SyntheticParams, to_u32};
use super::pipeline::Pipeline;
use crate::data::{Labels, Rule, Synthetic, UNITS};
use crate::error::Result;
use crate::random::words;

/// The kernel that makes the rows of `chunks` of the data set `synthetic`, in leaves of `rows_per_leaf` rows, with a dispatch
/// for each chunk.
pub(super) fn pipeline(
    device: &Device,
    synthetic: &Synthetic,
    format: InputFormat,
    rows_per_leaf: usize,
    chunks: &[Chunk],
) -> Result<Pipeline> {
    let labels = synthetic.labels();
    let weights = hidden_weight(labels, synthetic.n_inputs());
    let hidden_weight = device.storage("hidden_weight", 4 * weights.len())?;
    device.write(&hidden_weight, 0, bytemuck::cast_slice(&weights));
    let mut pipeline = Pipeline::new(device, &kernel(labels.rule(), format))?;
    for chunk in chunks {
        let [first_row_low, first_row_high] = words(chunk.rows.start as u64);
        let params = SyntheticParams {
            n_samples: to_u32(chunk.rows.len()),
            rows_per_leaf: to_u32(rows_per_leaf),
            n_inputs: to_u32(synthetic.n_inputs()),
            seed: synthetic.seed(),
            flip_below: synthetic.flip_below(),
            first_row_low,
            first_row_high,
            threshold: labels.threshold(),
        };
        let params = device.uniform("synthetic.params", &params)?;
        let buffers = [&params, &hidden_weight, &chunk.inputs, &chunk.targets];
        pipeline.add(device, &buffers, [chunk.leaves.len()])?;
    }
    Ok(pipeline)
}

/// Sums over the features of a row from which `rule` decides its label in `synthetic`.
fn n_sums(rule: Rule) -> usize {
    match rule {
        Rule::Linear | Rule::Xor | Rule::Circle => 1,
        Rule::Spiral => 2,
        Rule::Teacher => UNITS,
    }
}

/// `synthetic`: the rows of a synthetic data set, labelled by `rule` and written in `format`.
pub(super) fn kernel(rule: Rule, format: InputFormat) -> Kernel {
    // The constants of synthetic_rule.wgsl are called as the rules are, in capitals.
    let name = rule.name().to_uppercase();
    let n_sums = n_sums(rule);
    Kernel {
        name: "synthetic",
        wgsl: format!("const RULE = {name};\nconst SUMS = {n_sums}u;\n")
            + format.writer()
            + shaders!(
                "common/threefry.wgsl",
                "common/synthetic_rule.wgsl",
                "synthetic.wgsl"
            ),
        bindings: vec![
            Binding::Uniform,
            Binding::Read,
            Binding::ReadWrite,
            Binding::ReadWrite,
        ],
    }
}

/// The buffer `hidden_weight` of `synthetic`, as `synthetic_rule.wgsl` describes it.
fn hidden_weight(labels: &Labels, n_inputs: usize) -> Vec<[i32; 4]> {
    let n_sums = n_sums(labels.rule());
    let mut weights = vec![[0; 4]; n_inputs.div_ceil(4) * n_sums];
    // Empty if the rule has no weights.
    for (input, of_sums) in labels.weight().chunks_exact(n_sums).enumerate() {
        for (sum, weight) in of_sums.iter().enumerate() {
            weights[input / 4 * n_sums + sum][input % 4] = *weight;
        }
    }
    let units = labels.units().iter();
    weights.extend(units.map(|unit| [unit.bias, unit.output, 0, 0]));
    weights
}

#[cfg(test)]
mod tests {
    use super::pipeline;
    use crate::data::{Dataset, Rule, Storage, Synthetic};
    use crate::gpu::chunk::Chunk;
    use crate::gpu::device::tests::device;
    use crate::gpu::input_format::InputFormat;
    use crate::gpu::row_layout::RowLayout;
    use crate::gpu::workgroup_shape::MAX_LOOP_TRIPS;
    use crate::leaves::Leaves;
    use std::ops::Range;

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// Makes the rows from `first` on by the shader, into memory full of NaN, and by the CPU.
    fn assert_same_bits(n_inputs: usize, noise: f64, seed: u32, first: usize, n_rows: usize) {
        let synthetic = Synthetic::new(1 << 40, n_inputs as u64, noise, seed).unwrap();
        assert_same_bits_of(&synthetic, first, n_rows);
    }

    fn assert_same_bits_of(synthetic: &Synthetic, first: usize, n_rows: usize) {
        for storage in [Storage::F32, Storage::F16, Storage::U8] {
            let dataset = Dataset::synthetic(synthetic.clone());
            let dataset = dataset.stored_as(storage).unwrap();
            assert_stored(&dataset, synthetic, first..first + n_rows);
        }
    }

    fn assert_stored(dataset: &Dataset, synthetic: &Synthetic, rows: Range<usize>) {
        let device = device();
        let (n_inputs, n_rows) = (dataset.n_inputs(), rows.len());
        let rows_per_leaf = dataset.leaves().rows_per_leaf();
        let row_layout = RowLayout::new(dataset);
        let n_leaves = n_rows.div_ceil(rows_per_leaf);
        let memory = row_layout.allocate(&device, "test", n_rows).unwrap();
        let chunk = Chunk::new(&device, rows.clone(), 0..n_leaves, 0, memory).unwrap();
        device.poison(&chunk.inputs).unwrap();
        device.poison(&chunk.targets).unwrap();
        let chunks = [chunk];
        let format = InputFormat::new(dataset.quantization());
        let pipeline = pipeline(&device, synthetic, format, rows_per_leaf, &chunks).unwrap();
        device
            .run_pass("synthetic", |pass| pipeline.record_one(pass, 0))
            .unwrap();

        let what = format!(
            "{} as {:?}, rows {rows:?}",
            dataset.source(),
            dataset.storage()
        );
        let (mut inputs, mut targets) = (vec![0.0; n_rows * n_inputs], vec![0.0; n_rows]);
        dataset.read_unrounded(rows, &mut inputs, &mut targets);
        let mut expected = vec![0; n_rows * 4 * row_layout.inputs];
        dataset
            .quantization()
            .pack(&inputs, n_inputs, &mut expected);
        let made = device
            .read(&chunks[0].inputs, 0, n_rows * row_layout.inputs)
            .unwrap();
        let mut made: Vec<u8> = bytemuck::cast_slice(&made).to_vec();
        if dataset.storage() == Storage::U8 {
            // A byte that pads a row has a scale of 0, so it may be any.
            for row in made.chunks_exact_mut(4 * row_layout.inputs) {
                row[n_inputs..].fill(0);
            }
        }
        assert!(made == expected, "inputs of {what}");
        let made = device.read(&chunks[0].targets, 0, n_rows).unwrap();
        assert!(bits(&made) == bits(&targets), "targets of {what}");
        let ones = targets.iter().sum::<f32>();
        assert!(ones > 0.0 && ones < n_rows as f32, "one class in {what}");
    }

    /// Widths that fill no vector, one, and more than a workgroup; rows that fill no leaf, and more
    /// than one of them.
    #[test]
    fn the_shader_makes_the_bits_of_the_cpu() {
        for (n_inputs, n_rows) in [
            (1, 20_000),
            (3, 16_385),
            (4, 5000),
            (5, 8193),
            (33, 3000),
            (784, 700),
            (8192, 150),
        ] {
            for (noise, seed) in [(0.0, 1), (0.05, 0), (0.5, u32::MAX)] {
                assert_same_bits(n_inputs, noise, seed, 0, n_rows);
            }
        }
    }

    /// Every rule for widths that end anywhere in a vector, and whose sums are the largest.
    #[test]
    fn the_shader_labels_by_every_rule_as_the_cpu_does() {
        for n_inputs in [1, 2, 3, 4, 5, 6, 7, 8, 9, 33, 784, 8192] {
            for (at, rule) in Rule::ALL.into_iter().enumerate() {
                let (noise, seed) = [(0.0, 1), (0.05, 0), (0.5, u32::MAX)][(n_inputs + at) % 3];
                let synthetic = Synthetic::new(1 << 40, n_inputs as u64, noise, seed).unwrap();
                let Ok(synthetic) = synthetic.with_rule(rule) else {
                    assert_eq!(n_inputs, 1, "{rule}");
                    continue;
                };
                let n_rows = (40_000 / n_inputs).clamp(40, 9001);
                assert_same_bits_of(&synthetic, (1 << 32) - 777, n_rows);
            }
        }
    }

    /// A label is flipped below the noise, not at it: here the noise is the very word of a row.
    #[test]
    fn the_word_at_the_threshold_flips_no_label() {
        let noise = |words: u32| f64::from(words) / 4_294_967_296.0;
        let label = |words: u32, row: usize| {
            let synthetic = Synthetic::new(64, 3, noise(words), 1).unwrap();
            let (mut x, mut label) = ([0.0; 3], [0.0]);
            Dataset::synthetic(synthetic).read(row..row + 1, &mut x, &mut label);
            label[0].to_bits()
        };
        let flips = |words, row| label(words, row) != label(0, row);
        let row = (0..64).find(|row| flips(1 << 31, *row)).unwrap();
        let (mut unflipped, mut flipped) = (0, 1 << 31);
        while flipped - unflipped > 1 {
            let middle = unflipped + (flipped - unflipped) / 2;
            if flips(middle, row) {
                flipped = middle;
            } else {
                unflipped = middle;
            }
        }
        assert_same_bits(3, noise(unflipped), 1, 0, 64);
        assert_same_bits(3, noise(flipped), 1, 0, 64);
    }

    /// A row's number takes more than one word, and the carry may fall within a chunk.
    #[test]
    fn rows_beyond_32_bits_are_the_cpus() {
        for first in [
            (1 << 32) - 1000,
            1 << 32,
            (5 << 32) + 12_345,
            (1 << 40) - 3000,
        ] {
            assert_same_bits(5, 0.05, 1, first, 3000);
        }
    }

    /// The twin of the test in `workgroup_shape`, for the loops of `synthetic`: one over the rows of a leaf, one
    /// over their vectors.
    #[test]
    fn the_loops_of_an_invocation_stay_within_what_every_adapter_runs() {
        for n_inputs in 1..=8192_usize {
            let rows_per_leaf = Leaves::new(1, n_inputs, 1).rows_per_leaf();
            let rounds = rows_per_leaf.div_ceil(256);
            let vectors = rows_per_leaf.min(256) * n_inputs.div_ceil(4);
            let trips = rounds * (1 + vectors.div_ceil(256));
            assert!(trips <= MAX_LOOP_TRIPS, "{n_inputs} inputs: {trips} trips");
        }
    }
}
