// errors_of_outputs: the errors of the last layer, of at most AT_ONCE outputs, found where dense_errors.wgsl reads them: from
// its pre-activations z (n_rows, layer.output_width) vec4 and the targets, by output_errors.wgsl. The workgroups of the layer's
// first inputs also write them to `errors`, and what output_errors.wgsl gives of each row to row_losses.   (writes with =)
// targets as in output_gradient.wgsl. CPU twin: output_errors in src/cpu/dense/pass.rs.
@group(0) @binding(1) var<storage, read_write> errors: array<f32>;
@group(0) @binding(7) var<storage, read> z: array<f32>;
@group(0) @binding(8) var<storage, read> targets: array<f32>;
@group(0) @binding(9) var<storage, read_write> row_losses: array<vec4<f32>>;

const PADDED = AT_ONCE;
const TARGET_WIDTH = OUTPUTS + WEIGHTED;

var<private> line: u32; // of the tile: the row of this invocation, which alone writes it
var<private> writes: bool;

fn z_of(row: u32, output: u32) -> f32 {
    return z[row * 4u * layer.output_width + output];
}

fn set_error(row: u32, output: u32, error: f32) {
    e_tile[line * STRIDE + output / 4u][output % 4u] = error;
    if writes && output < 4u * layer.output_width {
        errors[row * 4u * layer.output_width + output] = error;
    }
}

// Loads the errors of all outputs; `is_first` holds for the workgroups of the layer's first inputs.
fn load_errors(first_row: u32, output: u32, is_first: bool, invocation: u32) {
    line = invocation;
    writes = is_first;
    let row = first_row + line;
    if line < ROWS && row < params.n_rows {
        ACTIVATION = OUTPUT_ACTIVATION;
        let found = find_errors(row, row_at(params.first_row + row) * TARGET_WIDTH);
        if writes {
            row_losses[row] = found;
        }
    } else if line < ROWS {
        for (var d = 0u; d < DEPTH; d++) { // unroll
            e_tile[line * STRIDE + d] = vec4(0.0);
        }
    }
    ACTIVATION = HIDDEN_ACTIVATION;
}
