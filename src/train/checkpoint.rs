//! A training in a file, from which it goes on to the same bits: parameters, what the optimizer remembers, and
//! where it stands.
//!
//! The file is in the safetensors format; its metadata hold one string, `neuralnet-checkpoint`, as JSON. Which rows a
//! batch holds follows from the seed and the iteration, so that nothing of it is kept.

use super::config::TrainConfig;
use super::history::History;
use super::schedule::Schedule;
use super::warm_start::WarmStart;
use crate::atomic_file;
use crate::backend::Backend;
use crate::data::Dataset;
use crate::error::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The layout that this program writes and reads.
const VERSION: u32 = 3;
/// The key of the metadata.
const KEY: &str = "neuralnet-checkpoint";

/// Vectors by their names.
pub(super) type Vectors = BTreeMap<String, Vec<f64>>;

/// Where to write, and how often.
#[derive(Debug)]
pub(super) struct Checkpoints {
    path: PathBuf,
    seconds: f64,
    last: Instant,
}

impl Checkpoints {
    pub(super) fn new(path: PathBuf, seconds: f64) -> Self {
        Self {
            path,
            seconds,
            last: Instant::now(),
        }
    }

    pub(super) fn due(&self) -> bool {
        self.last.elapsed().as_secs_f64() >= self.seconds
    }

    pub(super) fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let bytes = checkpoint.bytes();
        atomic_file::replace(&self.path, |mut file| file.write_all(&bytes))?;
        self.last = Instant::now();
        Ok(())
    }
}

/// What tells a run from others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) config: TrainConfig,
    pub(super) data: Data,
    /// The samples held back.
    pub(super) held: Option<Data>,
    backend: String,
    /// The hardware, as far as bits depend on it.
    hardware: String,
}

/// A data set, as far as bits depend on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Data {
    n_samples: usize,
    features: Vec<String>,
    targets: Vec<String>,
    weighted: bool,
    fingerprint: u64,
}

impl Data {
    pub(super) fn of(dataset: &Dataset) -> Self {
        Self {
            n_samples: dataset.n_samples(),
            features: dataset.input_names().to_vec(),
            targets: dataset.target_names().to_vec(),
            weighted: dataset.is_weighted(),
            fingerprint: dataset.fingerprint(),
        }
    }
}

impl Identity {
    pub(super) fn new(
        config: &TrainConfig,
        data: Data,
        held: Option<Data>,
        backend: &dyn Backend,
    ) -> Self {
        Self {
            config: config.clone(),
            data,
            held,
            backend: backend.kind().name().to_owned(),
            hardware: backend.identity(),
        }
    }

    /// The first difference from `run`, which is about to go on from here.
    fn difference(&self, run: &Self) -> Option<String> {
        if let Some((setting, was, is)) = changed(&self.config, &run.config) {
            return Some(format!(
                "was made with the setting {setting} {was}, and this run has {is}; take the same settings"
            ));
        }
        for (what, was, is) in [
            ("data", Some(&self.data), Some(&run.data)),
            ("samples held back", self.held.as_ref(), run.held.as_ref()),
        ] {
            if was == is {
                continue;
            }
            let (Some(was), Some(is)) = (was, is) else {
                return Some(format!(
                    "was made {} {what}, and this run is not; take the same flags",
                    if was.is_some() { "with" } else { "without" }
                ));
            };
            let difference = if was.n_samples != is.n_samples {
                format!("{} samples, not {}", was.n_samples, is.n_samples)
            } else if was.features != is.features {
                format!("the features {:?}, not {:?}", was.features, is.features)
            } else if was.targets != is.targets {
                format!("the targets {:?}, not {:?}", was.targets, is.targets)
            } else {
                "other values, or scaled or stored in another way".to_owned()
            };
            return Some(format!(
                "was made of other {what}: {difference}; name those it was made of"
            ));
        }
        let (was, is) = (
            [&self.backend, &self.hardware],
            [&run.backend, &run.hardware],
        );
        (was != is).then(|| {
            format!(
                "was made on the {} ({}), and this run is on the {} ({}), which rounds in other places; choose the same hardware",
                was[0], was[1], is[0], is[1]
            )
        })
    }
}

/// The first setting that differs and decides bits: its name and both values.
fn changed(was: &TrainConfig, is: &TrainConfig) -> Option<(String, String, String)> {
    let fields = |config: &TrainConfig| match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    // More iterations may be asked for, where nothing else follows from their number.
    let iterations_count = is.schedule == Schedule::Cosine || is.validation_every.is_none();
    let is = fields(is);
    fields(was).into_iter().find_map(|(name, was)| {
        let counts = match name.as_str() {
            "iterations" => iterations_count,
            "max_seconds" => false,
            _ => true,
        };
        let is = is.get(&name).cloned().unwrap_or_default();
        (counts && was != is).then(|| (name, was.to_string(), is.to_string()))
    })
}

/// Where a training stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) version: u32,
    pub(super) identity: Identity,
    pub(super) iteration: u64,
    pub(super) evaluations: u64,
    pub(super) seconds: f64,
    pub(super) loss: Option<f64>,
    /// Of Adam.
    pub(super) steps: u64,
    /// Of L-BFGS.
    pub(super) lowest: Option<[f64; 2]>,
    pub(super) stalled: u32,
    pub(super) warm_start: Option<WarmStart>,
    /// The loss an iteration ago.
    pub(super) loss_before: Option<f64>,
    pub(super) history: History,
    /// The last look at the samples held back.
    pub(super) last: Option<(u64, f64)>,
    /// The best one.
    pub(super) best: Option<(u64, f64)>,
    pub(super) waited: u32,
    /// In a file, that of all the above and the vectors.
    #[serde(default)]
    pub(super) checksum: u32,
}

impl Standing {
    /// At the start.
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            version: VERSION,
            identity,
            iteration: 0,
            evaluations: 0,
            seconds: 0.0,
            loss: None,
            steps: 0,
            lowest: None,
            stalled: 0,
            warm_start: None,
            loss_before: None,
            history: History::new(),
            last: None,
            best: None,
            waited: 0,
            checksum: 0,
        }
    }
}

/// A training that can go on.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) standing: Standing,
    pub(super) vectors: Vectors,
}

impl Checkpoint {
    /// Reads the file `path`, which a run like `run` wrote.
    pub(super) fn open(path: &Path, run: &Identity) -> Result<Self> {
        let fail = |reason: String| Error::Model {
            path: path.to_owned(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
        let checkpoint = Self::parse(&bytes).map_err(fail)?;
        match checkpoint.standing.identity.difference(run) {
            Some(difference) => Err(fail(difference)),
            None => Ok(checkpoint),
        }
    }

    fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        const REMEDY: &str = "name a checkpoint that this program wrote";
        let other = |error| format!("is not a safetensors file ({error}); {REMEDY}");
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(other)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(other)?;
        let text = metadata.metadata().as_ref().and_then(|all| all.get(KEY));
        let text = text.ok_or_else(|| format!("has no `{KEY}` in its metadata; {REMEDY}"))?;
        let standing: Standing = serde_json::from_str(text)
            .map_err(|error| format!("cannot be read ({error}); {REMEDY}"))?;
        if standing.version != VERSION {
            return Err(format!(
                "has layout {}, and this program reads {VERSION}; use the program that wrote it",
                standing.version
            ));
        }
        let vectors = tensors.iter().map(|(name, tensor)| {
            let numbers = tensor.data().as_chunks().0.iter();
            let numbers = numbers.map(|bytes| f64::from_le_bytes(*bytes));
            (name.to_owned(), numbers.collect())
        });
        let told = standing.checksum;
        let checkpoint = Self {
            standing: Standing {
                checksum: 0,
                ..standing
            },
            vectors: vectors.collect(),
        };
        if checkpoint.checksum() != told {
            return Err(
                "was changed since it was written: its checksum is another; copy it again, or start again"
                    .to_owned(),
            );
        }
        Ok(checkpoint)
    }

    /// Of everything, as long as the checksum itself is 0.
    fn checksum(&self) -> u32 {
        let vectors = self.vectors.values().map(Vec::as_slice);
        atomic_file::checksum(
            &(&self.standing, self.vectors.keys().collect::<Vec<_>>()),
            vectors,
        )
    }

    fn bytes(&self) -> Vec<u8> {
        let bytes = self.vectors.iter().map(|(name, vector)| {
            let bytes = vector.iter().flat_map(|number| number.to_le_bytes());
            (name, vector.len(), bytes.collect::<Vec<u8>>())
        });
        let bytes: Vec<_> = bytes.collect();
        let tensors = bytes.iter().map(|(name, length, bytes)| {
            let view = TensorView::new(Dtype::F64, vec![*length], bytes);
            (*name, view.expect("whole numbers"))
        });
        let standing = Standing {
            checksum: self.checksum(),
            ..self.standing.clone()
        };
        let text = serde_json::to_string(&standing).expect("strings and finite numbers");
        let metadata = HashMap::from([(KEY.to_owned(), text)]);
        safetensors::serialize(tensors, Some(metadata)).expect("tensors of their own names")
    }

    /// The vector `name`, as long as the parameters.
    pub(super) fn vector(&self, path: &Path, name: &str, length: usize) -> Result<Vec<f64>> {
        let vector = self
            .vectors
            .get(name)
            .filter(|vector| vector.len() == length);
        vector.cloned().ok_or_else(|| Error::Model {
            path: path.to_owned(),
            reason: format!("has no tensor `{name}` of {length} numbers; start again"),
        })
    }
}
