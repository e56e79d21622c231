//! Every flag that a text names exists.

use crate::common::root;
use crate::examples::{document, help, subcommands};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Flags in our texts that are others'.
const FLAGS_OF_OTHERS: [(&str, &str); 5] = [
    ("--example", "cargo"),
    ("--release", "cargo"),
    ("--rounds", "benches/peers"),
    ("--quick", "benches/on-gpu.sh"),
    ("--exact", "the test harness"),
];

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

/// Looks at comments of the code as well as at its messages. CHANGELOG.md is left out: it names flags that were.
#[test]
fn every_flag_that_is_named_exists() {
    let root = root();
    let folders = ["src", "crates/table/src", "crates/cli/src", "examples"];
    let code = folders
        .iter()
        .flat_map(|folder| code(&Path::new(&root).join(folder)));
    let mut texts: Vec<_> = code.collect();
    assert!(texts.len() > 100, "all of the code");
    let documents = document::all().into_iter();
    let documents = documents.filter(|document| document.path != "CHANGELOG.md");
    texts.extend(documents.map(|document| (document.path, document.text)));
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
