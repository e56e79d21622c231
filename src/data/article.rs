//! The data of the classic tutorial: three samples of three features.

use super::rows::{ColumnView, RowStore};
use super::{Dataset, numbered};

const INPUTS: [[f32; 3]; 3] = [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]];
const TARGETS: [f32; 3] = [1.0, 0.0, 1.0];

pub(super) fn dataset() -> Dataset {
    let rows = RowStore::in_memory(
        ColumnView::whole(INPUTS.concat(), 3),
        ColumnView::whole(TARGETS.to_vec(), 1),
    );
    let (input_names, target_names) = (numbered("x", 3), vec!["y".to_owned()]);
    Dataset::of(
        "article".to_owned(),
        TARGETS.len(),
        input_names,
        target_names,
        rows,
    )
}
