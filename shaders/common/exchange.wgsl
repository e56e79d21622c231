// exchange: own_z = the sums of partial_z over the lanes of a row, and group_value = the own_value of every
// lane of the group.                                                            (both with =)
// partial_z and group_value (VALUES_PER_GROUP), own_z and own_value (VALUES_PER_LANE), all of one invocation.
// The lanes of a row that lie in one subgroup, LANES_PER_SUBGROUP, exchange by shuffles (subgroup.wgsl); the
// SUBGROUPS_PER_ROW sums that are left meet in workgroup memory. Without shuffles a subgroup counts as one lane.
// Every sum is a tree of neighbours: 0+1, 2+3, ..., then those, an odd last term carried up as it is. That is
// the tree of the shuffles too, so how lanes exchange changes no bit.
// CPU twin: the order of the sums is src/leaves.rs's Fold; their values are those of src/cpu/forward.rs.
const SUBGROUPS_PER_ROW = LANES_PER_ROW / LANES_PER_SUBGROUP;
const PARTIALS_PER_EXCHANGE = 8u; // numbers of partial_z an invocation exchanges at once, four to a vec4

var<workgroup> exchanged: array<vec4<f32>, max(SUMS_PER_EXCHANGE, PARTIALS_PER_EXCHANGE / 4u) * WORKGROUP_SIZE>;
// Floats, not vec4: in WGSL a store to one component of a vector races with stores to the others.
var<workgroup> shared_values: array<f32, SHARED_VALUES>; // (GROUPS, VALUES_PER_GROUP)
var<private> own_value: array<f32, VALUES_PER_LANE>;
var<private> group_value: array<f32, VALUES_PER_GROUP>;

// Sums `n` series of n_terms vec4 each. Term i of a series lies i * unit places behind term 0, where the sum
// ends up; this invocation holds the terms of number `term`.
fn sum_in_memory(invocation: u32, n: u32, term: u32, n_terms: u32, unit: u32) {
    for (var distance = 1u; distance < n_terms; distance *= 2u) {
        workgroupBarrier();
        if term % (2u * distance) == 0u && term + distance < n_terms {
            for (var q = 0u; q < n; q++) {
                let at = q * WORKGROUP_SIZE + invocation;
                exchanged[at] += exchanged[at + distance * unit];
            }
        }
    }
    workgroupBarrier();
}

// Sums partial_z over the lanes of a row into own_z.
fn sum_lanes(invocation: u32) {
    sum_lanes_of_subgroup();
    if LANES_PER_ROW > LANES_PER_SUBGROUP {
        sum_subgroups(invocation);
    } else {
        for (var v = 0u; v < VALUES_PER_GROUP; v += LANES_PER_ROW) { // unroll
            own_z[v / LANES_PER_ROW] = partial_z[v / LANES_PER_ROW];
        }
    }
}

// Sums over the subgroups of a row. When this starts, partial_z[s] is the sum over this subgroup's lanes of
// value s * LANES_PER_SUBGROUP + lane % LANES_PER_SUBGROUP.
fn sum_subgroups(invocation: u32) {
    let lane = invocation % LANES_PER_ROW;
    let group_at = invocation - lane;
    for (var first = 0u; first < VALUES_PER_GROUP; first += PARTIALS_PER_EXCHANGE * LANES_PER_SUBGROUP) { // unroll
        if first > 0u {
            workgroupBarrier();
        }
        for (var s = 0u; s < PARTIALS_PER_EXCHANGE; s += 4u) { // unroll
            let partial = first / LANES_PER_SUBGROUP + s;
            exchanged[s / 4u * WORKGROUP_SIZE + invocation] = vec4(
                partial_z[min(partial, VALUES_PER_GROUP)],
                partial_z[min(partial + 1u, VALUES_PER_GROUP)],
                partial_z[min(partial + 2u, VALUES_PER_GROUP)],
                partial_z[min(partial + 3u, VALUES_PER_GROUP)],
            );
        }
        let n_values = min(VALUES_PER_GROUP - first, PARTIALS_PER_EXCHANGE * LANES_PER_SUBGROUP);
        let n_partials = (n_values + LANES_PER_SUBGROUP - 1u) / LANES_PER_SUBGROUP;
        let subgroup = lane / LANES_PER_SUBGROUP;
        sum_in_memory(invocation, (n_partials + 3u) / 4u, subgroup, SUBGROUPS_PER_ROW, LANES_PER_SUBGROUP);
        for (var v = 0u; v < VALUES_PER_GROUP; v += LANES_PER_ROW) { // unroll
            let value = v + lane;
            if value >= first && value < min(first + PARTIALS_PER_EXCHANGE * LANES_PER_SUBGROUP, VALUES_PER_GROUP) {
                let partial = (value - first) / LANES_PER_SUBGROUP;
                let at = partial / 4u * WORKGROUP_SIZE + group_at + value % LANES_PER_SUBGROUP;
                own_z[v / LANES_PER_ROW] = exchanged[at][partial % 4u];
            }
        }
    }
}

// Gives every lane of the group the own_value of each of its lanes.
fn share_values(invocation: u32) {
    if LANES_PER_ROW > LANES_PER_SUBGROUP {
        share_in_memory(invocation);
    } else if LANES_PER_ROW == 1u || VALUES_PER_GROUP == 1u {
        for (var v = 0u; v < VALUES_PER_GROUP; v++) { // unroll
            group_value[v] = own_value[v / LANES_PER_ROW];
        }
    } else {
        share_in_subgroup();
    }
}

// The barriers of sum_subgroups, or the caller's, lie between the reads here and the next writes.
fn share_in_memory(invocation: u32) {
    let lane = invocation % LANES_PER_ROW;
    let group_at = invocation / LANES_PER_ROW * VALUES_PER_GROUP;
    for (var v = 0u; v < VALUES_PER_GROUP; v += LANES_PER_ROW) { // unroll
        let value = v + lane;
        if value < VALUES_PER_GROUP {
            shared_values[group_at + value] = own_value[v / LANES_PER_ROW];
        }
    }
    workgroupBarrier();
    for (var v = 0u; v < VALUES_PER_GROUP; v++) { // unroll
        group_value[v] = shared_values[group_at + v];
    }
}
