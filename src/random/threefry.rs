//! Threefry-2x32-20: a random function of a key and a counter.
//!
//! Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 3.3.
//! Adds, rotations and exclusive ors of 32-bit words only, so a shader gives the same bits.

/// Counters that are worth taking side by side: as many as vectors hold, and more, since the operations for one wait for
/// each other.
pub(crate) const LANES: usize = 16;

/// Two random words for `counter` under `key`.
pub(crate) fn threefry2x32(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    threefry2x32_lanes(key, counter.map(|word| [word])).map(|[word]| word)
}

/// The first words and the second words for `N` counters under `key`.
#[inline(always)]
pub(crate) fn threefry2x32_lanes<const N: usize>(
    [k0, k1]: [u32; 2],
    [c0, c1]: [[u32; N]; 2],
) -> [[u32; N]; 2] {
    const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];
    const ROUNDS: usize = 20;
    // The key schedule's parity word starts from the constant of Skein.
    let keys = [k0, k1, 0x1BD1_1BDA ^ k0 ^ k1];
    let mut x0 = c0.map(|word| word.wrapping_add(k0));
    let mut x1 = c1.map(|word| word.wrapping_add(k1));
    let mut injection = 0;
    for round in 0..ROUNDS {
        for i in 0..N {
            x0[i] = x0[i].wrapping_add(x1[i]);
            x1[i] = x1[i].rotate_left(ROTATIONS[round % 8]) ^ x0[i];
        }
        if round % 4 == 3 {
            injection += 1;
            let number = u32::try_from(injection).expect("at most 5");
            let keys = [0, 1].map(|word| keys[(injection + word) % 3]);
            for i in 0..N {
                x0[i] = x0[i].wrapping_add(keys[0]);
                x1[i] = x1[i].wrapping_add(keys[1].wrapping_add(number));
            }
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
