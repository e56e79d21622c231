//! The data of the classic tutorial: three samples of three features.

use super::rows::{Part, Rows};
use super::{Dataset, numbered};

const INPUTS: [[f32; 3]; 3] = [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]];
const TARGETS: [f32; 3] = [1.0, 0.0, 1.0];

pub(super) fn dataset() -> Dataset {
    let rows = Rows::in_memory(
        Part::whole(INPUTS.concat(), 3),
        Part::whole(TARGETS.to_vec(), 1),
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
