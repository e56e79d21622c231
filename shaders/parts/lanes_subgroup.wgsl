// The entry point, and exchange among lanes by shuffles, within SHUFFLED lanes, as many as
// a subgroup has at least here.
// Invocations are numbered by subgroup: the language does not tie local_invocation_index to it. The
// numbers are those from 0 to WORKGROUP_SIZE - 1 where every subgroup but the last is full, as drivers
// make them.
var<private> subgroup_lane: u32; // number in the subgroup

// Lanes that differ in one bit of their number swap the values that differ in that bit, so that each stage
// halves the values a lane has left: lane l ends with values l, l + SHUFFLED, … A value without a
// partner is summed in both.
fn sum_shuffled() {
    for (var distance = 1u; distance < SHUFFLED; distance *= 2u) { // unroll
        let upper = (subgroup_lane & distance) != 0u;
        let n_left = (N_VALUES + distance - 1u) / distance;
        for (var i = 0u; i < N_VALUES; i += 2u) { // unroll
            if i + 1u < n_left {
                let kept = select(z[i], z[i + 1u], upper);
                let given = select(z[i + 1u], z[i], upper);
                z[i / 2u] = kept + subgroupShuffleXor(given, distance);
            } else if i < n_left {
                z[i / 2u] = z[i] + subgroupShuffleXor(z[i], distance);
            }
        }
    }
}

fn share_shuffled() {
    let group = subgroup_lane - subgroup_lane % LANES;
    for (var v = 0u; v < N_VALUES; v++) { // unroll
        shared_z[v] = subgroupShuffle(z[v / LANES], group + v % LANES);
    }
}

// The sum over the lanes, and over the groups, that shuffles reach.
fn sum_shuffled_lanes(value: vec4<f32>) -> vec4<f32> {
    var sum = value;
    for (var distance = 1u; distance < SHUFFLED; distance *= 2u) { // unroll
        sum += subgroupShuffleXor(sum, distance);
    }
    return sum;
}

fn sum_shuffled_groups(value: vec4<f32>) -> vec4<f32> {
    var sum = value;
    for (var distance = 1u; distance < NEAR; distance *= 2u) { // unroll
        sum += subgroupShuffleXor(sum, distance * LANES);
    }
    return sum;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_size) subgroup_size: u32,
    @builtin(subgroup_invocation_id) subgroup_invocation: u32,
) {
    subgroup_lane = subgroup_invocation;
    run(workgroup.x, subgroup * subgroup_size + subgroup_invocation);
}
