// Makes `sums` of every invocation those of all groups, and the loss that of all lanes too: groups by
// shuffles as far as NEAR of them are in reach, then in workgroup memory, PAGE sums at once.
fn sum_groups(invocation: u32) {
    for (var n = 0u; n < N_SUMS; n++) { // unroll
        sums[n] = sum_shuffled_groups(sums[n]);
    }
    if GROUPS > NEAR {
        for (var first = 0u; first < N_SUMS; first += PAGE) { // unroll
            workgroupBarrier();
            for (var q = 0u; q < PAGE; q++) { // unroll
                exchanged[q * WORKGROUP_SIZE + invocation] = sums[first + q];
            }
            let n = min(N_SUMS - first, PAGE);
            let unit = NEAR * LANES;
            sum_in_memory(invocation, n, invocation / unit, GROUPS / NEAR, unit);
            for (var q = 0u; q < PAGE; q++) { // unroll
                sums[first + q] = exchanged[q * WORKGROUP_SIZE + invocation % unit];
            }
        }
    }
    if OWNERS > 1u {
        sums[N_SUMS - 1u] = sum_shuffled_lanes(sums[N_SUMS - 1u]);
        if LANES > SHUFFLED {
            workgroupBarrier();
            exchanged[invocation] = sums[N_SUMS - 1u];
            let term = invocation % LANES / SHUFFLED;
            sum_in_memory(invocation, 1u, term, PARTS, SHUFFLED);
            sums[N_SUMS - 1u] = exchanged[0];
        }
    }
}
