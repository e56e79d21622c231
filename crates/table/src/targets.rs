//! Columns of a table as targets: numbers as they are, classes as 0 and 1, and behind them the weights of the samples.

use super::columns::{listed, shown};
use super::features::{code, places};
use super::grid::Grid;
use super::options::ClassWeight;
use super::table::MAX_TEXTS;
use crate::error::Result;
use neuralnet::Classes;
use neuralnet::data::ColumnView;

/// Targets, and what they stand for.
pub(super) struct Targets {
    pub(super) part: ColumnView,
    pub(super) names: Vec<String>,
    pub(super) classes: Option<Classes>,
}

/// How targets are made.
#[derive(Clone, Copy, Default)]
pub(super) struct How<'a> {
    /// Numbers are classes as well.
    pub(super) as_classes: bool,
    pub(super) class_weight: Option<&'a ClassWeight>,
    /// The classes of a model, of which each has to be one.
    pub(super) known: Option<&'a Classes>,
}

/// Makes targets of the columns of `grid` from `first` on: `n_targets` of them, and behind them the weight, if there is one.
pub(super) fn targets(
    grid: &Grid,
    (first, n_targets): (usize, usize),
    how: How<'_>,
) -> Result<Targets> {
    let columns = first..first + n_targets;
    grid.refuse_empty(
        columns.clone(),
        "a target is never made up: remove the rows, or fill them",
    )?;
    let weight = (columns.end < grid.names.len()).then_some(columns.end);
    if let Some(column) = weight {
        check_weights(grid, column)?;
    }
    let of_texts = columns.clone().find(|column| grid.is_text(*column));
    if of_texts.is_none() && !how.as_classes && how.known.is_none() {
        return Ok(Targets {
            part: grid.part(first..grid.names.len()),
            names: grid.names[columns].to_vec(),
            classes: None,
        });
    }
    if n_targets > 1 {
        let column = shown(&grid.names[of_texts.unwrap_or(first)]);
        return Err(grid.error(format!(
            "column `{column}` is of classes, and then it is the only target; name it alone with --target"
        )));
    }
    let labels = Labels::new(grid, first, how)?;
    labels.targets(grid, first, weight, how)
}

/// That the weights are some.
fn check_weights(grid: &Grid, column: usize) -> Result<()> {
    grid.refuse_empty(
        column..column + 1,
        "a weight is never made up: remove the rows, or fill them",
    )?;
    if let Some(row) = grid.first(column, |weight| weight < 0.0) {
        let weight = grid.value(row, column);
        return Err(grid.cell_error(
            row,
            column,
            format!("the weight {weight} is negative; --sample-weight takes weights from 0 on"),
        ));
    }
    if grid.first(column, |weight| weight > 0.0).is_none() {
        return Err(grid.error(format!(
            "column `{}` holds no weight above 0; --sample-weight needs at least one",
            shown(&grid.names[column])
        )));
    }
    Ok(())
}

/// The classes of a column, and how its cells name them.
struct Labels {
    names: Vec<String>,
    cells: Named,
}

/// How cells name classes.
enum Named {
    /// The class of each text.
    Texts(Vec<usize>),
    /// Numbers in order, each with its class.
    Numbers(Vec<(f32, usize)>),
}

impl Labels {
    fn new(grid: &Grid, column: usize, how: How<'_>) -> Result<Self> {
        let labels = match (grid.is_text(column), how.known) {
            (true, Some(known)) => Self {
                names: known.names.clone(),
                cells: Named::Texts(places(grid, column, &known.names)?),
            },
            (false, Some(known)) => Self {
                names: known.names.clone(),
                cells: known_numbers(grid, column, &known.names)?,
            },
            (true, None) => {
                if !how.as_classes {
                    refuse_mixed(grid, column)?;
                }
                Self::of_texts(grid, column)
            }
            (false, None) => Self::of_numbers(grid, column)?,
        };
        let n_classes = labels.names.len();
        if (2..=MAX_TEXTS).contains(&n_classes) {
            return Ok(labels);
        }
        let name = shown(&grid.names[column]);
        Err(grid.error(match n_classes {
            1 => format!(
                "column `{name}` has one class alone, `{}`; at least two are needed",
                shown(&labels.names[0])
            ),
            _ => format!(
                "column `{name}` has more than {MAX_TEXTS} classes; name another target, or scale the numbers and train on them as they are"
            ),
        }))
    }

    fn of_texts(grid: &Grid, column: usize) -> Self {
        let texts = &grid.texts[column];
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_unstable_by_key(|code| &texts[*code]);
        let mut classes = vec![0; texts.len()];
        for (class, code) in order.iter().enumerate() {
            classes[*code] = class;
        }
        Self {
            names: order.iter().map(|code| texts[*code].clone()).collect(),
            cells: Named::Texts(classes),
        }
    }

    /// In the order of the numbers, each named by the fewest digits that give it back.
    fn of_numbers(grid: &Grid, column: usize) -> Result<Self> {
        let numbers = numbers(grid, column);
        Ok(Self {
            names: numbers.iter().map(f32::to_string).collect(),
            cells: Named::Numbers(numbers.into_iter().zip(0..).collect()),
        })
    }

    fn class(&self, cell: f32) -> usize {
        match &self.cells {
            Named::Texts(classes) => classes[code(cell)],
            Named::Numbers(classes) => {
                // −0 is 0.
                let at = classes.binary_search_by(|(number, _)| number.total_cmp(&(cell + 0.0)));
                classes[at.expect("every number was looked at")].1
            }
        }
    }

    fn targets(
        &self,
        grid: &Grid,
        column: usize,
        weight: Option<usize>,
        how: How<'_>,
    ) -> Result<Targets> {
        let class_weights = match how.class_weight {
            None => None,
            Some(weights) => Some(self.weights(grid, column, weights)?),
        };
        let classes = Classes {
            column: grid.names[column].clone(),
            names: self.names.clone(),
        };
        let n_outputs = classes.n_outputs();
        let is_weighted = weight.is_some() || class_weights.is_some();
        let width = n_outputs + usize::from(is_weighted);
        let targets = grid.made(width, |row, to| {
            let class = self.class(grid.value(row, column));
            match n_outputs {
                1 => to[0] = f32::from(class == 1),
                _ => to[class] = 1.0,
            }
            if is_weighted {
                let own = weight.map_or(1.0, |weight| f64::from(grid.value(row, weight)));
                let of_class = class_weights.as_ref().map_or(1.0, |weights| weights[class]);
                #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
                let product = (own * of_class) as f32;
                to[n_outputs] = product;
            }
        })?;
        if class_weights.is_some() {
            check_products(grid, column, targets.iter().skip(n_outputs).step_by(width))?;
        }
        Ok(Targets {
            part: ColumnView::whole(targets, width),
            names: classes.output_names(),
            classes: Some(classes),
        })
    }

    /// The weight of each class.
    fn weights(&self, grid: &Grid, column: usize, weights: &ClassWeight) -> Result<Vec<f64>> {
        match weights {
            ClassWeight::Balanced => {
                let mut counts = vec![0_usize; self.names.len()];
                for cell in grid.column(column) {
                    counts[self.class(cell)] += 1;
                }
                let n_classes = counts.len() as f64;
                let weight = |count: &usize| grid.n_rows as f64 / (n_classes * *count as f64);
                Ok(counts.iter().map(weight).collect())
            }
            ClassWeight::Given(given) => {
                let mut weights = vec![1.0; self.names.len()];
                for (name, weight) in given {
                    let class = self.names.iter().position(|other| other == name);
                    let class = class.ok_or_else(|| {
                        grid.error(format!(
                            "column `{}` has no class `{}` for --class-weight; its classes are {}",
                            shown(&grid.names[column]),
                            shown(name),
                            listed(&self.names)
                        ))
                    })?;
                    weights[class] = *weight;
                }
                Ok(weights)
            }
        }
    }
}

/// The different numbers of a column, in order; no more than are needed to see that there are too many.
fn numbers(grid: &Grid, column: usize) -> Vec<f32> {
    let mut numbers: Vec<f32> = Vec::new();
    for cell in grid.column(column) {
        if let Err(at) = numbers.binary_search_by(|number| number.total_cmp(&(cell + 0.0))) {
            numbers.insert(at, cell + 0.0);
            if numbers.len() > MAX_TEXTS {
                break;
            }
        }
    }
    numbers
}

/// The numbers of a column as classes of a model.
fn known_numbers(grid: &Grid, column: usize, known: &[String]) -> Result<Named> {
    let mut classes = Vec::new();
    for number in numbers(grid, column) {
        let name = number.to_string();
        let Some(class) = known.iter().position(|other| *other == name) else {
            let row = grid.first(column, |cell| (cell + 0.0).to_bits() == number.to_bits());
            return Err(grid.cell_error(
                row.expect("the number stands in a row"),
                column,
                format!(
                    "`{name}` is not known to the model, which knows {}",
                    listed(known)
                ),
            ));
        };
        classes.push((number, class));
    }
    Ok(Named::Numbers(classes))
}

/// That the cells of a target are not some of them numbers, and some texts.
fn refuse_mixed(grid: &Grid, column: usize) -> Result<()> {
    let is_number = |text: &String| text.parse().is_ok_and(f32::is_finite);
    let texts = &grid.texts[column];
    let (Some(text), Some(number)) = (
        texts.iter().position(|text| !is_number(text)),
        texts.iter().position(is_number),
    ) else {
        return Ok(());
    };
    let row = |code: usize| {
        let row = grid.first(column, |cell| self::code(cell) == code);
        row.expect("a text stands in a row")
    };
    Err(grid.cell_error(
        row(text),
        column,
        format!(
            "`{}` is not a number, and other cells are, as {} with `{}`; mend it, or take every text as a class with --classes",
            shown(&texts[text]),
            grid.row_name(row(number)),
            shown(&texts[number]),
        ),
    ))
}

/// That the products of weights are finite, and one of them above 0.
fn check_products<'w>(
    grid: &Grid,
    column: usize,
    weights: impl Iterator<Item = &'w f32> + Clone,
) -> Result<()> {
    if let Some(row) = weights.clone().position(|weight| !weight.is_finite()) {
        let reason =
            "the weight of the class times that of the sample leaves f32; take smaller ones";
        return Err(grid.cell_error(row, column, reason.to_owned()));
    }
    if weights.into_iter().all(|weight| *weight <= 0.0) {
        return Err(grid
            .error("no sample has a weight above 0; --class-weight has to leave one".to_owned()));
    }
    Ok(())
}
