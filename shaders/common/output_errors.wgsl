// output_errors: of row `row` e = dloss/dz of the last layer, times the weight of the row if rows are WEIGHTED; and
// (loss, dy/dz, weight, 0), the first two summed over its outputs. Its targets begin at targets[target_at].
// CPU twin: output_errors in src/cpu/dense/pass.rs.
fn find_errors(row: u32, target_at: u32) -> vec4<f32> {
    let row_softmax = softmax_of_row(row);
    var weight = 1.0;
    if WEIGHTED == 1u {
        weight = targets[target_at + OUTPUTS];
    }
    var sums = vec2(0.0);
    for (var o = 0u; o < OUTPUTS; o++) {
        let z = z_of(row, o);
        let t = targets[target_at + o];
        let y = activation_of(z, row_softmax);
        sums += vec2(loss_of(z, y, t, row_softmax), slope_of(z, y));
        set_error(row, o, weight * loss_grad_z(z, y, t));
    }
    for (var o = OUTPUTS; o < PADDED; o++) {
        set_error(row, o, 0.0);
    }
    return vec4(sums, weight, 0.0);
}
