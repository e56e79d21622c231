//! Every example of the README and of `--help` runs as it is printed there, and every flag that a text names exists.
//! Examples are found in the texts themselves, so a new one cannot be left out.

use crate::common::{binary, neuralnet, root, scratch};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Commands of the README that no test can run, and why.
const NOT_RUN: [(&str, &str); 6] = [
    ("sh tests/run", "it runs this test"),
    (
        "neuralnet train train-images-idx3-ubyte.gz --validation-data t10k-images-idx3-ubyte.gz --l2 0.001 --early-stopping",
        "Fashion-MNIST is 31 MB of the network",
    ),
    (
        "neuralnet bench",
        "its shapes are hundreds of megabytes, measured for minutes; `bench --help` has small ones",
    ),
    ("python3 benches/peers/run.py --rounds 2", PEERS),
    ("python3 benches/peers/solution.py --rounds 7", PEERS),
    ("python3 benches/peers/parity.py", PEERS),
];

const PEERS: &str = "NumPy, PyTorch, JAX and scikit-learn are no part of a build";

/// Flags in our texts that are others'.
const FLAGS_OF_OTHERS: [(&str, &str); 4] = [
    ("--release", "cargo"),
    ("--rounds", "benches/peers"),
    ("--exact", "the test harness"),
    ("--nocapture", "the test harness"),
];

/// Lines that begin with these tell of the machine and of its speed: they are alike whatever follows.
const OF_THE_MACHINE: [&str; 6] = [
    "neuralnet: training on the CPU: ",
    "reading  ",
    "time     ",
    "cpu      ",
    "gpu      ",
    "after 10 iterations, each on its own: parameters differ by ",
];

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(&root()).join(path)).unwrap()
}

fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("examples").join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A command of the README, with what follows it up to the next one.
#[derive(Debug)]
struct Example<'a> {
    command: &'a str,
    /// What is typed into it.
    input: Vec<&'a str>,
    /// What it prints; `None` where the README does not say.
    output: Option<Vec<&'a str>>,
}

/// The lines of each fenced block, and its language.
fn blocks(readme: &str) -> Vec<(&str, Vec<&str>)> {
    let mut blocks = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| *line != "```");
            blocks.push((language, block.collect()));
        }
    }
    blocks
}

/// The examples in their order. In `console` blocks a `$` begins a command, in `sh` blocks each line is one.
fn examples(readme: &str) -> Vec<Example<'_>> {
    let mut examples = Vec::<Example<'_>>::new();
    for (language, lines) in blocks(readme) {
        match language {
            "console" => {
                for (at, line) in lines.iter().enumerate() {
                    if let Some(command) = line.strip_prefix("$ ") {
                        examples.push(Example {
                            command,
                            input: Vec::new(),
                            output: Some(Vec::new()),
                        });
                        continue;
                    }
                    assert!(at > 0, "a block begins with `{line}`, which is no command");
                    let example = examples.last_mut().unwrap();
                    match &mut example.output {
                        Some(output) if !example.command.starts_with("cat > ") => output.push(line),
                        _ => example.input.push(line),
                    }
                }
            }
            "sh" => examples.extend(lines.into_iter().map(|command| Example {
                command,
                input: Vec::new(),
                output: None,
            })),
            "rust" => {}
            other => panic!("nobody runs a block of `{other}`"),
        }
    }
    examples
}

/// The commands within the README's sentences.
fn spans(readme: &str) -> Vec<&str> {
    let mut prose = readme.split("```").step_by(2).collect::<Vec<_>>();
    prose.retain(|text| !text.is_empty());
    let spans = prose
        .iter()
        .flat_map(|text| text.split('`').skip(1).step_by(2));
    let programs = ["neuralnet ", "cargo ", "sh ", "python3 "];
    spans
        .filter(|span| programs.iter().any(|program| span.starts_with(program)))
        .collect()
}

fn not_run(command: &str) -> bool {
    NOT_RUN
        .iter()
        .any(|(other, _)| *other == without_comment(command))
}

fn without_comment(command: &str) -> &str {
    command.split(" #").next().unwrap().trim_end()
}

/// Runs `command` in `folder` as a shell runs it, with the binary under test on the `PATH` and in the place of the one
/// that cargo would build. Both outputs come as one, as on a terminal.
fn shell(command: &str, input: &[&str], folder: &Path, with_adapter: bool) -> Output {
    let command = command.replace("cargo run --release --", "neuralnet");
    let bin = PathBuf::from(binary());
    let path = std::env::var_os("PATH").unwrap();
    let path =
        std::iter::once(bin.parent().unwrap().to_owned()).chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path).unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if !with_adapter {
        shell
            .env("VK_DRIVER_FILES", "/nowhere")
            .env("VK_ICD_FILENAMES", "/nowhere");
    }
    let mut child = shell.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for line in input {
        writeln!(stdin, "{line}").unwrap();
    }
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Whether a line is as it is printed: what a machine decides is not compared.
fn alike(expected: &str, printed: &str) -> bool {
    let of_the_machine =
        |beginning: &&str| expected.starts_with(beginning) && printed.starts_with(beginning);
    expected == printed
        || OF_THE_MACHINE.iter().any(of_the_machine)
        || checked(expected).is_some_and(|check| Some(check) == checked(printed))
}

/// What the adapter does not decide of a check of `validate`: its error, bound and their ratio end the line.
fn checked(line: &str) -> Option<Vec<&str>> {
    let mut words: Vec<_> = line.split_whitespace().collect();
    let numbers = words.split_off(words.len().checked_sub(3)?);
    let is_check = numbers[..2].iter().all(|number| number.contains('e'))
        && numbers.iter().all(|number| number.parse::<f64>().is_ok());
    is_check.then_some(words)
}

/// Whether lines are as they are printed; `…` stands for some, one at least.
fn all_alike(expected: &[&str], printed: &[&str]) -> bool {
    match expected {
        [] => printed.is_empty(),
        ["…", rest @ ..] => {
            (1..=printed.len()).any(|left_out| all_alike(rest, &printed[left_out..]))
        }
        [line, rest @ ..] => {
            printed.first().is_some_and(|first| alike(line, first))
                && all_alike(rest, &printed[1..])
        }
    }
}

/// The examples were printed by a machine without a GPU; so other machines show the driver's loader none, but for
/// `validate`, which needs one.
#[cfg_attr(
    not(target_os = "linux"),
    ignore = "a GPU can be hidden from Vulkan only"
)]
#[test]
fn examples_of_the_readme_print_what_it_says() {
    let readme = text("README.md");
    let folder = folder("readme");
    let examples = examples(&readme);
    let mut wrong = Vec::new();
    for example in examples.iter().filter(|example| !not_run(example.command)) {
        let validates = example.command.starts_with("neuralnet validate");
        let output = shell(example.command, &example.input, &folder, validates);
        let printed = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = printed.lines().collect();
        // One line of its own accord, and not of what was written, is an error.
        let refused = matches!(example.output.as_deref(), Some([line])
            if line.starts_with("neuralnet: ") && !line.starts_with("neuralnet: wrote"));
        let code = if refused { 2 } else { 0 };
        let as_printed = example
            .output
            .as_ref()
            .is_none_or(|expected| all_alike(expected, &lines));
        if !as_printed || output.status.code() != Some(code) {
            wrong.push(format!(
                "{example:#?}\nprints, and ends with {}:\n{printed}",
                output.status
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let compared = examples.iter().filter(|example| example.output.is_some());
    assert!(compared.count() >= 10, "examples are found: {examples:#?}");
}

#[test]
fn commands_in_sentences_of_the_readme_run() {
    let readme = text("README.md");
    let spans = spans(&readme);
    for command in spans.iter().filter(|command| !not_run(command)) {
        let output = shell(command, &[], &folder("sentences"), true);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{command}: {printed}");
    }
    let commands = examples(&readme).into_iter().map(|example| example.command);
    let commands: Vec<_> = commands.chain(spans).collect();
    for (command, reason) in NOT_RUN {
        let there = commands
            .iter()
            .any(|other| without_comment(other) == command);
        assert!(
            there,
            "the README has no `{command}`, of which is said: {reason}"
        );
    }
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
fn help(args: &[&str]) -> String {
    let output = neuralnet(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands in the order of the help.
fn subcommands() -> Vec<String> {
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

/// In one folder, where the README's tables are, in the order of the commands: each finds what those before it wrote.
#[test]
fn examples_of_help_run() {
    let readme = text("README.md");
    let folder = folder("help");
    for example in examples(&readme) {
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

/// The flags that `text` names.
fn flags(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let places = text.match_indices("--").filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        let first = text[at + 2..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '-')
            && first.is_some_and(|c| c.is_ascii_lowercase())
    });
    let names = places.map(|(at, _)| {
        let name: String = text[at..].chars().take_while(|c| is_name(*c)).collect();
        name.trim_end_matches('-').to_owned()
    });
    names.collect()
}

/// The flags that a help lists: `-o, --output <FILE>  The file to write`.
fn listed(help: &str) -> BTreeSet<String> {
    let mut listed = BTreeSet::new();
    for line in help.lines().map(str::trim_start) {
        let is_flag = line.starts_with("--") || line.get(2..6).is_some_and(|rest| rest == ", --");
        if line.starts_with('-') && is_flag {
            listed.extend(flags(line.split("  ").next().unwrap()));
        }
    }
    listed
}

/// All Rust code below `folder`.
fn code(folder: &Path) -> Vec<(String, String)> {
    let mut code = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            code.extend(self::code(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push((
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
    code
}

/// Comments of the code are looked at like its messages: what they name should be there too.
#[test]
fn every_flag_that_is_named_exists() {
    let mut texts = code(&Path::new(&root()).join("src"));
    assert!(texts.len() > 50, "all of the code");
    texts.push(("README.md".to_owned(), text("README.md")));
    let mut there = listed(&help(&["--help"]));
    for command in subcommands() {
        let help = help(&[&command, "--help"]);
        there.extend(listed(&help));
        texts.push((format!("{command} --help"), help));
    }
    assert!(there.len() > 40, "{there:?}");
    let mut named = BTreeSet::new();
    for (place, text) in &texts {
        for flag in flags(text) {
            let of_others = FLAGS_OF_OTHERS.iter().any(|(other, _)| flag == *other);
            assert!(
                there.contains(&flag) || of_others,
                "{place} names {flag}, which no command has"
            );
            named.insert(flag);
        }
    }
    for (flag, whose) in FLAGS_OF_OTHERS {
        assert!(named.contains(flag), "nothing names {flag} of {whose}");
    }
}
