// Exchange among the invocations of a workgroup, through its memory: among the lanes of a row, of which
// SHUFFLED sum by shuffles, so that PARTS sums are left, and among the groups. What is summed is summed in
// a tree of neighbours, 0+1, 2+3, …, then those, an odd last one carried up as it is: the tree of the
// shuffles too, so how lanes exchange changes no bit.
const PARTS = LANES / SHUFFLED;
const SLOTS = 8u;                      // numbers of `z` that are exchanged at once, four to a vec4
const SHARED_AT = 2u * WORKGROUP_SIZE; // behind them lies shared_z of every group,
const N_QUADS = (N_VALUES + 3u) / 4u;  // … four to a vec4

// PAGE vec4 of every invocation, but 4 at least.
var<workgroup> exchanged: array<vec4<f32>, max(PAGE, 4u) * WORKGROUP_SIZE>;
var<private> owned: array<f32, N_VALUES>;
var<private> shared_z: array<f32, N_VALUES>;

// Sums n_terms vec4 each, of `n` an invocation: term i of a sum lies i * unit behind term 0, which
// becomes the sum. This invocation's are terms number `term`.
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

// Leaves in `z` what this lane owns.
fn sum_lanes(invocation: u32) {
    sum_shuffled();
    if LANES > SHUFFLED {
        sum_parts(invocation);
    }
}

// Gives `shared_z` of every value to every lane, from what its owner has in `z`.
fn share_z(invocation: u32) {
    if LANES > SHUFFLED {
        share_in_memory(invocation);
    } else if LANES == 1u || N_VALUES == 1u {
        for (var v = 0u; v < N_VALUES; v++) { // unroll
            shared_z[v] = z[v];
        }
    } else {
        share_shuffled();
    }
}

// `z` holds, at s, what SHUFFLED lanes have together of value s * SHUFFLED + lane % SHUFFLED.
fn sum_parts(invocation: u32) {
    let lane = invocation % LANES;
    let group_at = invocation - lane;
    for (var first = 0u; first < N_VALUES; first += SLOTS * SHUFFLED) { // unroll
        if first > 0u {
            workgroupBarrier();
        }
        for (var s = 0u; s < SLOTS; s += 4u) { // unroll
            let slot = first / SHUFFLED + s;
            exchanged[s / 4u * WORKGROUP_SIZE + invocation] = vec4(
                z[min(slot, N_VALUES)],
                z[min(slot + 1u, N_VALUES)],
                z[min(slot + 2u, N_VALUES)],
                z[min(slot + 3u, N_VALUES)],
            );
        }
        let n_slots = (min(N_VALUES - first, SLOTS * SHUFFLED) + SHUFFLED - 1u) / SHUFFLED;
        sum_in_memory(invocation, (n_slots + 3u) / 4u, lane / SHUFFLED, PARTS, SHUFFLED);
        for (var v = 0u; v < N_VALUES; v += LANES) { // unroll
            let value = v + lane;
            if value >= first && value < min(first + SLOTS * SHUFFLED, N_VALUES) {
                let slot = (value - first) / SHUFFLED;
                let at = slot / 4u * WORKGROUP_SIZE + group_at + value % SHUFFLED;
                owned[v / LANES] = exchanged[at][slot % 4u];
            }
        }
    }
    for (var v = 0u; v < N_VALUES; v += LANES) { // unroll
        z[v / LANES] = owned[v / LANES];
    }
}

// The barriers of `sum_parts` lie between the reads here and the next writes.
fn share_in_memory(invocation: u32) {
    let lane = invocation % LANES;
    let quads = SHARED_AT + invocation / LANES * N_QUADS;
    for (var v = 0u; v < N_VALUES; v += LANES) { // unroll
        let value = v + lane;
        if value < N_VALUES {
            exchanged[quads + value / 4u][value % 4u] = z[v / LANES];
        }
    }
    workgroupBarrier();
    for (var v = 0u; v < N_VALUES; v++) { // unroll
        shared_z[v] = exchanged[quads + v / 4u][v % 4u];
    }
}
