//! Vectors as long as the parameters, in parts that threads share out.

use rayon::prelude::*;

/// Numbers of a part: with those of other vectors that belong to them they stay in the second-level cache.
pub(crate) const PART: usize = 1 << 13;

/// Calls `work` with each of `parts`, on the threads of the pool that this is called in, if it is in one. What it does must
/// not depend on the order.
pub(crate) fn for_each<P: Send>(
    parts: impl IntoIterator<Item = P>,
    work: impl Fn(P) + Sync + Send,
) {
    let parts = parts.into_iter();
    if rayon::current_thread_index().is_some() {
        parts.collect::<Vec<_>>().into_par_iter().for_each(work);
    } else {
        parts.for_each(work);
    }
}
