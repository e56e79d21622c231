//! The data of the article: three samples of three features.

use super::rows::{ColumnView, RowStore};
use super::{Dataset, Lines, numbered_columns};

const INPUTS: [[f32; 3]; 3] = [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]];
const TARGETS: [f32; 3] = [1.0, 0.0, 1.0];

pub(super) fn dataset() -> Dataset {
    let inputs = ColumnView::whole(INPUTS.concat(), 3);
    let targets = ColumnView::whole(TARGETS.to_vec(), 1);
    Dataset::of(
        "article".to_owned(),
        TARGETS.len(),
        numbered_columns(3),
        vec!["y".to_owned()],
        RowStore::stored(inputs, targets, 1, Lines::default()),
    )
}
