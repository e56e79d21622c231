// layer: one of the layers of a network, z = x W^T + b. Widths and places are in vec4; W (outputs, input_width) and
// b (output_width) lie in the parameters.
struct Layer {
    number: u32,     // of the layer, from the inputs up
    outputs: u32,    // a number of units
    input_width: u32,
    output_width: u32,
    weight_at: u32,
    bias_at: u32,
    has_bias: u32,   // 1 or 0
    first_tile: u32, // of its gradient, among the tiles of a dispatch
}
