// norms: of each 1,024 vec4 of the parameters (sum of squares of the gradient, of magnitudes of the weights, of squares
// of the weights, 0), which fold.wgsl adds up.                                     (writes with =)
// parameters as in update.wgsl; nodes (workgroups) vec4.
// An invocation takes every 256th of its workgroup's vec4, PER_INVOCATION of them; then all are added in a fixed tree.
// CPU twin: norm in src/optimizer.rs, l1_loss and l2_loss in src/optimizer/penalty.rs.
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> nodes: array<vec4<f32>>;

const PER_INVOCATION = 4u;

var<workgroup> terms: array<vec4<f32>, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    var own = vec4(0.0);
    for (var i = 0u; i < PER_INVOCATION; i++) { // unroll
        let column = (workgroup.x * PER_INVOCATION + i) * WORKGROUP_SIZE + invocation;
        if column < TRAINED {
            let gradient = gradient_of(column);
            own.x += dot(gradient, gradient);
            if is_weight(column) {
                let weights = parameters[column];
                own.y += dot(abs(weights), vec4(1.0));
                own.z += dot(weights, weights);
            }
        }
    }
    terms[invocation] = own;
    for (var distance = 1u; distance < WORKGROUP_SIZE; distance *= 2u) {
        workgroupBarrier();
        if invocation % (2u * distance) == 0u {
            terms[invocation] += terms[invocation + distance];
        }
    }
    if invocation == 0u {
        nodes[workgroup.x] = terms[0];
    }
}
