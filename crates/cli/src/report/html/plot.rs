//! Plots as places in a picture: axes with round ticks, and the marks between them, which `page.html` draws as SVG.
//!
//! Drawn here and not by the crate `plotters`, whose SVG rounds curves and dashes to whole pixels, and has neither
//! classes, which let the page's style choose colours for light and dark, nor hints on hovering.

use serde::Serialize;
use std::fmt::Write;

/// The narrowest margin on the left.
const LEFT: f64 = 58.0;
/// The part of the left margin that the title of the vertical axis takes.
const TITLE: f64 = 25.0;
/// The part of the left margin that a digit of the longest label takes.
const DIGIT: f64 = 7.5;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 46.0;

/// The range of one direction of a plot.
pub(super) struct Axis {
    pub(super) title: &'static str,
    pub(super) from: f64,
    pub(super) to: f64,
    /// Whether values with equal ratios are equally far apart.
    pub(super) logarithmic: bool,
}

impl Axis {
    /// The linear axis from `from` to `to`, widened on both sides if these are equal.
    pub(super) fn new(title: &'static str, from: f64, to: f64) -> Self {
        let around = if to > from {
            0.0
        } else {
            from.abs().max(1.0) / 2.0
        };
        Self {
            title,
            from: from - around,
            to: to + around,
            logarithmic: false,
        }
    }

    /// The position of `value` on the axis: 0 at its start, 1 at its end.
    fn position(&self, value: f64) -> f64 {
        let scaled = |value: f64| {
            if self.logarithmic {
                value.log10()
            } else {
                value
            }
        };
        (scaled(value) - scaled(self.from)) / (scaled(self.to) - scaled(self.from))
    }

    /// About `n` round values between the ends.
    fn ticks(&self, n: f64) -> Vec<f64> {
        let within = |value: &f64| (self.from..=self.to).contains(value);
        if self.logarithmic && self.to >= 10.0 * self.from {
            let powers = (-300..300).map(|power| decimal(1, power)).filter(within);
            let powers: Vec<f64> = powers.collect();
            let every = powers.len().div_ceil(7);
            return powers.into_iter().step_by(every.max(1)).collect();
        }
        let (factor, power) = round_step((self.to - self.from) / n);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a step is a fifth of the distance of two floats or more, so fewer than 2⁵⁶ lead to 0"
        )]
        let first = (self.from / decimal(factor, power)).floor() as i64;
        // Where the range holds but a few floats, the quotient is a few steps off, and several ticks are one number.
        let ticks = (first - 10..first + 20).map(|n| decimal(n * factor, power));
        let mut ticks: Vec<f64> = ticks.filter(within).collect();
        ticks.dedup();
        ticks
    }
}

/// The number nearest to `number` · 10^`power`, which as a text has no more digits than `number`.
fn decimal(number: i64, power: i32) -> f64 {
    let number = format!("{number}e{power}").parse();
    number.expect("the text is a number")
}

/// The smallest of 1, 2, 5 and 10 times a power of ten that is at least `least`, as the factor and the power.
fn round_step(least: f64) -> (i64, i32) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the logarithm of a float is a small number"
    )]
    let power = least.log10().floor() as i32;
    let factor = [1, 2, 5]
        .into_iter()
        .find(|factor| decimal(*factor, power) >= least);
    factor.map_or((1, power + 1), |factor| (factor, power))
}

/// The text of a tick: as few digits as its value needs.
fn label(value: f64) -> String {
    let size = value.abs();
    let (plain, short) = (value.to_string(), format!("{value:e}"));
    let is_usual = size == 0.0 || (1e-4..1e6).contains(&size);
    if is_usual || plain.len() <= short.len() {
        plain
    } else {
        short
    }
}

/// A plot: its axes, and the marks drawn so far. Lengths are in the units of its `width` and `height`.
#[derive(Serialize)]
pub(super) struct Plot {
    /// What the picture shows, for those who cannot see it.
    label: &'static str,
    width: f64,
    height: f64,
    /// The edges of the area within the axes; its top is at [`TOP`].
    left: f64,
    right: f64,
    bottom: f64,
    x_title: &'static str,
    y_title: &'static str,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    marks: Vec<Mark>,
    #[serde(skip)]
    x: Axis,
    #[serde(skip)]
    y: Axis,
}

#[derive(Serialize)]
struct Tick {
    at: f64,
    label: String,
}

/// What is drawn between the axes.
#[derive(Serialize)]
#[serde(tag = "shape", rename_all = "lowercase")]
enum Mark {
    Line {
        /// The class in `style.css` that gives the colour.
        class: &'static str,
        path: String,
    },
    Area {
        path: String,
    },
    Dot {
        x: f64,
        y: f64,
        radius: f64,
        hint: String,
    },
    Bin {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        opacity: f64,
    },
}

/// Rounds to a tenth of a unit, which no eye tells apart, so that the file is short.
fn tenth(length: f64) -> f64 {
    (10.0 * length).round() / 10.0
}

impl Plot {
    /// Axes without marks; `label` describes the picture to those who cannot see it.
    pub(super) fn new(label: &'static str, x: Axis, y: Axis, [width, height]: [f64; 2]) -> Self {
        let mut plot = Self {
            label,
            width,
            height,
            left: LEFT,
            right: width - RIGHT,
            bottom: height - BOTTOM,
            x_title: x.title,
            y_title: y.title,
            x_ticks: Vec::new(),
            y_ticks: Vec::new(),
            marks: Vec::new(),
            x,
            y,
        };
        plot.y_ticks = ticks(&plot.y, |value| plot.at_y(value));
        let digits = plot.y_ticks.iter().map(|tick| tick.label.len()).max();
        plot.left = LEFT.max(TITLE + DIGIT * digits.unwrap_or(0) as f64);
        plot.x_ticks = ticks(&plot.x, |value| plot.at_x(value));
        plot
    }

    fn at_x(&self, value: f64) -> f64 {
        tenth(self.left + self.x.position(value) * (self.right - self.left))
    }

    fn at_y(&self, value: f64) -> f64 {
        tenth(self.bottom - self.y.position(value) * (self.bottom - TOP))
    }

    fn path(&self, points: impl Iterator<Item = [f64; 2]>) -> String {
        let mut path = String::new();
        for [x, y] in points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            write!(path, "{command}{} {}", self.at_x(x), self.at_y(y))
                .expect("writing to a string cannot fail");
        }
        path
    }

    /// Draws a line through `points`, styled by `class`.
    pub(super) fn line(
        mut self,
        class: &'static str,
        points: impl Iterator<Item = [f64; 2]>,
    ) -> Self {
        let path = self.path(points);
        self.marks.push(Mark::Line { class, path });
        self
    }

    /// Fills the area between `points` and the horizontal axis.
    pub(super) fn area(mut self, points: &[[f64; 2]]) -> Self {
        if let ([first, ..], [.., last]) = (points, points) {
            let [from, to] = [self.at_x(first[0]), self.at_x(last[0])];
            let (mut path, bottom) = (self.path(points.iter().copied()), self.bottom);
            write!(path, "L{to} {bottom}L{from} {bottom}Z")
                .expect("writing to a string cannot fail");
            self.marks.push(Mark::Area { path });
        }
        self
    }

    /// Draws a dot that shows `hint` when hovered.
    pub(super) fn dot(mut self, [x, y]: [f64; 2], radius: f64, hint: String) -> Self {
        self.marks.push(Mark::Dot {
            x: self.at_x(x),
            y: self.at_y(y),
            radius: tenth(radius),
            hint,
        });
        self
    }

    /// Fills the rectangle between two opposite corners, the lower left one first; `opacity` is from 0 to 1.
    pub(super) fn bin(mut self, [x0, y0]: [f64; 2], [x1, y1]: [f64; 2], opacity: f64) -> Self {
        let [left, right] = [self.at_x(x0), self.at_x(x1)];
        let [bottom, top] = [self.at_y(y0), self.at_y(y1)];
        self.marks.push(Mark::Bin {
            x: left,
            y: top,
            width: tenth(right - left),
            height: tenth(bottom - top),
            opacity: (100.0 * opacity).round() / 100.0,
        });
        self
    }
}

/// The ticks of `axis`, each at the length that `place` gives for its value.
fn ticks(axis: &Axis, place: impl Fn(f64) -> f64) -> Vec<Tick> {
    let ticks = axis.ticks(5.0).into_iter();
    let tick = |value| Tick {
        at: place(value),
        label: label(value),
    };
    ticks.map(tick).collect()
}

#[cfg(test)]
mod tests {
    use super::{Axis, label};

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks(5.0).into_iter().map(label).collect()
    }

    #[test]
    fn ticks_are_round_and_within() {
        for (from, to, expected) in [
            (0.0, 1.0, "0 0.2 0.4 0.6 0.8 1"),
            (0.0, 10_000.0, "0 2000 4000 6000 8000 10000"),
            (-0.31, 0.29, "-0.2 0 0.2"),
            (3.0, 3.0, "2 3 4"),
            (0.0, 3e-9, "0 1e-9 2e-9 3e-9"),
            (1e6, 2.05e6, "1e6 1.5e6 2e6"),
            (
                1.7e9,
                1.7e9 + 50.0,
                "1.7e9 1700000010 1700000020 1700000030 1700000040 1700000050",
            ),
            (1.0, 1.0 + 3e-8, "1 1.00000001 1.00000002 1.00000003"),
            (-2.5e-5, 0.0, "-2.5e-5 -2e-5 -1.5e-5 -1e-5 -5e-6 0"),
            // Floats of this size are 256 apart, and the step is 100.
            (1.7e18, 1.7e18 + 256.0, "1.7e18 1700000000000000300"),
        ] {
            let found = labels(&Axis::new("", from, to)).join(" ");
            assert_eq!(found, expected, "from {from} to {to}");
        }
        let logarithmic = Axis {
            logarithmic: true,
            ..Axis::new("", 0.02, 30.0)
        };
        assert_eq!(labels(&logarithmic).join(" "), "0.1 1 10");
    }
}
