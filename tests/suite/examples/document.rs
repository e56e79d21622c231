//! The documents of the repository, and the commands in them.

use crate::common::root;
use std::fs;
use std::path::Path;

/// A page of the documentation.
pub(crate) struct Document {
    /// Its path in the repository.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The text of the file `path` of the repository.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(Path::new(&root()).join(path)).unwrap()
}

/// The pages whose commands run: README.md and those in docs, in the order of their names.
pub(crate) fn pages() -> Vec<Document> {
    let docs = fs::read_dir(Path::new(&root()).join("docs")).unwrap();
    let names = docs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut paths: Vec<_> = names.map(|name| format!("docs/{name}")).collect();
    paths.sort();
    paths.insert(0, "README.md".to_owned());
    documents(paths)
}

/// The pages and the documents for those who change the program.
pub(crate) fn all() -> Vec<Document> {
    let mut all = pages();
    let others = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"];
    all.extend(documents(others.map(str::to_owned).to_vec()));
    all
}

fn documents(paths: Vec<String>) -> Vec<Document> {
    let documents = paths.into_iter().map(|path| {
        let text = text(&path);
        Document { path, text }
    });
    documents.collect()
}

/// A command of a document, with the lines that follow it up to the next one.
#[derive(Debug)]
pub(crate) struct Example<'a> {
    pub(crate) command: &'a str,
    /// What is typed into it.
    pub(crate) input: Vec<&'a str>,
    /// What it prints; `None` if the document does not say.
    pub(crate) output: Option<Vec<&'a str>>,
}

/// The lines of each fenced block, and its language.
pub(crate) fn blocks(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| *line != "```");
            blocks.push((language, block.collect()));
        }
    }
    blocks
}

/// The examples in their order. In `console` blocks a `$` begins a command, in `sh` blocks each line is one.
pub(crate) fn examples(text: &str) -> Vec<Example<'_>> {
    let mut examples = Vec::<Example<'_>>::new();
    for (language, lines) in blocks(text) {
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
                    assert!(
                        at > 0,
                        "a block begins with `{line}`, which is not a command"
                    );
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
            "rust" | "mermaid" => {}
            other => panic!("nobody runs a block of `{other}`"),
        }
    }
    examples
}

/// What stands between single backticks in the sentences.
pub(crate) fn spans(text: &str) -> Vec<&str> {
    let mut prose = text.split("```").step_by(2).collect::<Vec<_>>();
    prose.retain(|part| !part.is_empty());
    let spans = prose
        .iter()
        .flat_map(|text| text.split('`').skip(1).step_by(2));
    let programs = ["neuralnet ", "cargo ", "sh ", "python3 "];
    spans
        .filter(|span| programs.iter().any(|program| span.starts_with(program)))
        .collect()
}
