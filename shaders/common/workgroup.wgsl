// workgroup: the entry point where shuffles are not used. LANES_PER_SUBGROUP and GROUPS_PER_SUBGROUP are 1, so
// nothing is left to do within a subgroup and all exchange goes through workgroup memory.
// The functions are those of subgroup.wgsl, with the same arguments. CPU twin: as in subgroup.wgsl.
fn sum_lanes_of_subgroup() {}

fn share_in_subgroup() {}

fn sum_vec4_of_subgroup(value: vec4<f32>) -> vec4<f32> {
    return value;
}

fn sum_groups_of_subgroup(value: vec4<f32>) -> vec4<f32> {
    return value;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    run(workgroup.x, invocation);
}
