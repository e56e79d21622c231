//! Loops of a shader, written out.
//!
//! A private array that is indexed by a loop variable lies in memory, and naga bounds every loop, so that
//! a driver does not unroll it. Where a loop's line ends in `// unroll`, its body is repeated with
//! the variable replaced by each of its values; then every such index is a constant, and the array is
//! registers. The shaders mean the same without it.

use std::collections::HashMap;

/// Ends the first line of a loop that is to be written out.
const MARK: &str = "// unroll";

/// `wgsl` with its marked loops written out.
///
/// The form is `for (var NAME = A; NAME < B; NAME++) { // unroll`, or `NAME += C`, or `NAME *= C`; the closing
/// brace has a line of its own. A, B and C are numbers, constants of the module that are numbers, or
/// products and quotients of those.
///
/// # Errors
/// Where a marked loop has another form, never ends, or is left by `break` or `continue`.
pub(super) fn unrolled(wgsl: &str) -> Result<String, String> {
    let mut constants = HashMap::new();
    for line in wgsl.lines() {
        let definition = line
            .strip_prefix("const ")
            .and_then(|rest| rest.split_once(';'))
            .and_then(|(definition, _)| definition.split_once(" = "));
        if let Some((name, expression)) = definition
            && let Ok(value) = product(expression, &constants)
        {
            constants.insert(name, value);
        }
    }
    let lines: Vec<&str> = wgsl.lines().collect();
    let mut text = String::with_capacity(4 * wgsl.len());
    write_out(&lines, &constants, &mut text)?;
    Ok(text)
}

fn write_out(
    lines: &[&str],
    constants: &HashMap<&str, u32>,
    text: &mut String,
) -> Result<(), String> {
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if !line.trim_end().ends_with(MARK) {
            text.push_str(line);
            text.push('\n');
            continue;
        }
        let (name, values) =
            header(line, constants).map_err(|problem| format!("{problem}: {}", line.trim()))?;
        let length = body_length(&lines[at..])
            .ok_or_else(|| format!("a loop without an end: {}", line.trim()))?;
        let body = lines[at..at + length].join("\n");
        if words(&body).any(|word| word == "break" || word == "continue") {
            return Err(format!("a loop that may be left early: {}", line.trim()));
        }
        for value in values {
            let body = substituted(&body, name, value);
            text.push_str("{\n");
            write_out(&body.lines().collect::<Vec<_>>(), constants, text)?;
            text.push_str("}\n");
        }
        at += length + 1;
    }
    Ok(())
}

/// The variable and its values.
fn header<'a>(
    line: &'a str,
    constants: &HashMap<&str, u32>,
) -> Result<(&'a str, Vec<u32>), String> {
    let parts = || {
        let loop_ = line.trim().strip_suffix(MARK)?.trim_end();
        let inner = loop_.strip_prefix("for (var ")?.strip_suffix(") {")?;
        let [start, condition, step] = inner.split("; ").collect::<Vec<_>>().try_into().ok()?;
        let (name, start) = start.split_once(" = ")?;
        let bound = condition.strip_prefix(name)?.strip_prefix(" < ")?;
        Some((name, start, bound, step.strip_prefix(name)?))
    };
    let (name, start, bound, step) = parts().ok_or("a marked loop of an unknown form")?;
    let (mut value, bound) = (product(start, constants)?, product(bound, constants)?);
    let next: Box<dyn Fn(u32) -> Option<u32>> = match step {
        "++" => Box::new(|value| value.checked_add(1)),
        _ => {
            let (operator, by) = step.trim_start().split_once("= ").unwrap_or((step, ""));
            let by = product(by, constants)?;
            match operator {
                "+" => Box::new(move |value| value.checked_add(by)),
                "*" => Box::new(move |value| value.checked_mul(by)),
                _ => return Err(format!("an unknown step, {step}")),
            }
        }
    };
    let mut values = Vec::new();
    while value < bound {
        values.push(value);
        value = next(value)
            .filter(|next| *next > value)
            .ok_or("a step that leads nowhere")?;
    }
    Ok((name, values))
}

/// A number, a constant, or a product or quotient of those, taken from left to right.
fn product(expression: &str, constants: &HashMap<&str, u32>) -> Result<u32, String> {
    let factor = |word: &str| {
        let number = word.strip_suffix('u').unwrap_or(word).parse().ok();
        number
            .or_else(|| constants.get(word).copied())
            .ok_or_else(|| format!("{word:?} is not a known number"))
    };
    let mut words = expression.split_whitespace();
    let mut value = factor(words.next().unwrap_or(""))?;
    while let Some(operator) = words.next() {
        let by = factor(words.next().unwrap_or(""))?;
        let next = match operator {
            "*" => value.checked_mul(by),
            "/" => value.checked_div(by),
            _ => None,
        };
        value = next.ok_or_else(|| format!("{expression:?} is not a known product"))?;
    }
    Ok(value)
}

/// Lines before the one that closes a block opened just before `lines`.
fn body_length(lines: &[&str]) -> Option<usize> {
    let mut depth = 1_usize;
    lines.iter().position(|line| {
        let (code, _) = line.split_once("//").unwrap_or((line, ""));
        for brace in code.chars() {
            match brace {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        depth == 0 && code.trim() == "}"
    })
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c))
}

/// `text` with the whole word `name` replaced by a number, but for members of that name.
fn substituted(text: &str, name: &str, value: u32) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c| !is_word(c)).unwrap_or(word.len()));
        result.push_str(before);
        if word == name && !result.ends_with('.') {
            result.push_str(&format!("{value}u"));
        } else {
            result.push_str(word);
        }
        rest = after;
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::unrolled;

    /// Without blanks at the ends of lines, and empty lines.
    fn lines(wgsl: &str) -> Vec<String> {
        let text = unrolled(wgsl).unwrap();
        let lines = text.lines().map(|line| line.trim().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    }

    #[test]
    fn a_loop_becomes_its_body_for_each_value_of_the_whole_word() {
        let wgsl = "
            for (var k = 0u; k < 2u; k++) { // unroll
                key[k] = params.k + kk * k_1 - k; // k
            }
            k = 1;";
        assert_eq!(
            lines(wgsl),
            [
                "{",
                "key[0u] = params.k + kk * k_1 - 0u; // 0u",
                "}", //
                "{",
                "key[1u] = params.k + kk * k_1 - 1u; // 1u",
                "}", //
                "k = 1;"
            ]
        );
    }

    #[test]
    fn bounds_are_constants_of_the_module_and_products_of_them() {
        let wgsl = "\
const ALL = 12u;
const HALF = ALL / 2u; // known
for (var d = 1u; d < HALF; d *= 2u) { // unroll
    for (var i = 0u; i < ALL; i += 2u * d) { // unroll
        a[i] += a[i + d];
    }
}";
        let text = lines(wgsl).concat();
        let body = |d: usize| -> String {
            let inner = (0..12).step_by(2 * d);
            let inner: String = inner
                .map(|i| format!("{{a[{i}u] += a[{i}u + {d}u];}}"))
                .collect();
            format!("{{{inner}}}")
        };
        let expected: String = [1, 2, 4].map(body).concat();
        assert!(text.ends_with(&expected), "{text}");
    }

    #[test]
    fn braces_nest_and_other_loops_stay() {
        let wgsl = "
            for (var i = 0u; i < 1u; i++) { // unroll
                if a { b(); } // }
                for (var j = 0u; j < i; j++) {
                    c();
                }
            }
            d();";
        assert_eq!(
            lines(wgsl),
            [
                "{",
                "if a { b(); } // }",
                "for (var j = 0u; j < 0u; j++) {",
                "c();",
                "}",
                "}",
                "d();"
            ]
        );
        let without = "for (var i = 0u; i < N; i++) {\n    break;\n}\n";
        assert_eq!(
            unrolled(without).unwrap(),
            without,
            "a loop without the mark"
        );
        assert_eq!(
            lines("for (var i = 3u; i < 3u; i++) { // unroll\na;\n}"),
            [""; 0],
            "no trips"
        );
    }

    #[test]
    fn what_cannot_be_written_out_is_an_error() {
        for (wgsl, problem) in [
            (
                "for (var k = 0u; k < UNKNOWN; k++) { // unroll\n}",
                "\"UNKNOWN\" is not a known number",
            ),
            (
                "for (var k = 0u; k < params.n; k++) { // unroll\n}",
                "\"params.n\" is not a known number",
            ),
            (
                "for (var k = 0u; k < 1u + 1u; k++) { // unroll\n}",
                "is not a known product",
            ),
            (
                "for (var k = 0u; k < 4u / 0u; k++) { // unroll\n}",
                "is not a known product",
            ),
            (
                "for (var k = 4u; k > 0u; k--) { // unroll\n}",
                "of an unknown form",
            ),
            ("while true { // unroll\n}", "of an unknown form"),
            (
                "for (var k = 0u; k < 4u; k -= 1u) { // unroll\n}",
                "an unknown step",
            ),
            (
                "for (var k = 0u; k < 4u; k *= 2u) { // unroll\n}",
                "leads nowhere",
            ),
            (
                "for (var k = 0u; k < 4u; k += 0u) { // unroll\n}",
                "leads nowhere",
            ),
            (
                "for (var k = 0u; k < 4u; k++) { // unroll\nif a {\n}",
                "without an end",
            ),
            (
                "for (var k = 0u; k < 4u; k++) { // unroll\nbreak;\n}",
                "left early",
            ),
            (
                "for (var k = 0u; k < 4u; k++) { // unroll\nif a { continue; }\n}",
                "left early",
            ),
        ] {
            let error = unrolled(wgsl).unwrap_err();
            assert!(error.contains(problem), "{wgsl}: {error}");
        }
    }
}
