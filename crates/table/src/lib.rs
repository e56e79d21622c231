//! Tables for [`neuralnet`]: files and Arrow's record batches to data sets, and back.
//!
//! A table is a CSV file, NumPy's `.npy` and `.npz`, Parquet, Feather, pictures in the IDX format, each also compressed, or
//! [`RecordBatch`](arrow_array::RecordBatch)es in memory. [`open()`] makes features and targets of its columns as
//! [`TableOptions`] says; [`open_for`], [`open_labelled`] and [`stream()`] open a table for a model that knows how each
//! column was encoded; [`predict()`] writes a model's predictions for every row, and [`convert()`] a table in another
//! format.
//!
//! A number stays a float64 or an exact integer until it is encoded, a text is a text, a missing cell is a null. What a
//! column lost by rounding to f32 is among the [notices](neuralnet::Dataset::notices) of the data set.
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

mod csv;
mod encoder;
mod error;
mod features;
mod file;
mod format;
mod idx;
mod in_place;
mod ipc;
mod memory;
mod npy;
mod npz;
mod numerals;
mod open;
mod options;
mod parquet;
mod predict;
mod reader;
mod roles;
mod rounding;
mod samples;
mod stream;
mod table;
mod targets;
mod time;
mod time_units;
mod training;
mod values;
mod wide;
mod write;

pub use error::{Error, Place, Remedy, Result};
pub use idx::labels_beside;
pub use memory::from_batches;
pub use open::{is_file, open, open_alike, open_for, open_labelled};
pub use options::{Impute, MISSING, ModelOptions, TableOptions, TextOptions};
pub use predict::{check_output, predict, predict_to};
pub use stream::{Span, Stream, stream, stream_in_spans};
pub use write::{Converted, convert, write_npy};
