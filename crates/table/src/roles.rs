//! Which columns of a table are features, which are targets, and which one is the weight of the samples.

use crate::error::{Error, Place, Remedy, Result, listed, shown};
use crate::options::TableOptions;
use crate::reader::Columns;

/// Which columns of a table are used for what, each by its index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Roles {
    /// In the order of the file, or the one in which they were named.
    pub(crate) features: Vec<usize>,
    /// In the order in which they were named.
    pub(crate) targets: Vec<usize>,
    pub(crate) weight: Option<usize>,
    /// Those of the features that become a feature for each of their texts.
    pub(crate) one_hot: Vec<usize>,
    /// Columns that are used for nothing but were asked for: passed through.
    pub(crate) passed: Vec<usize>,
}

impl Roles {
    /// What `options` makes of the columns of the table `source`.
    pub(crate) fn of_training(
        source: &str,
        columns: &Columns,
        options: &TableOptions,
    ) -> Result<Self> {
        let mut uses: Vec<Option<&str>> = vec![None; columns.names.len()];
        let by_default = match columns.targets.is_empty() {
            false => columns.targets.clone(),
            true => {
                let last = columns.is_hidden.iter().rposition(|is_hidden| !is_hidden);
                last.into_iter().collect()
            }
        };
        if options.targets.is_empty() {
            for target in &by_default {
                uses[*target] = Some("the target, as the last column is if none is named");
            }
        }
        let mut take = |setting, given: &[String], used| {
            let indices = named(source, columns, setting, given)?;
            for index in &indices {
                if let Some(other) = uses[*index].replace(used) {
                    let name = shown(&columns.names[*index]);
                    let reason = format!("column `{name}` is {other}; a column has one use");
                    return Err(Error::setting(setting, reason));
                }
            }
            Ok(indices)
        };
        let targets = match options.targets.is_empty() {
            true => by_default,
            false => take("targets", &options.targets, "a target")?,
        };
        let weight = options.sample_weight.as_slice();
        let weight = only(
            "sample_weight",
            &take("sample_weight", weight, "the weight")?,
        )?;
        let features = take("features", &options.features, "a feature")?;
        take("drop", &options.drop, "dropped")?;
        let is_left = |index: &usize| uses[*index].is_none() && !columns.is_hidden[*index];
        let features = match options.features.is_empty() {
            true => (0..uses.len()).filter(is_left).collect(),
            false => features,
        };
        for (setting, used, use_of) in [
            ("features", &features, "a feature"),
            ("targets", &targets, "the target"),
        ] {
            if !used.is_empty() {
                continue;
            }
            let reason = format!(
                "has no column left to be {use_of}: its columns are {}, and at least one has to be",
                listed(&columns.names)
            );
            let hidden = columns.is_hidden.iter().position(|is_hidden| *is_hidden);
            let effect = "names what separates cells, if there are more";
            let remedy = match hidden {
                Some(at) => {
                    Remedy::new(setting, &*columns.names[at], "takes one that was left out")
                }
                None if columns.has_lines && columns.names.len() == 1 => {
                    Remedy::new("separator", "CHARACTER", effect)
                }
                None => return Err(Error::setting(setting, format!("{source} {reason}"))),
            };
            return Err(Error::at(Place::of(source), reason).or(remedy));
        }
        let one_hot = named(source, columns, "one_hot", &options.one_hot)?;
        if let Some(other) = one_hot.iter().find(|column| !features.contains(column)) {
            return Err(Error::setting(
                "one_hot",
                format!(
                    "column `{}` is not a feature; the features are {}",
                    shown(&columns.names[*other]),
                    listed(features.iter().map(|feature| &columns.names[*feature]))
                ),
            ));
        }
        Ok(Self {
            features,
            targets,
            weight,
            one_hot,
            passed: Vec::new(),
        })
    }

    /// The columns named `features` and `targets`, which a model needs of the table `source`, that of the
    /// weights, and those named `passed`.
    pub(crate) fn of_model<'a>(
        source: &str,
        columns: &Columns,
        features: impl Iterator<Item = &'a String>,
        targets: &[String],
        weight: Option<&String>,
        passed: &[String],
    ) -> Result<Self> {
        let index = |name: &String| columns.names.iter().position(|other| other == name);
        let features: Vec<&String> = features.collect();
        let needed = || features.iter().copied().chain(targets);
        let missing: Vec<&String> = needed().filter(|name| index(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(Error::Library(neuralnet::Error::Dataset {
                source_name: source.to_owned(),
                reason: format!(
                    "lacks what the model needs: {}; its columns are {}",
                    listed(missing),
                    listed(&columns.names)
                ),
            }));
        }
        let weight = weight.map_or(&[][..], std::slice::from_ref);
        let weight = named(source, columns, "sample_weight", weight)?;
        if let Some(used) = needed().find(|name| index(name).is_some_and(|at| weight.contains(&at)))
        {
            let name = shown(used);
            let reason = format!(
                "the model needs column `{name}` as a feature or a target; a column has one use"
            );
            return Err(Error::setting("sample_weight", reason));
        }
        Ok(Self {
            features: features.iter().copied().filter_map(index).collect(),
            targets: targets.iter().filter_map(index).collect(),
            weight: only("sample_weight", &weight)?,
            passed: named(source, columns, "passed", passed)?,
            ..Self::default()
        })
    }
}

/// The one column that the setting `setting` names, if it names any.
fn only(setting: &'static str, indices: &[usize]) -> Result<Option<usize>> {
    match indices {
        [_, _, ..] => {
            let reason = format!("names {} columns; name one", indices.len());
            Err(Error::setting(setting, reason))
        }
        indices => Ok(indices.first().copied()),
    }
}

/// The indices of the columns that the setting `setting` names: each by its name, by its place as `#1`, or several with
/// commas between them.
fn named(
    source: &str,
    columns: &Columns,
    setting: &'static str,
    given: &[String],
) -> Result<Vec<usize>> {
    let names = &columns.names;
    let index = |name: &str| {
        let by_name = |name: &str| names.iter().position(|other| other == name);
        let by_number = || {
            let index = name.trim().strip_prefix('#')?.parse::<usize>();
            index.ok()?.checked_sub(1)
        };
        // A name may begin or end with a space.
        let found = by_name(name).or_else(|| by_name(name.trim()));
        found.or_else(|| by_number().filter(|index| *index < names.len()))
    };
    let mut indices = Vec::with_capacity(given.len());
    for given in given {
        let parts: Vec<&str> = match index(given) {
            Some(_) => vec![given],
            None => given.split(',').collect(),
        };
        for part in parts {
            let fail = |reason| Error::setting(setting, reason);
            let index = index(part).ok_or_else(|| {
                fail(format!(
                    "{source} has no column `{}`; its columns are {}",
                    shown(part.trim()),
                    listed(names)
                ))
            })?;
            if indices.contains(&index) {
                return Err(fail(format!(
                    "column `{}` is named twice; name it once",
                    shown(&names[index])
                )));
            }
            indices.push(index);
        }
    }
    Ok(indices)
}

#[cfg(test)]
mod tests {
    use super::Roles;
    use crate::options::TableOptions;
    use crate::reader::Columns;

    fn words(text: &str) -> Vec<String> {
        text.split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn options(targets: &str, features: &str, drop: &str, weight: &str) -> TableOptions {
        TableOptions {
            targets: words(targets),
            features: words(features),
            drop: words(drop),
            sample_weight: words(weight).pop(),
            ..TableOptions::default()
        }
    }

    /// Features, targets and weight.
    type Places = (Vec<usize>, Vec<usize>, Option<usize>);

    fn roles(options: &TableOptions) -> Result<Places, String> {
        let mut columns = Columns::named(words("#1 a b c d"));
        columns.is_hidden[0] = true;
        let roles =
            Roles::of_training("t.csv", &columns, options).map_err(|error| error.to_string())?;
        Ok((roles.features, roles.targets, roles.weight))
    }

    #[test]
    fn every_column_has_one_use() {
        for (options, features, targets, weight) in [
            (options("", "", "", ""), vec![1, 2, 3], vec![4], None),
            (options("c a", "", "", ""), vec![2, 4], vec![3, 1], None),
            (options("c,a", "", "", ""), vec![2, 4], vec![3, 1], None),
            (options("", "c,a", "", ""), vec![3, 1], vec![4], None),
            (options("", "#1 #3", "", ""), vec![0, 2], vec![4], None),
            (options("", "", "b", "a"), vec![3], vec![4], Some(1)),
            (options("b", "a", "c", "d"), vec![1], vec![2], Some(4)),
        ] {
            assert_eq!(
                roles(&options),
                Ok((features, targets, weight)),
                "{options:?}"
            );
        }
    }

    #[test]
    fn a_name_with_a_comma_is_one_name() {
        let columns = Columns::named(vec!["x".to_owned(), "price, $".to_owned(), "y".to_owned()]);
        let options = TableOptions {
            drop: vec!["price, $".to_owned()],
            ..TableOptions::default()
        };
        assert_eq!(
            Roles::of_training("t.csv", &columns, &options)
                .unwrap()
                .features,
            [0]
        );
    }

    #[test]
    fn a_name_that_begins_with_a_space_is_told_from_one_that_does_not() {
        let columns = Columns::named(["c", " c", "d ", "y"].map(str::to_owned).to_vec());
        for (given, place) in [
            ("c", Some(0)),
            (" c", Some(1)),
            ("c ", Some(0)),
            ("d ", Some(2)),
            ("d", None),
        ] {
            let options = TableOptions {
                features: vec![given.to_owned()],
                ..TableOptions::default()
            };
            let roles = Roles::of_training("t.csv", &columns, &options);
            let found = roles.ok().map(|roles| roles.features[0]);
            assert_eq!(found, place, "{given:?}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (options, part) in [
            (
                options("x", "", "", ""),
                "`targets`: t.csv has no column `x`; its columns are `#1`, `a`, `b`, `c`, `d`",
            ),
            (
                options("", "#6", "", ""),
                "`features`: t.csv has no column `#6`",
            ),
            (
                options("", "x", "", ""),
                "`features`: t.csv has no column `x`",
            ),
            (
                options("", "", "a x", ""),
                "`drop`: t.csv has no column `x`",
            ),
            (
                options("", "", "", "x"),
                "`sample_weight`: t.csv has no column `x`",
            ),
            (
                options("", "", "d", ""),
                "`drop`: column `d` is the target, as the last column",
            ),
            (
                options("", "d", "", ""),
                "`features`: column `d` is the target",
            ),
            (
                options("a", "a", "", ""),
                "`features`: column `a` is a target",
            ),
            (options("", "a", "a", ""), "`drop`: column `a` is a feature"),
            (
                options("", "a", "", "a"),
                "`features`: column `a` is the weight",
            ),
            (
                options("", "a a", "", ""),
                "`features`: column `a` is named twice",
            ),
            (
                options("", "", "a b c", ""),
                "no column left to be a feature",
            ),
        ] {
            let refused = roles(&options).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
        let mut hidden = Columns::named(words("a b"));
        hidden.is_hidden.fill(true);
        let refused = Roles::of_training("t.csv", &hidden, &options("", "#1", "", ""));
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("no column left to be the target"),
            "{refused}"
        );
        let mut one_hot = options("", "a b", "", "");
        one_hot.one_hot = words("d");
        let refused = roles(&one_hot).unwrap_err();
        assert!(
            refused.contains("column `d` is not a feature; the features are `a`, `b`"),
            "{refused}"
        );
    }
}
