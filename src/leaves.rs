//! The fixed blocks of rows whose sums are folded in one fixed tree.
//!
//! A leaf is a block of consecutive rows whose length depends on the shape alone. Every sum over the samples is taken
//! leaf by leaf, and the leaf sums are folded pairwise: 0+1, 2+3, …, then the pairs of those; an odd last one is
//! carried up. So the result depends neither on threads, nor on chunks, nor on the device that summed a leaf.

use std::ops::Range;

/// A leaf holds at least this much of the inputs, so that a thread or workgroup that sums it has enough to do.
const LEAF_BYTES: usize = 1 << 18;

/// A leaf has this many rows for each output, if [`MAX_LEAF_BYTES`] allows: then its sums, as wide as the parameters,
/// take below 2% of the bytes of its rows.
const ROWS_PER_OUTPUT: usize = 64;

/// A leaf holds at most this much of the inputs, so that a gigabyte has enough leaves for every core of a GPU. With
/// 8,192 inputs and 16 outputs the sums then take a sixteenth of the bytes of the rows.
const MAX_LEAF_BYTES: usize = 1 << 23;

/// The least and the most rows of a leaf for a dense network, whose values lie in memory for all rows of a leaf.
const MIN_NETWORK_ROWS: usize = 256;
const MAX_NETWORK_ROWS: usize = 4096;

/// The leaves of one data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaves {
    n_samples: usize,
    rows_per_leaf: usize,
}

impl Leaves {
    /// The leaves of `n_samples` rows of `n_inputs` features and `n_outputs` targets.
    ///
    /// # Panics
    /// If there are no features.
    #[must_use]
    pub fn new(n_samples: usize, n_inputs: usize, n_outputs: usize) -> Self {
        Self {
            n_samples,
            rows_per_leaf: rows_per_leaf(n_inputs, n_outputs),
        }
    }

    /// The leaves of `n_samples` rows for a dense network, whose values lie in memory for all rows of a leaf, with
    /// `n_parameters` and `width` outputs of all layers together: the sums of a leaf take an eighth of the bytes of its
    /// activations or less, if it is not the longest.
    ///
    /// # Panics
    /// If there are no outputs.
    pub(crate) fn of_network(n_samples: usize, n_parameters: usize, width: usize) -> Self {
        let wanted = (8 * n_parameters).div_ceil(3 * width);
        let rows_per_leaf = wanted.clamp(MIN_NETWORK_ROWS, MAX_NETWORK_ROWS);
        Self {
            n_samples,
            rows_per_leaf: rows_per_leaf.next_power_of_two(),
        }
    }

    /// Rows of a leaf, a power of two; the last leaf may be shorter.
    #[must_use]
    pub fn rows_per_leaf(&self) -> usize {
        self.rows_per_leaf
    }

    /// Number of leaves.
    #[must_use]
    pub fn count(&self) -> usize {
        self.n_samples.div_ceil(self.rows_per_leaf)
    }

    /// The rows of leaf `leaf`.
    #[must_use]
    pub fn rows(&self, leaf: usize) -> Range<usize> {
        let first = leaf * self.rows_per_leaf;
        first..(first + self.rows_per_leaf).min(self.n_samples)
    }

    /// Additions on the longest path from a leaf's sum to the total.
    #[must_use]
    pub fn fold_depth(&self) -> u32 {
        self.count().next_power_of_two().ilog2()
    }
}

fn rows_per_leaf(n_inputs: usize, n_outputs: usize) -> usize {
    let vectors = n_inputs.div_ceil(4);
    let wanted = (LEAF_BYTES / (16 * vectors)).max(ROWS_PER_OUTPUT * n_outputs);
    let most = (MAX_LEAF_BYTES / (16 * vectors)).max(1);
    1 << wanted.min(most).ilog2()
}

/// Folds sums that arrive in order in the one fixed tree, keeping one sum a level.
#[derive(Debug)]
pub(crate) struct Fold<T, Add: Fn(&mut T, &T)> {
    /// Sums of 2^level leaves each, levels strictly falling.
    nodes: Vec<(u32, T)>,
    add: Add,
}

impl<T, Add: Fn(&mut T, &T)> Fold<T, Add> {
    /// `add(left, right)` adds the right sum into the left one.
    pub(crate) fn new(add: Add) -> Self {
        Self {
            nodes: Vec::new(),
            add,
        }
    }

    /// Adds the sum of the next leaf.
    pub(crate) fn push(&mut self, sum: T) {
        let (mut level, mut sum) = (0, sum);
        while let Some((_, mut left)) = self.nodes.pop_if(|(l, _)| *l == level) {
            (self.add)(&mut left, &sum);
            (level, sum) = (level + 1, left);
        }
        self.nodes.push((level, sum));
    }

    /// The total; `None` if nothing was pushed.
    pub(crate) fn finish(mut self) -> Option<T> {
        let (_, mut sum) = self.nodes.pop()?;
        while let Some((_, mut left)) = self.nodes.pop() {
            (self.add)(&mut left, &sum);
            sum = left;
        }
        Some(sum)
    }
}

/// Sums leaves 0 to `count` on the threads of the current pool and adds the sums in the fixed tree. The bits do not
/// depend on the threads.
pub(crate) fn sum_leaves<T: Send>(
    count: usize,
    sum: impl Fn(usize) -> T + Sync,
    add: impl Fn(&mut T, &T) + Sync,
) -> T {
    assert!(count > 0, "a data set has at least one leaf");
    sum_subtree(0..count, &sum, &add)
}

fn sum_subtree<T: Send>(
    leaves: Range<usize>,
    sum: &(impl Fn(usize) -> T + Sync),
    add: &(impl Fn(&mut T, &T) + Sync),
) -> T {
    if leaves.len() == 1 {
        return sum(leaves.start);
    }
    // The left child is the largest tree that is full, since the odd last leaf of a level is carried up.
    let middle = leaves.start + leaves.len().next_power_of_two() / 2;
    let (mut left, right) = rayon::join(
        || sum_subtree(leaves.start..middle, sum, add),
        || sum_subtree(middle..leaves.end, sum, add),
    );
    add(&mut left, &right);
    left
}

#[cfg(test)]
mod tests {
    use super::{Fold, Leaves, sum_leaves};

    /// The tree written level by level, like the module describes it.
    fn by_levels(mut nodes: Vec<String>) -> String {
        while nodes.len() > 1 {
            nodes = nodes
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => format!("({left}{right})"),
                    rest => rest.concat(),
                })
                .collect();
        }
        nodes.concat()
    }

    #[test]
    fn sums_pushed_in_order_and_on_threads_meet_in_the_pairwise_tree() {
        for n in 1..70 {
            let leaves: Vec<String> = (0..n).map(|i| format!("{i},")).collect();
            let mut fold = Fold::new(|left: &mut String, right: &String| {
                *left = format!("({left}{right})");
            });
            for leaf in leaves.clone() {
                fold.push(leaf);
            }
            let expected = by_levels(leaves.clone());
            assert_eq!(fold.finish().as_ref(), Some(&expected), "{n} leaves");
            let joined = sum_leaves(
                n,
                |leaf| leaves[leaf].clone(),
                |left, right| {
                    *left = format!("({left}{right})");
                },
            );
            assert_eq!(joined, expected, "{n} leaves on threads");
        }
    }

    #[test]
    fn leaves_cover_every_row_once() {
        for n_samples in [1, 2, 127, 128, 129, 5000] {
            let leaves = Leaves::new(n_samples, 8192, 16);
            let rows: Vec<usize> = (0..leaves.count()).flat_map(|l| leaves.rows(l)).collect();
            assert!(rows.iter().copied().eq(0..n_samples), "{n_samples} samples");
        }
    }
}
