//! Which columns of a table are features, and which are targets.

/// What is wanted of a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// These targets, the last column where none is named, and all other columns as features.
    Targets(&'a [String]),
    /// These features, and nothing else.
    Features(&'a [String]),
}

/// Features in the order of the file or as they were named, targets in the order in which they were named.
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    pub(super) inputs: Vec<usize>,
    pub(super) targets: Vec<usize>,
}

impl Columns {
    pub(super) fn new(names: Vec<String>, wanted: Wanted<'_>) -> Result<Self, String> {
        match wanted {
            Wanted::Targets(targets) => Self::with_targets(names, targets),
            Wanted::Features(features) => Self::with_features(names, features),
        }
    }

    /// The columns of `features`, in their order.
    fn with_features(names: Vec<String>, features: &[String]) -> Result<Self, String> {
        let place = |name: &String| names.iter().position(|other| other == name);
        let missing: Vec<String> = features
            .iter()
            .filter(|name| place(name).is_none())
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Err(format!(
                "lacks what the model needs: {}; its columns are {}",
                listed(&missing),
                listed(&names)
            ));
        }
        Ok(Self {
            inputs: features.iter().filter_map(place).collect(),
            targets: Vec::new(),
            names,
        })
    }

    fn with_targets(names: Vec<String>, wanted: &[String]) -> Result<Self, String> {
        let last = names.last().map(std::slice::from_ref).unwrap_or_default();
        let wanted = if wanted.is_empty() { last } else { wanted };
        let mut targets = Vec::with_capacity(wanted.len());
        let mut is_target = vec![false; names.len()];
        for name in wanted.iter().map(|name| name.trim()) {
            let Some(column) = names.iter().position(|other| other == name) else {
                return Err(format!(
                    "has no column `{}` for --target; its columns are {}",
                    shown(name),
                    listed(&names)
                ));
            };
            if std::mem::replace(&mut is_target[column], true) {
                return Err(format!(
                    "--target names column `{}` twice; name it once",
                    shown(name)
                ));
            }
            targets.push(column);
        }
        let inputs: Vec<usize> = (0..names.len())
            .filter(|column| !is_target[*column])
            .collect();
        if inputs.is_empty() {
            return Err(format!(
                "has no feature column: {} is all there is, and a target; at least one more is needed",
                listed(&names)
            ));
        }
        Ok(Self {
            names,
            inputs,
            targets,
        })
    }

    pub(super) fn named(&self, columns: &[usize]) -> Vec<String> {
        columns
            .iter()
            .map(|column| self.names[*column].clone())
            .collect()
    }
}

pub(super) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut list: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", shown(name)))
        .collect();
    if names.len() > SHOWN {
        list.push(format!("and {} more", names.len() - SHOWN));
    }
    list.join(", ")
}

/// A name or a cell on one line, cut where it is long.
pub(super) fn shown(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}
