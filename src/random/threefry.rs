//! Threefry-2x32-20: a random function of a key and a counter.
//!
//! Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 3.3.
//! Adds, rotations and exclusive ors of 32-bit words only, so a shader gives the same bits.

/// Two random words for `counter` under `key`.
pub(crate) fn threefry2x32([k0, k1]: [u32; 2], [c0, c1]: [u32; 2]) -> [u32; 2] {
    const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];
    const ROUNDS: usize = 20;
    // The key schedule's parity word starts from the constant of Skein.
    let keys = [k0, k1, 0x1BD1_1BDA ^ k0 ^ k1];
    let (mut x0, mut x1) = (c0.wrapping_add(k0), c1.wrapping_add(k1));
    let mut injection = 0;
    for round in 0..ROUNDS {
        x0 = x0.wrapping_add(x1);
        x1 = x1.rotate_left(ROTATIONS[round % 8]) ^ x0;
        if round % 4 == 3 {
            injection += 1;
            x0 = x0.wrapping_add(keys[injection % 3]);
            x1 = x1
                .wrapping_add(keys[(injection + 1) % 3])
                .wrapping_add(u32::try_from(injection).expect("at most 5"));
        }
    }
    [x0, x1]
}

#[cfg(test)]
mod tests {
    use super::threefry2x32;

    /// The known-answer vectors of Random123 for `threefry2x32 20` (its file `kat_vectors`).
    #[test]
    fn known_answers_of_random123() {
        for (counter, key, expected) in [
            ([0, 0], [0, 0], [0x6b20_0159, 0x99ba_4efe]),
            (
                [u32::MAX, u32::MAX],
                [u32::MAX, u32::MAX],
                [0x1cb9_96fc, 0xbb00_2be7],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3],
                [0x1319_8a2e, 0x0370_7344],
                [0xc492_3a9c, 0x483d_f7a0],
            ),
        ] {
            assert_eq!(threefry2x32(key, counter), expected, "counter {counter:x?}");
        }
    }
}
