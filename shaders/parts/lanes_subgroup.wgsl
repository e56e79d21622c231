// The entry point, and the sum over the LANES invocations that share a row, with subgroups: by
// shuffles within SUBGROUP invocations, the least a subgroup has here, then through workgroup memory.
// Invocations are numbered by subgroup: the language does not tie local_invocation_index to it. The
// numbers are those from 0 to WORKGROUP_SIZE - 1 where every subgroup is full, as drivers make them
// where the workgroup is a multiple of the largest.
const SHUFFLED = min(LANES, SUBGROUP);

fn sum_lanes(value: vec4<f32>, invocation: u32) -> vec4<f32> {
    var sum = value;
    if SHUFFLED > 1u { sum += subgroupShuffleXor(sum, 1u); }
    if SHUFFLED > 2u { sum += subgroupShuffleXor(sum, 2u); }
    if SHUFFLED > 4u { sum += subgroupShuffleXor(sum, 4u); }
    if SHUFFLED > 8u { sum += subgroupShuffleXor(sum, 8u); }
    if SHUFFLED > 16u { sum += subgroupShuffleXor(sum, 16u); }
    if SHUFFLED > 32u { sum += subgroupShuffleXor(sum, 32u); }
    if SHUFFLED > 64u { sum += subgroupShuffleXor(sum, 64u); }
    return sum_exchanged(sum, invocation, SHUFFLED, LANES);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_size) subgroup_size: u32,
    @builtin(subgroup_invocation_id) subgroup_invocation: u32,
) {
    run(workgroup.x, subgroup * subgroup_size + subgroup_invocation);
}
