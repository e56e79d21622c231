// output_predictions: z and y = activation(z) of the rows of a block, without padding.   (writes with =)
// z (n_rows, PADDED); pre_activations and predictions (rows of the chunk, OUTPUTS).
// An invocation takes one row. CPU twin: Network::forward in src/network.rs.
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> pre_activations: array<f32>;
@group(0) @binding(3) var<storage, read_write> predictions: array<f32>;

const PADDED = (OUTPUTS + 3u) / 4u * 4u;

fn z_of(row: u32, output: u32) -> f32 {
    return z[row * PADDED + output];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row < params.n_rows {
        let of_row = common_of_row(row);
        for (var o = 0u; o < OUTPUTS; o++) {
            let at = (params.first_row + row) * OUTPUTS + o;
            pre_activations[at] = z_of(row, o);
            predictions[at] = activation_of(z_of(row, o), of_row);
        }
    }
}
