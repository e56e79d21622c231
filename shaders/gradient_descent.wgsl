// gradient_descent: parameters = parameters - rate * gradient.                   (updates with -=)
// gradient and parameters: n_vectors vec4 each, flat; rate is the learning rate times the scale of
// the reduction. One invocation a vec4, id.x. CPU twin: cpu::gradient_descent.
const WORKGROUP_SIZE = 64u;

struct Params {
    n_vectors: u32,
    rate: f32,
    _pad0: u32,
    _pad1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> parameters: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.n_vectors {
        return;
    }
    parameters[id.x] -= params.rate * gradient[id.x];
}
