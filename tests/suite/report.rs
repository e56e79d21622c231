//! A page needs nothing but itself, tells what was measured, and is safe whatever names there are.

use crate::common::{Random, neuralnet, neuralnet_json, scratch};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of this test file's own.
fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("report");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// Two features and a target made of both and of noise.
fn table(name: &str, header: &str, target: impl Fn(f32) -> String) -> PathBuf {
    let mut random = Random::new(3);
    let mut text = format!("{header}\n");
    for _ in 0..200 {
        let (a, b, noise) = (random.next(), random.next(), random.next());
        writeln!(text, "{a},{b},{}", target(a - 2.0 * b + 0.3 * noise)).unwrap();
    }
    let file = path(name);
    fs::write(&file, text).unwrap();
    file
}

/// The page of a training on `table`.
fn page(table: &Path, more: &[&str]) -> String {
    let html = table.with_extension("html");
    let [table, report] = [table, &html].map(|path| path.to_str().unwrap());
    let args = [
        "train",
        table,
        "--report",
        report,
        "--force",
        "--backend",
        "cpu",
    ];
    let output = neuralnet(&[&args, more].concat());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("wrote "), "{stderr}");
    fs::read_to_string(html).unwrap()
}

/// Every tag is closed in turn, nothing is loaded, and no script runs.
fn assert_sound(page: &str) {
    for outside in [
        "<script", "<link", "<img", "@import", "url(", "http:", "https:", "src=",
    ] {
        assert!(!page.contains(outside), "`{outside}` is in the page");
    }
    for nonsense in ["NaN", "inf\"", ">inf<"] {
        assert!(!page.contains(nonsense), "`{nonsense}` is in the page");
    }
    let mut open = Vec::new();
    // The style is not markup.
    let (head, rest) = page.split_once("<style>").unwrap();
    let rest = rest.split_once("</style>").unwrap().1;
    let markup = format!("{head}{rest}");
    for tag in markup.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else if !tag.ends_with('/') && !["!DOCTYPE", "meta"].contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} are left open");
}

fn of_two(value: f32) -> String {
    if value > 0.0 { "yes" } else { "no" }.to_owned()
}

fn of_three(value: f32) -> String {
    let class = if value > 0.8 {
        "high"
    } else if value > -0.8 {
        "medium"
    } else {
        "low"
    };
    class.to_owned()
}

#[test]
fn a_page_shows_what_its_target_asks_for() {
    let two = page(&table("two.csv", "a,b,passed", of_two), &[]);
    let three = page(&table("three.csv", "a,b,grade", of_three), &[]);
    let number = page(
        &table("number.csv", "a,b,price", |value| value.to_string()),
        &[],
    );
    for (page, there, absent) in [
        (
            &two,
            &[
                "<h1>passed</h1>",
                "Confusion",
                "ROC",
                "Calibration",
                "log-loss",
                ">yes<",
            ][..],
            "Residuals",
        ),
        (
            &three,
            &[
                "<h1>grade</h1>",
                "Confusion",
                "Each class",
                ">medium<",
                "grade=high",
            ][..],
            "Calibration",
        ),
        (
            &number,
            &[
                "<h1>price</h1>",
                "Residuals",
                "Prediction and target",
                "RMSE",
                "R²",
            ][..],
            "Confusion",
        ),
    ] {
        assert_sound(page);
        let always = [
            "baseline",
            "Weights",
            "<th>stopped</th>",
            "cpu: ",
            "200 samples",
            "seed",
        ];
        for part in there.iter().chain(&always) {
            assert!(page.contains(part), "`{part}` is not in the page: {page}");
        }
        assert!(!page.contains(absent), "`{absent}` is in the page");
    }
}

/// What only some trainings have: held-out samples, many classes, many targets, shares, features as they came.
#[test]
fn a_page_shows_what_only_some_trainings_have() {
    let of_many = |value: f32| format!("c{:02.0}", (value + 3.3) * 4.0);
    let many = table("many.csv", "a,b,kind", of_many);
    let columns: Vec<String> = (0..14).map(|j| format!("t{j}")).collect();
    let sixteen = format!("a,b,{}", columns.join(","));
    let numbers = |value: f32| vec![value.to_string(); 14].join(",");
    let numbers = table("targets.csv", &sixteen, numbers);
    let share = table("share.csv", "a,b,share", |value| {
        (value / 7.0 + 0.5).to_string()
    });
    let number = table("raw.csv", "a,b,price", |value| value.to_string());
    let targets = ["--target", &columns.join(",")];
    for (page, parts) in [
        (
            page(&many, &["--classes", "--validation", "0.25"]),
            &[
                "Largest confusions",
                "<th>held out</th>",
                "held-out samples",
                "<span class=\"key other\"></span>held out",
                "And 9 more outputs.",
            ][..],
        ),
        (
            page(&numbers, &targets),
            &[
                "<h1>14 targets of ",
                "<h2>t11</h2>",
                "And 2 more targets.",
                "And 2 more outputs.",
            ],
        ),
        (page(&share, &[]), &["<h1>share</h1>", "baseline"]),
        (
            page(&number, &["--no-standardise"]),
            &["Weights: what one more", "<title>", "class=\"negative\""],
        ),
    ] {
        assert_sound(&page);
        for part in parts {
            assert!(page.contains(part), "`{part}` is not in the page: {page}");
        }
    }
}

/// What stands in the page is what `evaluate` says of the same model and data, standardised features or not.
#[test]
fn the_figures_are_those_of_evaluate() {
    let table = table("figures.csv", "a,b,passed", of_two);
    let saved = path("figures.safetensors");
    let [data, model] = [&table, &saved].map(|path| path.to_str().unwrap());
    for scaling in ["--standardise", "--no-standardise"] {
        let page = page(&table, &["--output", model, scaling]);
        let metrics = neuralnet_json(&["evaluate", model, data]);
        let measured = &metrics["measured"][0];
        for key in ["accuracy", "auc", "log_loss", "brier"] {
            let figure = format!("<b>{:.4}</b>", measured[key].as_f64().unwrap());
            assert!(
                page.contains(&figure),
                "{scaling}, {key}: {figure} is not in the page"
            );
        }
        assert!(measured["accuracy"].as_f64().unwrap() > 0.9, "{measured}");
    }
}

/// The loss with its penalties, which is the one that JSON tells, and settings of several parts.
#[test]
fn the_last_table_tells_settings_in_words() {
    let (table, html) = (table("words.csv", "a,b,passed", of_two), path("words.html"));
    let [table, html] = [&table, &html].map(|path| path.to_str().unwrap());
    let args = ["train", table, "--report", html, "--force", "--l2", "0.5"];
    let step = ["--schedule", "step", "--schedule-every", "7"];
    let hidden = ["--hidden", "3,2", "--backend", "cpu"];
    let trained = neuralnet_json(&[&args[..], &step, &hidden].concat());
    let page = fs::read_to_string(html).unwrap();
    for (name, value) in [
        ("loss reached", trained["loss"].to_string()),
        ("hidden", "activation relu, widths 3, 2".to_owned()),
        ("schedule", "step every 7, factor 0.1".to_owned()),
    ] {
        let row = format!("<th>{name}</th><td>{value}</td>");
        assert!(page.contains(&row), "`{row}` is not in the page: {page}");
    }
}

/// What the lines of losses are, when the training ended, which weights it kept, and no setting that it ignores.
#[test]
fn a_page_tells_the_losses_apart() {
    let table = table("losses.csv", "a,b,passed", of_two);
    let early = ["--early-stopping", "--validation", "0.25"];
    let batches = ["--hidden", "4", "--batch-size", "16", "--dropout", "0.2"];
    let penalties = ["--l2", "0.1", "--class-weight", "balanced"];
    let high = ["--learning-rate", "0.3"];
    let dropped = page(&table, &[&early[..], &batches, &penalties, &high].concat());
    let lbfgs = page(&table, &[]);
    for (page, parts, absent) in [
        (
            &dropped,
            &[
                "Training: of one batch of samples, before the update, with the penalties, with the weights of classes, without the units that dropout takes. Held out: of all these samples, after the update, without penalties, weights of classes and dropout.<",
                ": the validation loss has stopped falling</td>",
                "<th>weights kept</th><td>after ",
                "<th>loss held out</th>",
                "<th>learning rate</th>",
            ][..],
            &["<th>momentum</th>", "<th>warm start rows</th>"][..],
        ),
        (
            &lbfgs,
            &[
                "Training: of all samples, with the penalties.<",
                ": converged: the gradient is within its tolerance</td>",
                "<th>loss of the data</th>",
                "<th>warm start rows</th>",
            ],
            &[
                "<th>momentum</th>",
                "<th>learning rate</th>",
                "<th>schedule</th>",
                "Held out:",
            ],
        ),
    ] {
        assert_sound(page);
        for part in parts {
            assert!(page.contains(part), "`{part}` is not in the page: {page}");
        }
        for part in absent {
            assert!(!page.contains(part), "`{part}` is in the page");
        }
    }
}

/// A script, a closing style and an attribute's end, as column, class and file.
#[test]
fn names_are_harmless() {
    let hostile = "<script>alert(1)</script>";
    let header = format!("\"{hostile}\",\"</style>\"\" onload='x'\",\"<b>&\"");
    let classes = |value| if value > 0.0 { "<i>" } else { "\"'>&amp;" }.to_owned();
    let quoted = |value| format!("\"{}\"", classes(value).replace('"', "\"\""));
    let page = page(&table("hostile<u>.csv", &header, quoted), &[]);
    assert_sound(&page);
    for part in [
        "&lt;script&gt;alert(1)&lt;&#x2f;script…",
        "&lt;&#x2f;style&gt;&quot; onload=&#x27;x&#x27;",
        "<h1>&lt;b&gt;&amp;</h1>",
        "&lt;i&gt;",
        "&quot;&#x27;&gt;&amp;amp;",
        "hostile&lt;u&gt;.csv",
    ] {
        assert!(page.contains(part), "`{part}` is not in the page: {page}");
    }
}

#[test]
fn a_page_replaces_no_file_unasked() {
    let table = table("again.csv", "a,b,passed", of_two);
    let html = table.with_extension("html");
    fs::write(&html, "mine").unwrap();
    let [table, report] = [&table, &html].map(|path| path.to_str().unwrap());
    let output = neuralnet(&["train", table, "--report", report]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("again.html` exists; take another name, or --force"),
        "{stderr}"
    );
    assert!(output.stdout.is_empty(), "it trained before it looked");
    assert_eq!(fs::read_to_string(&html).unwrap(), "mine");
    // Nothing would be written, so there is nothing to force.
    let output = neuralnet(&["train", table, "--force"]);
    assert_eq!(output.status.code(), Some(2), "--force alone");
}
