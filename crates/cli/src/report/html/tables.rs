//! The tables of a page, and its bars of weights.

use super::{Page, escape};
use crate::report::metrics::{
    SHOWN_CLASSES, amount, baseline, confusions, digits, lines, share, short,
};
use indicatif::HumanCount;
use neuralnet::dataset::Scaling;
use neuralnet::metrics::ClassMetrics;
use neuralnet::{Metrics, Model};
use serde_json::Value;

/// Outputs whose weights are shown.
const SHOWN_OUTPUTS: usize = 12;
/// Classes whose table has the width of half a page.
const NARROW_CLASSES: usize = 4;
/// Classes that are shown one by one.
const SHOWN_ROWS: usize = 100;
/// From this share on a cell is so dark that its text is light.
const DARK: f64 = 0.55;

/// Those of one target, on the data trained on and on those held back, beside the baseline of the latter.
pub(super) fn metrics(training: &Metrics, validation: Option<&Metrics>, place: usize) -> String {
    let on_training = lines(&training.measured[place]);
    let telling = &validation.unwrap_or(training).measured[place];
    let mut rows = String::new();
    for line in lines(telling) {
        let cell = |number: f64| format!("<td>{}</td>", digits(number));
        let same = on_training.iter().find(|other| other.name == line.name);
        rows += &format!("<tr><th>{}</th>", line.name);
        rows += &same.map_or("<td></td>".to_owned(), |line| cell(line.model));
        if validation.is_some() {
            rows += &cell(line.model);
        }
        rows += &format!("{}</tr>", cell(line.baseline));
    }
    let held_back = validation.map_or("", |_| "<th>held back</th>");
    format!(
        "<div class=\"card scroll\" style=\"margin-top:1rem\"><table><thead><tr><th></th><th>trained on</th>{held_back}<th>baseline</th></tr></thead>{rows}</table><p class=\"small soft\">Baseline: {}.</p></div>",
        escape(&baseline(telling))
    )
}

/// Own classes down, predicted ones across; of many, the largest confusions.
pub(super) fn confusion(metrics: &ClassMetrics) -> String {
    if metrics.classes.len() > SHOWN_CLASSES {
        return largest_confusions(metrics);
    }
    let names: Vec<String> = metrics
        .classes
        .iter()
        .map(|class| escape(&short(&class.name)))
        .collect();
    let heads: String = names
        .iter()
        .map(|name| format!("<th>{name}</th>"))
        .collect();
    let mut rows = String::new();
    for (name, row) in names.iter().zip(&metrics.confusion) {
        let all: f64 = row.iter().sum();
        rows += &format!("<tr><th>{name}</th>");
        for weight in row {
            let share = if all > 0.0 { weight / all } else { 0.0 };
            let full = if share > DARK { " class=\"full\"" } else { "" };
            // A nought says as much without its percent.
            let percent = match *weight > 0.0 {
                true => format!("{:.0}%", 100.0 * share),
                false => "&nbsp;".to_owned(),
            };
            rows += &format!(
                "<td{full} style=\"--share:{share:.3}\">{}<small>{percent}</small></td>",
                amount(*weight),
            );
        }
        rows += "</tr>";
    }
    let wide = wide(metrics);
    format!(
        "<div class=\"card{wide}\"><h3>Confusion</h3><div class=\"scroll\"><table class=\"confusion\"><thead><tr><th></th>{heads}</tr></thead>{rows}</table></div><p class=\"small soft\">A row for what a sample is, a column for what is predicted; percent of the row.</p></div>"
    )
}

/// A class more, where there are many classes.
fn wide(metrics: &ClassMetrics) -> &'static str {
    match metrics.classes.len() > NARROW_CLASSES {
        true => " wide",
        false => "",
    }
}

fn largest_confusions(metrics: &ClassMetrics) -> String {
    let rows = confusions(metrics)
        .into_iter()
        .map(|(weight, own, predicted)| {
            let [own, predicted] = [own, predicted].map(|name| escape(&short(name)));
            format!(
                "<tr><th>{own}</th><td>{predicted}</td><td>{}</td></tr>",
                amount(weight)
            )
        });
    format!(
        "<div class=\"card\"><h3>Largest confusions</h3><div class=\"scroll\"><table><thead><tr><th>is</th><th>taken for</th><th>samples</th></tr></thead>{}</table></div></div>",
        rows.collect::<String>()
    )
}

/// Each class against the rest.
pub(super) fn classes(metrics: &ClassMetrics) -> String {
    let rows = metrics.classes.iter().take(SHOWN_ROWS).map(|class| {
        let cells = [class.precision, class.recall, class.f1, class.auc];
        let cells = cells
            .map(|cell| format!("<td>{}</td>", share(cell)))
            .concat();
        format!(
            "<tr><th>{}</th><td>{}</td>{cells}</tr>",
            escape(&short(&class.name)),
            amount(class.weight)
        )
    });
    let more = match metrics.classes.len().checked_sub(SHOWN_ROWS) {
        Some(more @ 1..) => format!("<p class=\"small soft\">And {more} more classes.</p>"),
        _ => String::new(),
    };
    let wide = wide(metrics);
    format!(
        "<div class=\"card{wide}\"><h3>Each class</h3><div class=\"scroll\"><table><thead><tr><th></th><th>samples</th><th>precision</th><th>recall</th><th>F1</th><th>AUC</th></tr></thead>{}</table></div>{more}</div>",
        rows.collect::<String>()
    )
}

/// The largest weights of each output, as bars: those of standardised features where the features were, since
/// features of different units have weights of different units.
pub(super) fn weights(model: &Model) -> String {
    let (layer, description) = (model.layer(), model.description());
    let (weight, bias) = layer.split(model.parameters());
    let scale = description.scaling.as_ref().map(Scaling::scale);
    let shown = match layer.n_outputs {
        1 | 2 => 20,
        _ => 10,
    };
    let what = match scale {
        Some(_) => {
            "Weights of standardised features: what one standard deviation more adds to the output before its activation."
        }
        None => "Weights: what one more of a feature adds to the output before its activation.",
    };
    let mut html =
        format!("<h2>Weights</h2><p class=\"small soft\">{what}</p><div class=\"figures\">");
    let outputs = weight
        .chunks_exact(layer.n_inputs)
        .zip(&description.targets);
    for (output, (weight, target)) in outputs.take(SHOWN_OUTPUTS).enumerate() {
        let scaled = |(j, weight): (usize, &f64)| weight * scale.map_or(1.0, |scale| scale[j]);
        let weights = weight.iter().enumerate().map(scaled);
        let names = description.features.iter().map(String::as_str);
        let mut named: Vec<(&str, f64)> = names.zip(weights).collect();
        // Stable: equal ones stay in the order of the features.
        named.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        named.truncate(shown);
        let largest = named.first().map_or(0.0, |(_, weight)| weight.abs());
        let bars = named
            .iter()
            .map(|(name, weight)| bar(name, *weight, largest));
        let mut notes = Vec::new();
        if layer.n_inputs > shown {
            let n_inputs = HumanCount(layer.n_inputs as u64);
            notes.push(format!("The {shown} largest of {n_inputs}."));
        }
        if let Some(bias) = bias {
            notes.push(format!(
                "Bias of the features as they came {}.",
                digits(bias[output])
            ));
        }
        html += &format!(
            "<div class=\"card\"><h3>{}</h3><div class=\"weights\">{}</div><p class=\"small soft\">{}</p></div>",
            escape(&short(target)),
            bars.collect::<String>(),
            notes.join(" ")
        );
    }
    html += "</div>";
    if let Some(more @ 1..) = layer.n_outputs.checked_sub(SHOWN_OUTPUTS) {
        html += &format!("<p class=\"soft\">And {more} more outputs.</p>");
    }
    html
}

fn bar(name: &str, weight: f64, largest: f64) -> String {
    let width = if largest > 0.0 {
        50.0 * weight.abs() / largest
    } else {
        0.0
    };
    let (class, left) = if weight < 0.0 {
        (" class=\"negative\"", 50.0 - width)
    } else {
        ("", 50.0)
    };
    format!(
        "<span>{}</span><div class=\"bar\"><i{class} style=\"left:{left:.2}%;width:{width:.2}%\"></i></div><span>{}</span>",
        escape(&short(name)),
        digits(weight)
    )
}

/// Where it was trained, and every setting.
pub(super) fn settings(page: &Page<'_>) -> String {
    let trained = page.trained;
    let mut rows = String::new();
    let mut row = |name: &str, value: &str| {
        rows += &format!(
            "<tr><th>{}</th><td>{}</td></tr>",
            escape(name),
            escape(value)
        );
    };
    row(
        "hardware",
        &format!("{}: {}", trained.backend, trained.adapter),
    );
    let seconds = format!(
        "{:.3} s for {} iterations",
        trained.seconds,
        HumanCount(trained.iterations)
    );
    row("time", &seconds);
    if let Some(rate) = trained.bytes_per_second {
        row(
            "speed",
            &format!("{:.2} GB/s of inputs and targets", rate / 1e9),
        );
    }
    row("loss reached", &trained.summary.loss.to_string());
    // As they are printed as JSON, so that none can be missed.
    if let Ok(Value::Object(settings)) = serde_json::to_value(&page.run.config) {
        for (name, value) in settings {
            let value = match value {
                Value::Null => "not set".to_owned(),
                Value::Bool(yes) => if yes { "yes" } else { "no" }.to_owned(),
                Value::String(text) => text,
                other => other.to_string(),
            };
            row(&name.replace('_', " "), &value);
        }
    }
    format!("<h2>Settings</h2><div class=\"card\"><table class=\"settings\">{rows}</table></div>")
}
