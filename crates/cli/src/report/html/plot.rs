//! Pictures in SVG, whose colours are the page's: axes with round ticks, and what is drawn between them.

use std::fmt::Write;

const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 46.0;

/// One direction of a plot.
pub(super) struct Axis {
    pub(super) title: &'static str,
    pub(super) from: f64,
    pub(super) to: f64,
    /// Whether equal factors are equally far apart.
    pub(super) logarithmic: bool,
}

impl Axis {
    /// From one value to another; some width around it where they are one.
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

    /// Where a value lies between the ends, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let scaled = |value: f64| {
            if self.logarithmic {
                value.log10()
            } else {
                value
            }
        };
        (scaled(value) - scaled(self.from)) / (scaled(self.to) - scaled(self.from))
    }

    /// About `n` round values.
    fn ticks(&self, n: f64) -> Vec<f64> {
        if self.logarithmic && self.to >= 10.0 * self.from {
            let powers = (-300..300).map(|power| 10.0_f64.powi(power));
            let within = |value: &f64| (self.from..=self.to).contains(value);
            let powers: Vec<f64> = powers.filter(within).collect();
            let every = powers.len().div_ceil(7);
            return powers.into_iter().step_by(every.max(1)).collect();
        }
        let step = round_step((self.to - self.from) / n);
        let mut ticks = Vec::new();
        let mut tick = (self.from / step).ceil();
        // A hair beyond the end, which 0.1 · 10 may be.
        while tick * step <= self.to + step * 1e-9 {
            ticks.push(tick * step);
            tick += 1.0;
        }
        ticks
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= least);
    factor.unwrap_or(10.0) * power
}

/// A number beside an axis, in the digits it takes.
fn label(value: f64) -> String {
    let size = value.abs();
    if size > 0.0 && !(1e-4..1e6).contains(&size) {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// A plot that is drawn upon.
pub(super) struct Plot {
    x: Axis,
    y: Axis,
    width: f64,
    height: f64,
    svg: String,
}

impl Plot {
    /// Axes alone; `label` says what the picture shows to those who do not see it.
    pub(super) fn new(label: &str, x: Axis, y: Axis, [width, height]: [f64; 2]) -> Self {
        let svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
            super::escape(label)
        );
        let mut plot = Self {
            x,
            y,
            width,
            height,
            svg,
        };
        plot.axes();
        plot
    }

    fn axes(&mut self) {
        let [left, bottom] = [LEFT, self.height - BOTTOM];
        for tick in self.y.ticks(5.0) {
            let y = self.at_y(tick);
            self.push(&format!(
                "<path class=\"rule\" d=\"M{left} {y:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                self.width - RIGHT,
                left - 7.0,
                y + 4.5,
                label(tick)
            ));
        }
        for tick in self.x.ticks(5.0) {
            let x = self.at_x(tick);
            self.push(&format!(
                "<path class=\"rule\" d=\"M{x:.1} {bottom}v5\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 20.0,
                label(tick)
            ));
        }
        let middle = f64::midpoint(left, self.width - RIGHT);
        let side = f64::midpoint(TOP, bottom);
        self.push(&format!(
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text><text transform=\"translate(13 {side:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            self.height - 7.0,
            self.x.title,
            self.y.title
        ));
    }

    fn push(&mut self, svg: &str) {
        self.svg.push_str(svg);
    }

    fn at_x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (self.width - LEFT - RIGHT)
    }

    fn at_y(&self, value: f64) -> f64 {
        self.height - BOTTOM - self.y.place(value) * (self.height - TOP - BOTTOM)
    }

    fn path(&self, points: impl Iterator<Item = [f64; 2]>) -> String {
        let mut path = String::new();
        for [x, y] in points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            write!(path, "{command}{:.1} {:.1}", self.at_x(x), self.at_y(y))
                .expect("a text takes what is written");
        }
        path
    }

    /// A line through `points`, in the look of the class `class`.
    pub(super) fn line(mut self, class: &str, points: impl Iterator<Item = [f64; 2]>) -> Self {
        let path = self.path(points);
        self.push(&format!("<path class=\"{class}\" d=\"{path}\"/>"));
        self
    }

    /// What lies between `points` and the axis below.
    pub(super) fn area(mut self, points: &[[f64; 2]]) -> Self {
        if let ([first, ..], [.., last]) = (points, points) {
            let path = self.path(points.iter().copied());
            let floor = self.height - BOTTOM;
            let [from, to] = [self.at_x(first[0]), self.at_x(last[0])];
            self.push(&format!(
                "<path class=\"area\" d=\"{path}L{to:.1} {floor:.1}L{from:.1} {floor:.1}Z\"/>"
            ));
        }
        self
    }

    /// A dot with a hint.
    pub(super) fn dot(mut self, [x, y]: [f64; 2], radius: f64, hint: &str) -> Self {
        let [x, y] = [self.at_x(x), self.at_y(y)];
        self.push(&format!(
            "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"><title>{}</title></circle>",
            super::escape(hint)
        ));
        self
    }

    /// A rectangle between two corners, `share` as opaque as it could be.
    pub(super) fn bin(mut self, [x0, y0]: [f64; 2], [x1, y1]: [f64; 2], share: f64) -> Self {
        let [left, right] = [self.at_x(x0), self.at_x(x1)];
        let [bottom, top] = [self.at_y(y0), self.at_y(y1)];
        self.push(&format!(
            "<rect class=\"bin\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" opacity=\"{share:.2}\"/>",
            right - left,
            bottom - top
        ));
        self
    }

    pub(super) fn finish(mut self) -> String {
        self.push("</svg>");
        self.svg
    }
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
