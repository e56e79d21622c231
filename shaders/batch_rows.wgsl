// batch_rows: the numbers of the rows of neighbouring batches of an epoch, for each of `segments`. (writes with =)
// rows (batches, stride), of which the first batch_size of each batch, or as many as the epoch has left, are written.
// The order of an epoch is a permutation of 0..n_samples that belongs to its key: a Feistel network on twice half_bits
// bits, whose results past the last row are sent through it again. An invocation takes one place of the order of a
// segment (workgroup_id.z).
// CPU twin: permuted in src/random/permutation.rs.
struct Segment {
    n_samples: u32,   // rows of the data
    first_place: u32, // in the order of the epoch; a multiple of batch_size
    n_places: u32,    // of all its batches
    batch_size: u32,
    stride: u32,      // from the first row of a batch to that of the next
    half_bits: u32,
    key_0: u32,
    key_1: u32,
    rows_at: u32,     // where the rows of the first batch begin in `rows`
    _pad0: u32,
    _pad1: u32,
    _pad2: u32,
}

@group(0) @binding(0) var<storage, read> segments: array<Segment>;
@group(0) @binding(1) var<storage, read_write> rows: array<u32>;

const WORKGROUP_SIZE = 256u;
const ROUNDS = 8u;
// Four turns are the mean at most; a network that is no permutation must not hang the device.
const MOST_TURNS = 4096u;

fn permuted(segment: Segment, place: u32) -> u32 {
    let mask = 0xFFFFFFFFu >> (32u - segment.half_bits);
    let key = vec2(segment.key_0, segment.key_1);
    var left = (place >> segment.half_bits) & mask;
    var right = place & mask;
    for (var turn = 0u; turn < MOST_TURNS; turn++) {
        for (var round = 0u; round < ROUNDS; round++) { // unroll
            let word = threefry(key, vec2(right, round))[0];
            let sent = left ^ (word & mask);
            left = right;
            right = sent;
        }
        let number = (left << segment.half_bits) | right;
        if number < segment.n_samples {
            return number;
        }
    }
    return segment.n_samples - 1u;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let at = (workgroup.y * workgroups.x + workgroup.x) * WORKGROUP_SIZE + invocation;
    let segment = segments[workgroup.z];
    if at < segment.n_places {
        let to = segment.rows_at + at / segment.batch_size * segment.stride + at % segment.batch_size;
        rows[to] = permuted(segment, segment.first_place + at);
    }
}
