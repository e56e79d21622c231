//! Which columns of a table are features, which are targets, and which one is the weight of the samples.

use super::options::TableOptions;

/// Places of columns in a table.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Columns {
    /// In the order of the file or as they were named.
    pub(super) features: Vec<usize>,
    /// In the order in which they were named.
    pub(super) targets: Vec<usize>,
    pub(super) weight: Option<usize>,
}

impl Columns {
    /// What `options` makes of the columns `names`.
    pub(super) fn new(names: &[String], options: &TableOptions) -> Result<Self, String> {
        let mut uses = Uses::new(names);
        let targets = match options.targets.as_slice() {
            [] => {
                let last = names.len().saturating_sub(1);
                uses.take(
                    last,
                    "the last column, and so the target; name another with --target",
                )?;
                vec![last]
            }
            targets => uses.named("--target", targets, "a target")?,
        };
        let weight = match &options.sample_weight {
            None => None,
            Some(name) => uses
                .named("--sample-weight", std::slice::from_ref(name), "the weight")?
                .pop(),
        };
        let features = match options.features.as_slice() {
            [] => None,
            features => Some(uses.named("--features", features, "a feature")?),
        };
        uses.named("--drop", &options.drop, "dropped")?;
        let features = features.unwrap_or_else(|| uses.left());
        if features.is_empty() {
            return Err(format!(
                "has no feature column: of {} none is left; at least one is needed",
                listed(names)
            ));
        }
        for name in options.one_hot.iter().map(|name| name.trim()) {
            let column = uses.place("--one-hot", name)?;
            if !features.contains(&column) {
                return Err(format!(
                    "--one-hot names column `{}`, which is not a feature; its features are {}",
                    shown(name),
                    listed(features.iter().map(|feature| &names[*feature]))
                ));
            }
        }
        Ok(Self {
            features,
            targets,
            weight,
        })
    }

    /// The columns named `features` and `targets`, which a model needs.
    pub(super) fn of_model<'a>(
        names: &[String],
        features: impl Iterator<Item = &'a String> + Clone,
        targets: impl Iterator<Item = &'a String> + Clone,
    ) -> Result<Self, String> {
        let place = |name: &&String| names.iter().position(|other| other == *name);
        let all = features.clone().chain(targets.clone());
        let missing: Vec<&String> = all.filter(|name| place(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(format!(
                "lacks what the model needs: {}; its columns are {}",
                listed(missing),
                listed(names)
            ));
        }
        Ok(Self {
            features: features.filter_map(|name| place(&name)).collect(),
            targets: targets.filter_map(|name| place(&name)).collect(),
            weight: None,
        })
    }
}

/// What each column is used for, so that none is used twice.
struct Uses<'a> {
    names: &'a [String],
    uses: Vec<Option<&'static str>>,
}

impl<'a> Uses<'a> {
    fn new(names: &'a [String]) -> Self {
        Self {
            names,
            uses: vec![None; names.len()],
        }
    }

    fn place(&self, flag: &str, name: &str) -> Result<usize, String> {
        let place = self.names.iter().position(|other| other == name);
        place.ok_or_else(|| {
            format!(
                "has no column `{}` for {flag}; its columns are {}",
                shown(name),
                listed(self.names)
            )
        })
    }

    /// The places of the columns that `flag` names, which are `used` from now on.
    fn named(
        &mut self,
        flag: &str,
        names: &[String],
        used: &'static str,
    ) -> Result<Vec<usize>, String> {
        let mut places = Vec::with_capacity(names.len());
        for name in names.iter().map(|name| name.trim()) {
            let place = self.place(flag, name)?;
            if places.contains(&place) {
                return Err(format!(
                    "{flag} names column `{}` twice; name it once",
                    shown(name)
                ));
            }
            self.take(place, used).map_err(|other| {
                format!("{flag} names column `{}`, which is {other}", shown(name))
            })?;
            places.push(place);
        }
        Ok(places)
    }

    /// Uses a column, or says what it is used for.
    fn take(&mut self, place: usize, used: &'static str) -> Result<(), &'static str> {
        match self.uses.get_mut(place) {
            Some(Some(other)) => Err(other),
            Some(free) => {
                *free = Some(used);
                Ok(())
            }
            None => Err("not there"),
        }
    }

    fn left(&self) -> Vec<usize> {
        let free = self.uses.iter().enumerate();
        free.filter(|(_, used)| used.is_none())
            .map(|(place, _)| place)
            .collect()
    }
}

/// Names, in one line and not too many.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    some_of(names.into_iter().map(|name| format!("`{}`", shown(name))))
}

/// The first of some words, and how many more there are.
pub(super) fn some_of(words: impl IntoIterator<Item = String>) -> String {
    const SHOWN: usize = 20;
    let mut words = words.into_iter();
    let mut list: Vec<String> = words.by_ref().take(SHOWN).collect();
    let more = words.count();
    if more > 0 {
        list.push(format!("and {more} more"));
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

#[cfg(test)]
mod tests {
    use super::{Columns, TableOptions};

    fn named(names: &str) -> Vec<String> {
        let names = names.split(' ').filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    fn options(targets: &str, features: &str, drop: &str, weight: &str) -> TableOptions {
        TableOptions {
            targets: named(targets),
            features: named(features),
            drop: named(drop),
            sample_weight: named(weight).pop(),
            ..TableOptions::default()
        }
    }

    #[test]
    fn every_column_has_one_use() {
        let names = named("a b c d");
        for (options, features, targets, weight) in [
            (options("", "", "", ""), vec![0, 1, 2], vec![3], None),
            (options("c a", "", "", ""), vec![1, 3], vec![2, 0], None),
            (options("", "c a", "", ""), vec![2, 0], vec![3], None),
            (options("", "", "b", "a"), vec![2], vec![3], Some(0)),
            (options("b", "a", "c", "d"), vec![0], vec![1], Some(3)),
        ] {
            let columns = Columns::new(&names, &options).unwrap();
            let expected = Columns {
                features,
                targets,
                weight,
            };
            assert_eq!(columns, expected, "{options:?}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let names = named("a b c d");
        for (options, part) in [
            (
                options("x", "", "", ""),
                "no column `x` for --target; its columns are `a`, `b`, `c`, `d`",
            ),
            (options("", "x", "", ""), "no column `x` for --features"),
            (options("", "", "x", ""), "no column `x` for --drop"),
            (
                options("", "", "", "x"),
                "no column `x` for --sample-weight",
            ),
            (
                options("", "", "d", ""),
                "--drop names column `d`, which is the last column, and so the target",
            ),
            (
                options("", "d", "", ""),
                "--features names column `d`, which is the last column",
            ),
            (
                options("a", "a", "", ""),
                "--features names column `a`, which is a target",
            ),
            (
                options("", "a", "a", ""),
                "--drop names column `a`, which is a feature",
            ),
            (
                options("", "a", "", "a"),
                "--features names column `a`, which is the weight",
            ),
            (
                options("", "a a", "", ""),
                "--features names column `a` twice",
            ),
            (options("", "", "a b c", ""), "no feature column"),
            (options("a b c d", "", "", ""), "no feature column"),
        ] {
            let refused = Columns::new(&names, &options).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
        let options = TableOptions {
            one_hot: named("d"),
            ..TableOptions::default()
        };
        let refused = Columns::new(&names, &options).unwrap_err();
        assert!(
            refused.contains(
                "--one-hot names column `d`, which is not a feature; its features are `a`, `b`, `c`"
            ),
            "{refused}"
        );
    }
}
