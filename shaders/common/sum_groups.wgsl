// sum_groups: sums = the sums of every group's, in every invocation; the last, the loss and mean slope, is
// summed over the lanes of a row too.                                           (with =)
// sums (SUMS_PER_LANE) vec4 of one invocation, as in backward.wgsl.
// The GROUPS_PER_SUBGROUP groups that shuffles reach are summed by them; the rest through workgroup memory,
// SUMS_PER_EXCHANGE vec4 of each invocation at once, in the tree of exchange.wgsl.
// CPU twin: the order of the sums is src/leaves.rs's Fold.
fn sum_groups(invocation: u32) {
    for (var n = 0u; n < SUMS_PER_LANE; n++) { // unroll
        sums[n] = sum_groups_of_subgroup(sums[n]);
    }
    if GROUPS > GROUPS_PER_SUBGROUP {
        for (var first = 0u; first < SUMS_PER_LANE; first += SUMS_PER_EXCHANGE) { // unroll
            workgroupBarrier();
            for (var q = 0u; q < SUMS_PER_EXCHANGE; q++) { // unroll
                exchanged[q * WORKGROUP_SIZE + invocation] = sums[first + q];
            }
            let n = min(SUMS_PER_LANE - first, SUMS_PER_EXCHANGE);
            let unit = GROUPS_PER_SUBGROUP * LANES_PER_ROW;
            sum_in_memory(invocation, n, invocation / unit, GROUPS / GROUPS_PER_SUBGROUP, unit);
            for (var q = 0u; q < SUMS_PER_EXCHANGE; q++) { // unroll
                sums[first + q] = exchanged[q * WORKGROUP_SIZE + invocation % unit];
            }
        }
    }
    if OWNING_LANES > 1u {
        sums[SUMS_LOSS_AT] = sum_vec4_of_subgroup(sums[SUMS_LOSS_AT]);
        if LANES_PER_ROW > LANES_PER_SUBGROUP {
            workgroupBarrier();
            exchanged[invocation] = sums[SUMS_LOSS_AT];
            let subgroup = invocation % LANES_PER_ROW / LANES_PER_SUBGROUP;
            sum_in_memory(invocation, 1u, subgroup, SUBGROUPS_PER_ROW, LANES_PER_SUBGROUP);
            sums[SUMS_LOSS_AT] = exchanged[0];
        }
    }
}
