//! Tables for [`neuralnet`]: files to data sets and back.
//!
//! A table is a CSV file with a header (also compressed by gzip), NumPy's `.npy` and `.npz`, Parquet, or pictures in
//! the IDX format. [`open()`] makes inputs and targets of its columns as [`TableOptions`] says; [`open_for`],
//! [`open_labelled`] and [`stream()`] open a table for a model that knows what became of each column; [`predict()`]
//! writes a model's predictions for every row, and [`convert()`] a table in another format.
//!
//! ```
//! use neuralnet::{Hardware, Model, TrainConfig, train};
//! use neuralnet_table::TableOptions;
//!
//! let folder = std::env::temp_dir().join(format!("neuralnet-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).expect("a folder");
//! let table = folder.join("exam.csv");
//! # std::fs::write(&table, "hours,slept,passed\n1,4,no\n2,8,no\n3,5,no\n4,7,yes\n5,5,yes\n6,8,yes\n").expect("a file");
//! // `passed` is of texts, so its classes are `no` and `yes`.
//! let options = TableOptions::with_targets(&["passed"]);
//! let dataset = neuralnet_table::open(&table.to_string_lossy(), &options)?;
//! let dataset = dataset.standardised(true);
//! let config = TrainConfig { l2: 0.1, ..TrainConfig::lbfgs() };
//! let trained = train(&dataset, &config, &Hardware::cpu())?;
//!
//! let model = Model::new(&dataset, &config, &trained);
//! model.save(&folder.join("exam.safetensors"))?;
//! let metrics = model.measure(&dataset)?;
//! assert!(metrics.loss < 0.35, "beside ln 2 without a model");
//! # std::fs::remove_dir_all(&folder).expect("the folder");
//! # Ok::<(), neuralnet_table::Error>(())
//! ```

mod columns;
mod convert;
mod csv;
mod error;
mod features;
mod format;
mod grid;
mod idx;
mod map;
mod npy;
mod npz;
mod open;
mod options;
mod parquet;
mod predict;
mod stream;
mod table;
mod targets;
mod texts;

pub use convert::{Converted, convert};
pub use error::{Error, Result};
pub use npy::write_npy;
pub use open::{is_file, open, open_alike, open_csv, open_for, open_labelled, open_npy};
pub use options::{ClassWeight, Impute, TableOptions};
pub use predict::{PredictionFormat, predict, predict_to};
pub use stream::{Stream, stream, stream_in_spans};
