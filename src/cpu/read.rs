//! The speed at which this machine can read its memory: the ceiling of a pass over the data.

use super::pool;
use crate::error::{Error, Result};
use crate::simd::{Arithmetic, Instructions};
use rayon::prelude::*;
use std::time::Instant;

/// Floats that a thread reads at a time.
const PIECE: usize = 1 << 16;

/// Bytes of the largest cache, from Linux; on other systems a size that few machines exceed.
#[must_use]
pub fn cache_bytes() -> u64 {
    const ASSUMED: u64 = 64 << 20;
    let size = |index: u32| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size");
        let text = std::fs::read_to_string(path).ok()?;
        let kibibytes: u64 = text.trim().strip_suffix('K')?.parse().ok()?;
        Some(kibibytes << 10)
    };
    (0..8).filter_map(size).max().unwrap_or(ASSUMED)
}

/// Memory to be read by every thread, with as little arithmetic as possible.
#[derive(Debug)]
pub struct Reader {
    floats: Vec<f32>,
    threads: rayon::ThreadPool,
    instructions: Instructions,
}

impl Reader {
    /// Takes `bytes` of memory, to be read by `threads` threads; `None` takes every core.
    ///
    /// # Errors
    /// Where the memory is not granted, or no thread can be started.
    pub fn new(bytes: u64, threads: Option<usize>) -> Result<Self> {
        let threads = pool::of(threads)?;
        let mut floats = Vec::new();
        let n_floats = usize::try_from(bytes / 4).unwrap_or(usize::MAX);
        if floats.try_reserve_exact(n_floats).is_err() {
            return Err(Error::HostMemory {
                what: "the memory to read".to_owned(),
                needed: bytes,
            });
        }
        // All threads write, so that every page exists, and near a core that reads it.
        threads.install(|| {
            (0..n_floats)
                .into_par_iter()
                .map(|_| 1.0)
                .collect_into_vec(&mut floats)
        });
        Ok(Self {
            floats,
            threads,
            instructions: Instructions::detect(),
        })
    }

    /// Bytes that [`Reader::seconds`] reads.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        4 * self.floats.len() as u64
    }

    /// Reads all of the memory once, and returns the seconds it took.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let start = Instant::now();
        let sums = self.threads.install(|| {
            let pieces = self.floats.par_chunks(PIECE);
            let sum = |piece| self.instructions.run(Sum { piece });
            pieces.map(sum).reduce(|| 0.0, |a, b| a + b)
        });
        std::hint::black_box(sums);
        start.elapsed().as_secs_f64()
    }
}

/// The sum of a piece of memory: one addition for each float, in so many sums side by side that the memory is slower.
struct Sum<'a> {
    piece: &'a [f32],
}

impl Arithmetic for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> f32 {
        const SIDE_BY_SIDE: usize = 64;
        let mut sums = [0.0; SIDE_BY_SIDE];
        for floats in self.piece.as_chunks::<SIDE_BY_SIDE>().0 {
            for i in 0..SIDE_BY_SIDE {
                sums[i] += floats[i];
            }
        }
        sums.iter().sum()
    }
}
