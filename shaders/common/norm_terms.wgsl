// norm_terms: of one invocation its part of (sum of squares of the gradient, of magnitudes of the weights, of squares of the
// weights, of squares of 2^-80 times the gradient), over group number `group` of 1,024 vec4 of the parameters: every 256th of
// them, PER_INVOCATION in all.
// CPU twin: norm in src/optimizer.rs, l1_loss and l2_loss in src/optimizer/penalty.rs.
const PER_INVOCATION = 4u;

fn norm_terms(group: u32, invocation: u32) -> vec4<f32> {
    var own = vec4(0.0);
    for (var i = 0u; i < PER_INVOCATION; i++) { // unroll
        let column = (group * PER_INVOCATION + i) * WORKGROUP_SIZE + invocation;
        if column < TRAINED {
            let gradient = gradient_of(column, sums[column]);
            own.x += dot(gradient, gradient);
            let scaled = 0x1p-80f * gradient;
            own.w += dot(scaled, scaled);
            if is_weight(column) {
                let weights = parameters[column];
                own.y += dot(abs(weights), vec4(1.0));
                own.z += dot(weights, weights);
            }
        }
    }
    return own;
}
