// sum_of_workgroup: what the invocations of a workgroup have, added in a fixed tree: 0+1, 2+3, ..., then those.
var<workgroup> terms: array<vec4<f32>, WORKGROUP_SIZE>;

// The sum, for every invocation; all must call it, in uniform control flow.
fn sum_of_workgroup(own: vec4<f32>, invocation: u32) -> vec4<f32> {
    terms[invocation] = own;
    for (var distance = 1u; distance < WORKGROUP_SIZE; distance *= 2u) {
        workgroupBarrier();
        if invocation % (2u * distance) == 0u {
            terms[invocation] += terms[invocation + distance];
        }
    }
    return workgroupUniformLoad(&terms[0]);
}
