// The sum over the invocations whose numbers differ in the bits from `nearest` up to below
// `farthest` (powers of two), a butterfly through workgroup memory. Every one of them gets the same
// bits. The two halves of `exchanged` take turns, so one barrier a stage is enough: who writes a
// half again has passed the barrier after all have read it.
var<workgroup> exchanged: array<vec4<f32>, 2u * WORKGROUP_SIZE>;
var<private> turn: u32;

fn sum_exchanged(value: vec4<f32>, invocation: u32, nearest: u32, farthest: u32) -> vec4<f32> {
    var sum = value;
    for (var distance = nearest; distance < farthest; distance *= 2u) {
        exchanged[turn + invocation] = sum;
        workgroupBarrier();
        sum += exchanged[turn + (invocation ^ distance)];
        turn = WORKGROUP_SIZE - turn;
    }
    return sum;
}
