//! How the numbers of a product are shared by workgroups and their invocations. No tile changes a bit: each number is one
//! chain of multiplications and additions in the order of the contraction, whoever computes it. Sizes alone choose a tile, so
//! that a software adapter runs what a GPU does.

use super::kernel::constants;

/// The numbers of a product that a workgroup computes, down and across, and those of each of its invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    rows: usize,
    cols: usize,
    rows_each: usize,
    cols_each: usize,
}

/// Products of few numbers, which larger tiles would leave to few cores.
const SMALL: Tile = Tile::new([32, 32], [4, 4]);
const MEDIUM: Tile = Tile::new([64, 64], [4, 4]);
/// Products of many numbers: more arithmetic for each number that is read from workgroup memory.
const LARGE: Tile = Tile::new([128, 64], [8, 4]);
/// Products of at most 16 columns, or rows, such as those of a last layer of few outputs.
const NARROW: Tile = Tile::new([64, 16], [4, 4]);
const FLAT: Tile = Tile::new([16, 64], [4, 4]);

/// Fewest workgroups for which a GPU takes the medium tile, and the large one: enough for every core.
const MEDIUM_WORKGROUPS: usize = 64;
const LARGE_WORKGROUPS: usize = 512;

/// vec4 of the contraction that a workgroup takes at a time.
const DEPTH: usize = 4;
/// vec4 from one line of a tile in workgroup memory to the next: odd, so that neighbours lie in different banks.
const STRIDE: usize = DEPTH + 1;

impl Tile {
    /// Numbers of the contraction that a workgroup takes at a time.
    pub(super) const AT_ONCE: usize = 4 * DEPTH;

    #[cfg(test)]
    pub(super) const ALL: [Self; 5] = [SMALL, MEDIUM, LARGE, NARROW, FLAT];

    const fn new([rows, cols]: [usize; 2], [rows_each, cols_each]: [usize; 2]) -> Self {
        Self {
            rows,
            cols,
            rows_each,
            cols_each,
        }
    }

    /// The tile for `n_products` products of `rows` × `cols` numbers each, in one dispatch.
    pub(super) fn of([rows, cols]: [usize; 2], n_products: usize) -> Self {
        let workgroups = |tile: Self| {
            let [down, across] = tile.workgroups([rows, cols]);
            down * across * n_products
        };
        if cols <= NARROW.cols {
            NARROW
        } else if rows <= FLAT.rows {
            FLAT
        } else if workgroups(LARGE) >= LARGE_WORKGROUPS {
            LARGE
        } else if workgroups(MEDIUM) >= MEDIUM_WORKGROUPS {
            MEDIUM
        } else {
            SMALL
        }
    }

    /// Tiles down and across a product of `rows` × `cols` numbers.
    pub(super) fn workgroups(self, [rows, cols]: [usize; 2]) -> [usize; 2] {
        [rows.div_ceil(self.rows), cols.div_ceil(self.cols)]
    }

    /// Invocations of a workgroup.
    pub(super) fn invocations(self) -> usize {
        self.rows / self.rows_each * (self.cols / self.cols_each)
    }

    /// Bytes of workgroup memory that a kernel takes at most.
    #[cfg(test)]
    fn bytes(self) -> usize {
        (self.rows + self.cols) * STRIDE * size_of::<[f32; 4]>()
    }

    /// The constants of `common/tile.wgsl`.
    pub(super) fn header(self) -> String {
        constants([
            ("ROWS", self.rows),
            ("COLS", self.cols),
            ("R", self.rows_each),
            ("C", self.cols_each),
            ("DEPTH", DEPTH),
            ("STRIDE", STRIDE),
            ("WORKGROUP_SIZE", self.invocations()),
        ])
    }
}

#[cfg(test)]
mod tests;
