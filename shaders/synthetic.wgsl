// synthetic: rows of a synthetic data set: features in [-1, 1), and their labels, 0 or 1. (writes with =)
// hidden_weight as in common/synthetic_rule.wgsl; inputs (n_samples, n_vectors) as in common/synthetic_*.wgsl, padded
// with 0; targets (n_samples). Integers decide everything, so the bits are those of the CPU.
// One workgroup a leaf of rows_per_leaf rows, WORKGROUP_SIZE of them at a time: the invocations take
// whole vec4 side by side and add to the sums of their row, then each gives one row its label.
// CPU twin: Synthetic::row in src/data/synthetic.rs.
const WORKGROUP_SIZE = 256u;
const NOISE_BLOCK = 0xFFFFu; // number of the block whose first word decides whether a label is flipped

struct Params {
    n_samples: u32,     // rows of this chunk
    rows_per_leaf: u32,
    n_inputs: u32,
    seed: u32,
    flip_below: u32,    // a noise word below this flips the label
    first_row_low: u32, // number of the chunk's first row among all, in two words
    first_row_high: u32,
    threshold: i32,     // of the rule
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> hidden_weight: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read_write> targets: array<f32>;

var<workgroup> sums: array<atomic<i32>, WORKGROUP_SIZE * SUMS>;

// Block `block` of the words of row `row` of this chunk; rows are numbered in 48 bits.
fn words(row: u32, block: u32) -> vec2<u32> {
    let low = params.first_row_low + row;
    let high = params.first_row_high + u32(low < row);
    return threefry(vec2(params.seed, 0u), vec2(low, (high << 16u) | block));
}

// Which of four columns are features, and not what pads a row.
fn is_feature(vector: u32) -> vec4<bool> {
    return vec4(4u * vector) + vec4(0u, 1u, 2u, 3u) < vec4(params.n_inputs);
}

// Four features as integers of 24 bits, centred.
fn features(row: u32, vector: u32) -> vec4<i32> {
    let drawn = vec4(words(row, 2u * vector), words(row, 2u * vector + 1u));
    let centred = vec4<i32>(drawn >> vec4(8u)) - vec4(1 << 23u);
    return select(vec4(0), centred, is_feature(vector));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let n_vectors = (params.n_inputs + 3u) / 4u;
    let start = workgroup.x * params.rows_per_leaf;
    let end = min(start + params.rows_per_leaf, params.n_samples);
    for (var first = start; first < end; first += WORKGROUP_SIZE) {
        let n_rows = min(end - first, WORKGROUP_SIZE);
        for (var sum = 0u; sum < SUMS; sum++) { // unroll
            atomicStore(&sums[invocation * SUMS + sum], 0);
        }
        workgroupBarrier();
        for (var i = invocation; i < n_rows * n_vectors; i += WORKGROUP_SIZE) {
            let row = i / n_vectors;
            let vector = i % n_vectors;
            let x = features(first + row, vector);
            write_features(first * n_vectors + i, x);
            for (var sum = 0u; sum < SUMS; sum++) { // unroll
                atomicAdd(&sums[row * SUMS + sum], term(sum, vector, x));
            }
        }
        workgroupBarrier();
        if invocation < n_rows {
            let row = first + invocation;
            let flipped = words(row, NOISE_BLOCK)[0] < params.flip_below;
            targets[row] = f32(label(invocation, n_vectors) != flipped);
        }
    }
}
