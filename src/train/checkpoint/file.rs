//! The checkpoint file: safetensors with one tensor of float64 for each vector. The metadata hold the rest as JSON
//! under `neuralnet-checkpoint`, and a checksum of both under `checksum`. Which rows a batch holds follows from the
//! seed and the iteration, so the file does not hold it.

use super::key::RunKey;
use crate::atomic_file::{self, Destination};
use crate::error::{Error, Result};
use crate::tensors;
use crate::train::Progress;
use crate::train::history::History;
use crate::train::holdout::HoldoutState;
use crate::train::host::OptimizerState;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// The layout of the files that this program writes and reads.
pub(super) const VERSION: u32 = 9;
const KEY: &str = "neuralnet-checkpoint";
const CHECKSUM: &str = "checksum";
const REMEDY: &str = "name a checkpoint that this program wrote";

/// All that a training needs to resume.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TrainingState {
    pub(super) version: u32,
    pub(super) key: RunKey,
    pub(super) progress: Progress,
    pub(super) history: History,
    pub(super) optimizer: OptimizerState,
    pub(super) holdout: Option<HoldoutState>,
    #[serde(skip)]
    pub(super) parameters: Vec<f64>,
}

/// What the files of all layouts have.
#[derive(Deserialize)]
struct Layout {
    version: u32,
}

impl TrainingState {
    /// Reads the file `path`, which a run of the key `run` wrote.
    pub(super) fn read(path: &Path, run: &RunKey, n_parameters: usize) -> Result<Self> {
        let fail = |reason: String| Error::Model {
            path: path.to_owned(),
            reason,
        };
        let unread = |error| fail(format!("{error}; {REMEDY}"));
        let bytes = std::fs::read(path).map_err(unread)?;
        let mut state = Self::parse(&bytes).map_err(fail)?;
        if let Some(difference) = state.key.difference(run) {
            return Err(fail(difference));
        }
        for (name, vector) in state.vectors_mut() {
            if vector.len() != n_parameters {
                let reason =
                    format!("has no tensor `{name}` of {n_parameters} numbers; start again");
                return Err(fail(reason));
            }
        }
        Ok(state)
    }

    fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let (tensors, metadata) =
            tensors::parsed(bytes).map_err(|reason| format!("{reason}; {REMEDY}"))?;
        let text = metadata
            .get(KEY)
            .ok_or_else(|| format!("has no `{KEY}` in its metadata; {REMEDY}"))?;
        let unreadable = |error| format!("cannot be read ({error}); {REMEDY}");
        let Layout { version } = serde_json::from_str(text).map_err(unreadable)?;
        if version != VERSION {
            return Err(format!(
                "has layout {version}, and this program reads {VERSION}; use the program that wrote it"
            ));
        }
        let mut state: Self = serde_json::from_str(text).map_err(unreadable)?;
        for (name, vector) in state.vectors_mut() {
            if let Ok(tensor) = tensors.tensor(&name) {
                *vector = tensors::numbers(&tensor);
            }
        }
        if metadata.get(CHECKSUM) != Some(&state.checksum(text)) {
            return Err(
                "was changed since it was written: its checksum is another; copy it again, or start again"
                    .to_owned(),
            );
        }
        Ok(state)
    }

    pub(super) fn write(mut self, file: Destination<'_>) -> Result<()> {
        let text = serde_json::to_string(&self).expect("strings and numbers");
        let checksum = self.checksum(&text);
        let vectors = self.vectors_mut().into_iter();
        let tensors = vectors.map(|(name, vector)| (name, vec![vector.len()], vector.as_slice()));
        let metadata = [(KEY.to_owned(), text), (CHECKSUM.to_owned(), checksum)];
        let bytes = tensors::bytes(tensors, HashMap::from(metadata));
        atomic_file::replace(file, |mut file| file.write_all(&bytes))
    }

    /// The checksum of the vectors and of `text`, which describes them.
    fn checksum(&mut self, text: &str) -> String {
        let (names, vectors): (Vec<_>, Vec<_>) = self.vectors_mut().into_iter().unzip();
        let numbers = vectors.iter().map(|vector| vector.as_slice());
        atomic_file::checksum(&(text, names), numbers).to_string()
    }

    /// The vectors by the names of their tensors.
    fn vectors_mut(&mut self) -> Vec<(String, &mut Vec<f64>)> {
        let mut vectors = vec![("parameters".to_owned(), &mut self.parameters)];
        vectors.extend(self.optimizer.vectors_mut());
        if let Some(HoldoutState {
            best: Some(best), ..
        }) = &mut self.holdout
        {
            vectors.push(("best".to_owned(), &mut best.parameters));
        }
        vectors
    }
}
