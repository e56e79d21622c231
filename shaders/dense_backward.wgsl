// dense_backward: dloss/dz of the layer below, (e W) * slope, from e = dloss/dz of this layer.  (writes with =)
// errors (n_rows, ERROR_VEC4) vec4; parameters: W (OUTPUTS, VEC4_PER_ROW) vec4 from WEIGHT_AT on; pre_activations,
// activations and errors_below (n_rows, VEC4_PER_ROW) vec4, those of the layer below.
// Tiles of rows (workgroup_id.x) and of inputs (.y) as in common/tile.wgsl; the contraction is over the outputs, and
// an invocation has one vec4 of inputs. CPU twin: backward in src/cpu/dense.rs.
@group(0) @binding(1) var<storage, read> errors: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> pre_activations: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> activations: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> errors_below: array<vec4<f32>>;

const OUTPUTS_AT_ONCE = 16u;

var<workgroup> e_tile: array<vec4<f32>, TILE * STRIDE>;
var<workgroup> w_tile: array<vec4<f32>, OUTPUTS_AT_ONCE * ACROSS>;
var<private> sums: array<vec4<f32>, 4>;
var<private> e: array<vec4<f32>, 4>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let across = invocation % ACROSS;
    let down = invocation / ACROSS;
    let first_row = workgroup.x * TILE;
    let first_vector = workgroup.y * ACROSS;
    let loaded = invocation / DEPTH;
    for (var r = 0u; r < 4u; r++) { // unroll
        sums[r] = vec4(0.0);
    }
    for (var output = 0u; output < OUTPUTS; output += OUTPUTS_AT_ONCE) {
        let error = output / 4u + invocation % DEPTH;
        e_tile[loaded * STRIDE + invocation % DEPTH] = e_vector(first_row + loaded, error, params.n_rows);
        w_tile[invocation] = w_vector(output + down, first_vector + across);
        workgroupBarrier();
        for (var d = 0u; d < DEPTH; d++) { // unroll
            for (var r = 0u; r < 4u; r++) { // unroll
                e[r] = e_tile[(down + r * ACROSS) * STRIDE + d];
            }
            for (var i = 0u; i < 4u; i++) { // unroll
                let w = w_tile[(4u * d + i) * ACROSS + across];
                for (var r = 0u; r < 4u; r++) { // unroll
                    sums[r] = fma(vec4(e[r][i]), w, sums[r]);
                }
            }
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < 4u; r++) { // unroll
        let row = first_row + down + r * ACROSS;
        let vector = first_vector + across;
        if row < params.n_rows && vector < VEC4_PER_ROW {
            let at = row * VEC4_PER_ROW + vector;
            let z = pre_activations[at];
            let a = activations[at];
            let slopes = vec4(slope_of(z.x, a.x), slope_of(z.y, a.y), slope_of(z.z, a.z), slope_of(z.w, a.w));
            errors_below[at] = sums[r] * slopes;
        }
    }
}
