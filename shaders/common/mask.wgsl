// mask: the factor by which an update multiplies the value of a unit: 0 for units that it goes without, otherwise mask.scale.
// Each counter of Threefry gives a pair of units their words; it has the place of the row in its batch, the layer and the
// number of the pair. A mask whose threshold is 0 keeps all. CPU twin: src/network/dropout.rs.
struct Mask {
    key: vec2<u32>, // of the update
    threshold: u32, // units that draw less are dropped
    scale: f32,
}

// The factors of units 2 `pair` and 2 `pair` + 1 of layer `layer`, for the row whose place has the words `low` and `high`.
fn factors_at(low: u32, high: u32, layer: u32, pair: u32) -> vec2<f32> {
    let words = threefry(mask.key, vec2(low, (high << 18u) | (layer << 12u) | pair));
    return select(vec2(mask.scale), vec2(0.0), words < vec2(mask.threshold));
}
