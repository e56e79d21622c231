// threefry: Threefry-2x32-20 (Salmon et al., SC'11, section 3.3): two random words for `counter` under `key`.
// CPU twin: src/random/threefry.rs.
fn mixed(x: vec2<u32>, rotation: u32) -> vec2<u32> {
    let sum = x[0] + x[1];
    return vec2(sum, ((x[1] << rotation) | (x[1] >> (32u - rotation))) ^ sum);
}

fn mixed_4(x: vec2<u32>, rotations: vec4<u32>) -> vec2<u32> {
    let half = mixed(mixed(x, rotations[0]), rotations[1]);
    return mixed(mixed(half, rotations[2]), rotations[3]);
}

fn threefry(key: vec2<u32>, counter: vec2<u32>) -> vec2<u32> {
    const EVEN = vec4(13u, 15u, 26u, 6u);
    const ODD = vec4(17u, 29u, 16u, 24u);
    let parity = 0x1BD11BDAu ^ key[0] ^ key[1];
    var x = mixed_4(counter + key, EVEN) + vec2(key[1], parity + 1u);
    x = mixed_4(x, ODD) + vec2(parity, key[0] + 2u);
    x = mixed_4(x, EVEN) + vec2(key[0], key[1] + 3u);
    x = mixed_4(x, ODD) + vec2(key[1], parity + 4u);
    return mixed_4(x, EVEN) + vec2(parity, key[0] + 5u);
}
