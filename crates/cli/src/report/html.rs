//! A training as one HTML page that needs nothing but itself: no script, no font, no picture from elsewhere.

mod curves;
mod plot;
mod tables;

use super::metrics::{baseline, digits, lines, target};
use super::run::Run;
use indicatif::HumanCount;
use neuralnet::metrics::Measured;
use neuralnet::{Metrics, Model, Result, Trained, atomic_file};
use std::io::Write;
use std::path::Path;

/// Metrics shown large.
const TILES: usize = 4;
/// Targets whose metrics are shown.
const SHOWN_TARGETS: usize = 12;

/// What a page is made of.
pub(crate) struct Page<'a> {
    pub(crate) run: &'a Run,
    pub(crate) trained: &'a Trained,
    pub(crate) model: &'a Model,
    /// On the data trained on.
    pub(crate) training: &'a Metrics,
    /// On data held back.
    pub(crate) validation: Option<&'a Metrics>,
}

/// Writes `page` into the file `path`, which is replaced, and only once the new one is complete.
///
/// # Errors
/// Where the file cannot be written.
pub(crate) fn write(page: &Page<'_>, path: &Path) -> Result<()> {
    let html = page.html();
    atomic_file::replace(path, |mut file| file.write_all(html.as_bytes()))
}

impl Page<'_> {
    fn html(&self) -> String {
        let data = &self.run.dataset;
        let title = match &self.training.measured[..] {
            [one] => target(one),
            several => format!("{} targets of {}", several.len(), data.source),
        };
        let title = escape(&title);
        let subtitle = format!(
            "Predicted from {} features. Trained on {}: {} samples.",
            HumanCount(data.n_inputs as u64),
            escape(&data.source),
            HumanCount(data.n_samples as u64),
        );
        let style = include_str!("html/style.css");
        let body = [
            self.tiles(),
            self.measured(),
            curves::loss(&self.trained.history),
            tables::weights(self.model),
            tables::settings(self),
        ]
        .concat();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{style}</style></head>\n<body><main><h1>{title}</h1><p class=\"soft\">{subtitle}</p>{body}<footer>neuralnet {}</footer></main></body></html>\n",
            env!("CARGO_PKG_VERSION")
        )
    }

    /// The data that tell most: those held back, where there are any.
    fn telling(&self) -> (&Metrics, &'static str) {
        match self.validation {
            Some(validation) => (validation, "samples held back"),
            None => (self.training, "samples trained on"),
        }
    }

    /// The metrics of a single target, large.
    fn tiles(&self) -> String {
        let (metrics, on) = self.telling();
        let [one] = &metrics.measured[..] else {
            return String::new();
        };
        let lines = lines(one).into_iter().take(TILES);
        let tiles = lines.map(|line| {
            format!(
                "<div class=\"card\"><span class=\"soft\">{}</span><b>{}</b><span class=\"small soft\">baseline {}</span></div>",
                line.name,
                digits(line.model),
                digits(line.baseline)
            )
        });
        format!(
            "<div class=\"tiles\">{}</div><p class=\"small soft\">On the {} {on}. The baseline is no model: {}.</p>",
            tiles.collect::<String>(),
            HumanCount(metrics.n_samples as u64),
            escape(&baseline(one))
        )
    }

    fn measured(&self) -> String {
        let (metrics, _) = self.telling();
        let mut html = String::new();
        for (place, measured) in metrics.measured.iter().take(SHOWN_TARGETS).enumerate() {
            if metrics.measured.len() > 1 {
                html += &format!("<h2>{}</h2>", escape(&target(measured)));
            }
            if metrics.measured.len() > 1 || self.validation.is_some() {
                html += &tables::metrics(self.training, self.validation, place);
            }
            html += &pictures(measured);
        }
        if let Some(more @ 1..) = metrics.measured.len().checked_sub(SHOWN_TARGETS) {
            html += &format!("<p class=\"soft\">And {more} more targets.</p>");
        }
        for note in &metrics.notes {
            html += &format!("<p class=\"soft\">{}.</p>", escape(note));
        }
        html
    }
}

fn pictures(measured: &Measured) -> String {
    match measured {
        Measured::Classes(metrics) => {
            let mut html = String::from("<h2>Classes</h2><div class=\"figures\">");
            html += &tables::confusion(metrics);
            html += &tables::classes(metrics);
            if !metrics.calibration.is_empty() {
                html += &curves::roc(metrics);
                html += &curves::calibration(metrics);
            }
            html + "</div>"
        }
        Measured::Numbers(metrics) => {
            let Some((residuals, grid)) = metrics.residuals.as_ref().zip(metrics.grid.as_ref())
            else {
                return String::new();
            };
            format!(
                "<h2>Predictions</h2><div class=\"figures\">{}{}</div>",
                curves::grid(grid),
                curves::residuals(residuals)
            )
        }
        Measured::Shares(_) => String::new(),
    }
}

/// A picture with a caption that is HTML.
fn figure(svg: &str, caption: &str) -> String {
    format!("<figure>{svg}<figcaption>{caption}</figcaption></figure>")
}

/// `text` as it may stand in HTML, in an attribute too.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
