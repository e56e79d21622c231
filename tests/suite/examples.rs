//! Every example of README.md, of docs/*.md and of `--help` runs as it is printed there, and what documents point to
//! exists. Examples are found in the texts themselves, so a new one cannot be left out.

pub(crate) mod document;
mod programs;
mod shell;

use crate::common::{neuralnet, neuralnet_json, root, scratch};
use document::{Document, all, blocks, examples, pages, spans, text};
use shell::{all_alike, shell};
use std::fs;
use std::path::{Path, PathBuf};

/// Commands of the pages that no test can run, and why.
const NOT_RUN: [(&str, &str); 13] = [
    ("sh tests/run", "it runs this test"),
    (
        "neuralnet train train-images-idx3-ubyte.gz --validation-data t10k-images-idx3-ubyte.gz --l2 0.001 --early-stopping",
        "Fashion-MNIST is 31 MB of the network",
    ),
    (
        "neuralnet bench",
        "its shapes are hundreds of megabytes, measured for minutes; docs/speed.md has a small one",
    ),
    ("cargo run --example article", PROGRAM),
    ("cargo run --example table", PROGRAM),
    ("cargo run --release --example synthetic", PROGRAM),
    (
        "cargo build --release",
        "it builds the peers written in Rust for a quarter of an hour",
    ),
    ("python3 benches/peers/run.py --rounds 2", PEERS),
    ("python3 benches/peers/solution.py --rounds 7", PEERS),
    ("python3 benches/peers/parity.py", PEERS),
    ("python3 benches/peers/optima.py", PEERS),
    ("python3 benches/peers/network.py --threads 1", PEERS),
    ("python3 benches/peers/fashion.py", PEERS),
];

const PROGRAM: &str = "this test program holds the three examples, and runs them itself";
const PEERS: &str = "NumPy, PyTorch, JAX and scikit-learn are not part of a build";

/// Lines of README.md: it is to be read, and the rest is in docs.
const README_LINES: usize = 170;

fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("examples").join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn not_run(command: &str) -> bool {
    NOT_RUN
        .iter()
        .any(|(other, _)| *other == without_comment(command))
}

fn without_comment(command: &str) -> &str {
    command.split(" #").next().unwrap().trim_end()
}

/// Runs the commands of `page` one after the other in a folder of its own, and gives those that print something else.
fn wrong_examples(page: &Document) -> Vec<String> {
    let folder = folder(&page.path.replace('/', "-"));
    let examples = examples(&page.text);
    let runs = examples.iter().filter(|example| !not_run(example.command));
    let wrong = runs.filter_map(|example| {
        let needs_adapter = ["neuralnet validate", "neuralnet devices"]
            .iter()
            .any(|command| example.command.starts_with(command));
        let output = shell(example.command, &example.input, &folder, needs_adapter);
        let printed = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = printed.lines().collect();
        // A single line of the program's own, unless it says what was written, is an error.
        let is_error = matches!(example.output.as_deref(), Some([line])
            if line.starts_with("neuralnet: ") && !line.starts_with("neuralnet: wrote"));
        let expected = example.output.as_deref().unwrap_or_default();
        let diverges = expected
            .iter()
            .any(|line| line.starts_with("neuralnet: training diverged"));
        let code = match (diverges, is_error) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 0,
        };
        let as_printed = example
            .output
            .as_ref()
            .is_none_or(|expected| all_alike(expected, &lines));
        (!as_printed || output.status.code() != Some(code)).then(|| {
            let path = &page.path;
            let status = output.status;
            format!("{path}: {example:#?}\nprints, and ends with {status}:\n{printed}")
        })
    });
    wrong.collect()
}

/// The examples were printed on a machine without a GPU, so adapters are hidden from the commands that can do without.
#[cfg_attr(
    not(target_os = "linux"),
    ignore = "a GPU can be hidden from Vulkan only"
)]
#[test]
fn examples_of_the_pages_print_what_they_say() {
    let pages = pages();
    assert!(pages.len() >= 6, "README.md and five pages are found");
    let wrong: Vec<_> = pages.iter().flat_map(wrong_examples).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let examples = pages.iter().flat_map(|page| examples(&page.text));
    let compared = examples.filter(|example| example.output.is_some());
    let n = compared.count();
    assert!(n >= 20, "only {n} examples are found");
}

#[test]
fn commands_in_sentences_of_the_pages_run() {
    let pages = pages();
    let spans: Vec<_> = pages.iter().flat_map(|page| spans(&page.text)).collect();
    for command in spans.iter().filter(|command| !not_run(command)) {
        let output = shell(command, &[], &folder("sentences"), true);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{command}: {printed}");
    }
    let commands = pages.iter().flat_map(|page| examples(&page.text));
    let commands = commands.map(|example| example.command);
    let commands: Vec<_> = commands.chain(spans).collect();
    for (command, reason) in NOT_RUN {
        let is_there = commands
            .iter()
            .any(|other| without_comment(other) == command);
        assert!(is_there, "no page has `{command}`, listed because {reason}");
    }
}

#[test]
fn the_readme_is_short() {
    let n = text("README.md").lines().count();
    assert!(
        n <= README_LINES,
        "{n} lines are more than {README_LINES}; move some to docs"
    );
}

/// Looks at the targets of links, and at paths between backticks. The package for a machine with a GPU has no
/// `benches`.
#[test]
fn files_that_documents_name_exist() {
    let root = PathBuf::from(root());
    let has_benches = root.join("benches").is_dir();
    let mut n_paths = 0;
    for Document { path, text } in all() {
        let folder = root.join(&path).parent().unwrap().to_owned();
        let targets = text.split("](").skip(1);
        let targets = targets.map(|rest| rest.split([')', '#']).next().unwrap());
        let targets = targets.filter(|target| !target.starts_with("https://"));
        let links = targets.map(|target| folder.join(target));
        let folders = ["src/", "crates/", "tests/", "shaders/", "docs/", "benches/"];
        let spans = text.split('`').skip(1).step_by(2);
        let spans = spans.filter(|span| folders.iter().any(|folder| span.starts_with(folder)));
        // Names that a reader is to fill in are in capitals.
        let is_pattern = |span: &str| ["NAME", "DATE", "*"].iter().any(|part| span.contains(part));
        let spans = spans.filter(|span| !is_pattern(span));
        let paths = links.chain(spans.map(|span| root.join(span)));
        for target in paths.filter(|target| has_benches || !is_in(target, "benches")) {
            assert!(target.exists(), "{path} names {}", target.display());
            n_paths += 1;
        }
    }
    assert!(n_paths > 30, "only {n_paths} are found");
}

fn is_in(path: &Path, folder: &str) -> bool {
    path.iter().any(|component| component == folder)
}

/// The keys in the table of docs/formats.md are those of the object.
#[test]
fn keys_of_the_json_are_as_documented() {
    let formats = text("docs/formats.md");
    let (_, section) = formats.split_once("\n## JSON\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let keys = rows.map(|row| row.split('|').nth(1).unwrap());
    let keys: Vec<_> = keys
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let printed = neuralnet_json(&["train", "--backend", "cpu", "--iterations", "1"]);
    for key in &keys {
        assert!(printed.get(key).is_some(), "`{key}` is not in {printed}");
    }
    assert!(keys.len() >= 15, "{keys:?}");
}

/// The README's example in Rust is that of `src/lib.rs`, which runs as a doc test and has a comment and the type of its
/// errors besides.
#[test]
fn the_readme_has_the_library_s_example() {
    let (readme, library) = (text("README.md"), text("src/lib.rs"));
    let mut documented = library
        .lines()
        .skip_while(|line| *line != "//! ```")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| line.trim_start_matches("//!").trim());
    let blocks = blocks(&readme);
    let lines = blocks.iter().filter(|(language, _)| *language == "rust");
    let lines: Vec<_> = lines.flat_map(|(_, lines)| lines).collect();
    assert!(!lines.is_empty(), "there is one");
    for line in lines {
        assert!(
            documented.any(|other| other == line.trim()),
            "`{line}` is not in its place in src/lib.rs"
        );
    }
}

/// What `neuralnet` prints for these arguments, which ask for help: on stdout, and nothing else.
pub(crate) fn help(args: &[&str]) -> String {
    let output = neuralnet(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands in the order of the help.
pub(crate) fn subcommands() -> Vec<String> {
    let help = help(&["--help"]);
    let (_, commands) = help.split_once("\nCommands:\n").unwrap();
    let names = commands.lines().take_while(|line| !line.is_empty());
    let names = names.map(|line| line.split_whitespace().next().unwrap().to_owned());
    let names: Vec<_> = names.filter(|name| name != "help").collect();
    assert!(names.len() >= 9, "{names:?}");
    names
}

/// The examples in a help: lines that begin with the program's name.
fn examples_of_help(help: &str) -> Vec<&str> {
    let lines = help.lines().map(str::trim);
    let examples: Vec<_> = lines
        .filter(|line| line.starts_with("neuralnet "))
        .collect();
    let named = help.matches("neuralnet ").count() - help.matches("Usage: neuralnet ").count();
    assert_eq!(
        examples.len(),
        named,
        "an example is not on a line of its own: {help}"
    );
    examples
}

#[test]
fn help_is_on_stdout() {
    for flag in ["--help", "-h"] {
        let all = help(&[flag]);
        assert!(
            all.contains("Usage: neuralnet [OPTIONS] <COMMAND>"),
            "{all}"
        );
        assert!(all.contains("Exit codes: 0 done"), "{all}");
        assert!(all.contains("130 interrupted"), "{all}");
    }
    assert_eq!(help(&["help"]), help(&["--help"]));
    for command in subcommands() {
        let whole = help(&[&command, "--help"]);
        let usage = format!("Usage: neuralnet {command} ");
        assert!(whole.contains(&usage), "{whole}");
        assert_eq!(whole, help(&["help", &command]));
        let short = help(&[&command, "-h"]);
        assert!(short.contains(&usage), "{short}");
        assert_eq!(
            examples_of_help(&whole),
            examples_of_help(&short),
            "{command}"
        );
    }
}

/// Runs them in one folder with the tables of the pages, in the order of the commands: each finds what those before it
/// wrote.
#[test]
fn examples_of_help_run() {
    let pages = pages();
    let folder = folder("help");
    for example in pages.iter().flat_map(|page| examples(&page.text)) {
        if ["cat > ", "printf "]
            .iter()
            .any(|beginning| example.command.starts_with(beginning))
        {
            let output = shell(example.command, &example.input, &folder, true);
            assert!(output.status.success(), "{example:?}");
        }
    }
    assert_eq!(examples_of_help(&help(&["--help"])), Vec::<&str>::new());
    for command in subcommands() {
        let help = help(&[&command, "--help"]);
        let examples = examples_of_help(&help);
        assert!(!examples.is_empty(), "`{command} --help` has no example");
        for example in examples {
            assert!(
                format!("{example} ").starts_with(&format!("neuralnet {command} ")),
                "`{command} --help` has `{example}`"
            );
            let output = shell(example, &[], &folder, true);
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{example}: {printed}");
        }
    }
}
