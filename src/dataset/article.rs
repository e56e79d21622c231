//! The data of the classic tutorial: three samples of three features.

use super::{Codes, Dataset, Rows, csv::Lines};
use std::sync::Arc;

const INPUTS: [[f32; 3]; 3] = [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]];
const TARGETS: [f32; 3] = [1.0, 0.0, 1.0];

pub(super) fn dataset() -> Dataset {
    Dataset {
        source: "article".to_owned(),
        n_samples: TARGETS.len(),
        input_names: (0..3).map(|j| format!("x{j}")).collect(),
        target_names: vec!["y".to_owned()],
        rows: Arc::new(Rows::Stored {
            inputs: INPUTS.concat(),
            targets: TARGETS.to_vec(),
            lines: Lines::default(),
        }),
        codes: Codes::default(),
    }
}
