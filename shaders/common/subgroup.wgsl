// subgroup: the entry point, and sums and exchange within a subgroup, by shuffles.  (with =)
// partial_z and group_value (VALUES_PER_GROUP) and own_value (VALUES_PER_LANE) as in exchange.wgsl.
// LANES_PER_SUBGROUP lanes of a row lie in one subgroup, and GROUPS_PER_SUBGROUP groups where a row takes no
// more than a subgroup: both are reckoned for the smallest subgroup the adapter may use.
// Invocations are numbered by subgroup, as WGSL does not tie local_invocation_index to it. The numbers are 0 to
// WORKGROUP_SIZE - 1 where every subgroup but the last is full, as drivers make them.
// CPU twin: the order of the sums is src/leaves.rs's Fold.
var<private> subgroup_lane: u32; // number of this invocation in its subgroup

// Sums partial_z over the lanes of a subgroup. Lanes whose numbers differ in one bit swap the values whose
// numbers differ in that bit, so each stage halves the values a lane has left: lane l ends with the sums of
// values l, l + LANES_PER_SUBGROUP, ... A value without a partner is summed in both lanes.
fn sum_lanes_of_subgroup() {
    for (var distance = 1u; distance < LANES_PER_SUBGROUP; distance *= 2u) { // unroll
        let upper = (subgroup_lane & distance) != 0u;
        let n_left = (VALUES_PER_GROUP + distance - 1u) / distance;
        for (var i = 0u; i < VALUES_PER_GROUP; i += 2u) { // unroll
            if i + 1u < n_left {
                let kept = select(partial_z[i], partial_z[i + 1u], upper);
                let given = select(partial_z[i + 1u], partial_z[i], upper);
                partial_z[i / 2u] = kept + subgroupShuffleXor(given, distance);
            } else if i < n_left {
                partial_z[i / 2u] = partial_z[i] + subgroupShuffleXor(partial_z[i], distance);
            }
        }
    }
}

// Gives every lane of a group, which lies within one subgroup, the values that the others own.
fn share_in_subgroup() {
    let group_at = subgroup_lane - subgroup_lane % LANES_PER_ROW;
    for (var v = 0u; v < VALUES_PER_GROUP; v++) { // unroll
        group_value[v] = subgroupShuffle(own_value[v / LANES_PER_ROW], group_at + v % LANES_PER_ROW);
    }
}

// The sum of `value` over the lanes of a row that lie in one subgroup.
fn sum_vec4_of_subgroup(value: vec4<f32>) -> vec4<f32> {
    var sum = value;
    for (var distance = 1u; distance < LANES_PER_SUBGROUP; distance *= 2u) { // unroll
        sum += subgroupShuffleXor(sum, distance);
    }
    return sum;
}

// The sum of `value` over the groups of a subgroup, for each lane of a row by itself.
fn sum_groups_of_subgroup(value: vec4<f32>) -> vec4<f32> {
    var sum = value;
    for (var distance = 1u; distance < GROUPS_PER_SUBGROUP; distance *= 2u) { // unroll
        sum += subgroupShuffleXor(sum, distance * LANES_PER_ROW);
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
