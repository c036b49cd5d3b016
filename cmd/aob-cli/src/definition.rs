//! What makes a workflow definition valid; the orchestrator has the last word, we have line numbers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::document::{join, Document};
use crate::reference::references;

const TYPES: [&str; 4] = ["http", "fanout", "agent", "approval"];
const WORKFLOW_KEYS: [&str; 4] = ["name", "input", "steps", "output"];
const STEP_KEYS: [&str; 6] = ["id", "type", "needs", "with", "timeout", "retries"];
const MAX_NAME: usize = 63;

#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub line: Option<usize>,
    pub message: String,
}

impl Problem {
    pub fn in_file(&self, file: &str) -> String {
        match self.line {
            Some(line) => format!("{file}:{line}: {}", self.message),
            None => format!("{file}: {}", self.message),
        }
    }
}

/// Problems keep the definition from being submitted; doubts are told and may be meant so.
#[derive(Debug, Default)]
pub struct Findings {
    pub problems: Vec<Problem>,
    pub doubts: Vec<Problem>,
}

pub fn check(document: &Document) -> Findings {
    let mut checker = Checker { document, findings: Findings::default() };
    checker.workflow();
    let mut findings = checker.findings;
    findings.problems.sort_by_key(|problem| problem.line);
    findings
}

/// The key, what its value must be, and whether it is.
type OptionRule = (&'static str, &'static str, fn(&Value) -> bool);

const OPTION_RULES: [OptionRule; 4] = [
    ("needs", "a list of step ids", is_texts),
    ("with", "a mapping", Value::is_object),
    ("timeout", "a duration like `250ms`, `5s` or `2m`", is_duration_text),
    ("retries", "a whole number from 0", Value::is_u64),
];

struct Checker<'a> {
    document: &'a Document,
    findings: Findings,
}

impl<'a> Checker<'a> {
    fn problem(&mut self, path: &str, message: String) {
        let line = self.document.line(path);
        self.findings.problems.push(Problem { line, message });
    }

    fn doubt(&mut self, path: &str, message: String) {
        let line = self.document.line(path);
        self.findings.doubts.push(Problem { line, message });
    }

    fn workflow(&mut self) {
        let Some(workflow) = self.document.value.as_object() else {
            return self.problem("", "a workflow is a mapping with `name` and `steps`".to_owned());
        };
        self.unknown_keys("", workflow, &WORKFLOW_KEYS);
        self.name("name", workflow.get("name"));
        if workflow.get("input").is_some_and(|input| !input.is_object() && !input.is_null()) {
            self.problem("input", "`input` is a mapping of names to values".to_owned());
        }
        match workflow.get("steps").and_then(Value::as_array) {
            Some(steps) if !steps.is_empty() => self.steps(steps, workflow.get("output")),
            _ => self.problem("steps", "`steps` is a list with one step at least".to_owned()),
        }
    }

    fn steps(&mut self, steps: &'a [Value], output: Option<&Value>) {
        let mut needs = BTreeMap::new();
        for (position, step) in steps.iter().enumerate() {
            let path = format!("steps.{position}");
            let Some(step) = step.as_object() else {
                self.problem(&path, "a step is a mapping with `id` and `type`".to_owned());
                continue;
            };
            self.step(&path, step);
            let Some(id) = step.get("id").and_then(Value::as_str) else {
                continue;
            };
            if needs.insert(id, needs_of(step)).is_some() {
                self.problem(&join(&path, "id"), format!("step `{id}` is there twice"));
            }
        }
        self.unknown_needs(steps, &needs);
        if let Some(cycle) = find_cycle(&needs) {
            self.problem("steps", format!("needs form a cycle: {}", cycle.join(" → ")));
        }
        self.step_references(steps, &needs);
        if let Some(output) = output {
            let scope = Scope { steps: &needs, step: None, in_fanout: false };
            self.references("output", output, &scope);
        }
    }

    fn step(&mut self, path: &str, step: &Map<String, Value>) {
        self.unknown_keys(path, step, &STEP_KEYS);
        self.name(&join(path, "id"), step.get("id"));
        match step.get("type").and_then(Value::as_str) {
            Some(kind) if TYPES.contains(&kind) => {}
            Some(kind) => {
                let message = format!("type `{kind}` is unknown; there are {}", TYPES.join(", "));
                self.problem(&join(path, "type"), message);
            }
            None => self.problem(path, format!("`type` is missing; one of {}", TYPES.join(", "))),
        }
        self.step_options(path, step);
    }

    fn step_options(&mut self, path: &str, step: &Map<String, Value>) {
        for (key, expected, is_valid) in OPTION_RULES {
            if step.get(key).is_some_and(|value| !value.is_null() && !is_valid(value)) {
                self.problem(&join(path, key), format!("`{key}` is {expected}"));
            }
        }
    }

    fn name(&mut self, path: &str, value: Option<&Value>) {
        let key = path.rsplit('.').next().unwrap_or(path);
        match value {
            Some(Value::String(name)) if is_name(name) => {}
            Some(Value::String(name)) => {
                let rule = "lower-case letters, digits and `-`, at most 63, not beginning with `-`";
                self.problem(path, format!("`{key}: {name}` is no name: {rule}"));
            }
            Some(_) => self.problem(path, format!("`{key}` is a text")),
            None => self.problem(path, format!("`{key}` is missing")),
        }
    }

    fn unknown_keys(&mut self, path: &str, object: &Map<String, Value>, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let message = format!("`{key}` is unknown here; there are {}", known.join(", "));
            self.doubt(&join(path, key), message);
        }
    }

    fn unknown_needs(&mut self, steps: &[Value], known: &BTreeMap<&str, Vec<&str>>) {
        for (position, step) in steps.iter().enumerate() {
            let needs = step.as_object().map(needs_of).unwrap_or_default();
            for (index, need) in needs.iter().enumerate() {
                if !known.contains_key(need) {
                    let path = format!("steps.{position}.needs.{index}");
                    self.problem(&path, format!("needs step `{need}`, which there isn't"));
                }
            }
        }
    }

    fn step_references(&mut self, steps: &[Value], needs: &BTreeMap<&str, Vec<&str>>) {
        for (position, step) in steps.iter().enumerate() {
            let (Some(id), Some(with)) = (step["id"].as_str(), step.get("with")) else {
                continue;
            };
            let scope = Scope { steps: needs, step: Some(id), in_fanout: step["type"] == "fanout" };
            self.references(&format!("steps.{position}.with"), with, &scope);
        }
    }

    fn references(&mut self, path: &str, value: &Value, scope: &Scope) {
        match value {
            Value::String(text) => {
                for reference in references(text) {
                    self.reference(path, reference, scope);
                }
            }
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.references(&join(path, &index.to_string()), value, scope);
                }
            }
            Value::Object(values) => {
                for (key, value) in values {
                    self.references(&join(path, key), value, scope);
                }
            }
            _ => {}
        }
    }

    fn reference(&mut self, path: &str, reference: &str, scope: &Scope) {
        let mut keys = reference.split('.');
        match (keys.next(), keys.next()) {
            (Some("input"), _) => {}
            (Some("item" | "index"), _) if scope.in_fanout => {}
            (Some("steps"), Some(id)) if scope.steps.contains_key(id) => {
                if let Some(step) = scope.step.filter(|step| !scope.comes_before(id, step)) {
                    let message = format!(
                        "`${{{reference}}}` may be unknown by then: add `{id}` to the needs of `{step}`"
                    );
                    self.doubt(path, message);
                }
            }
            (Some("steps"), Some(id)) => {
                self.problem(path, format!("`${{{reference}}}`: there is no step `{id}`"));
            }
            _ => {
                let message = format!("`${{{reference}}}` begins with neither `input` nor `steps`");
                self.problem(path, message);
            }
        }
    }
}

/// What references can be made to; `step` is the step that makes them, None for the output.
struct Scope<'a> {
    steps: &'a BTreeMap<&'a str, Vec<&'a str>>,
    step: Option<&'a str>,
    in_fanout: bool,
}

impl Scope<'_> {
    fn comes_before(&self, id: &str, step: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![step];
        while let Some(current) = open.pop() {
            for need in self.steps.get(current).into_iter().flatten() {
                if *need == id {
                    return true;
                }
                if seen.insert(*need) {
                    open.push(need);
                }
            }
        }
        false
    }
}

fn needs_of(step: &Map<String, Value>) -> Vec<&str> {
    let needs = step.get("needs").and_then(Value::as_array);
    needs.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A cycle with its first step repeated at its end: steps are taken away as long as nothing they
/// need is left, and whoever walks along the needs of what remains comes round.
fn find_cycle<'a>(needs: &BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    let mut left = needs.clone();
    loop {
        let before = left.len();
        let ids: BTreeSet<&str> = left.keys().copied().collect();
        left.retain(|_, needs| needs.iter().any(|need| ids.contains(need)));
        if left.len() == before {
            break;
        }
    }
    let mut walked = vec![*left.keys().next()?];
    loop {
        let last = walked[walked.len() - 1];
        let next = *left[last].iter().find(|need| left.contains_key(*need))?;
        if let Some(start) = walked.iter().position(|id| *id == next) {
            walked.push(next);
            return Some(walked.split_off(start));
        }
        walked.push(next);
    }
}

fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|values| values.iter().all(Value::is_string))
}

fn is_duration_text(value: &Value) -> bool {
    value.as_str().is_some_and(is_duration)
}

fn is_name(text: &str) -> bool {
    let is_start = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= MAX_NAME
        && text.starts_with(is_start)
        && text.chars().all(|c| is_start(c) || c == '-')
}

/// Numbers with units, one after the other: `90s`, `1m30s`, `1.5h`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - digits.len()];
        let units = ["ms", "s", "m", "h"];
        let unit = units.iter().find_map(|unit| digits.strip_prefix(unit));
        match unit {
            Some(after) if number.parse::<f64>().is_ok() => rest = after,
            _ => return false,
        }
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let findings = check(&Document::from_yaml(text).unwrap());
        findings.problems.iter().map(|problem| problem.in_file("w")).collect()
    }

    fn doubts(text: &str) -> Vec<String> {
        let findings = check(&Document::from_yaml(text).unwrap());
        findings.doubts.iter().map(|problem| problem.in_file("w")).collect()
    }

    #[test]
    fn a_whole_definition_is_fine() {
        let text = r#"
name: release-notes
input: {topic: caching}
steps:
  - {id: fetch, type: http, with: {method: GET, url: "${input.url}"}}
  - id: summarise
    type: agent
    needs: [fetch]
    with: {prompt: "Summarise ${steps.fetch.output.body}", tools: [word_count]}
    timeout: 1m30s
    retries: 2
  - id: all
    type: fanout
    needs: [summarise]
    with:
      items: "${steps.fetch.output.body}"
      step: {type: http, with: {url: "${item.url}/${index}"}}
output: "${steps.summarise.output}"
"#;
        assert!(problems(text).is_empty());
        assert!(doubts(text).is_empty());
    }

    #[test]
    fn each_problem_has_its_line() {
        let text = r#"name: Notes
steps:
  - id: a
    type: https
    retries: -1
  - id: a
    type: http
    needs: [b]
    timeout: 5
    with: {url: "${steps.c.output} ${item}"}
"#;
        assert_eq!(
            problems(text),
            [
                "w:1: `name: Notes` is no name: lower-case letters, digits and `-`, at most 63, \
                 not beginning with `-`",
                "w:4: type `https` is unknown; there are http, fanout, agent, approval",
                "w:5: `retries` is a whole number from 0",
                "w:6: step `a` is there twice",
                "w:8: needs step `b`, which there isn't",
                "w:9: `timeout` is a duration like `250ms`, `5s` or `2m`",
                "w:10: `${steps.c.output}`: there is no step `c`",
                "w:10: `${item}` begins with neither `input` nor `steps`",
            ]
        );
    }

    #[test]
    fn cycles_are_shown() {
        let text = "name: x\nsteps:\n\
            - {id: a, type: http}\n\
            - {id: b, type: http, needs: [a, d]}\n\
            - {id: c, type: http, needs: [b]}\n\
            - {id: d, type: http, needs: [c]}\n\
            - {id: e, type: http, needs: [d]}\n";
        assert_eq!(problems(text), ["w:2: needs form a cycle: b → d → c → b"]);
        let own = "name: x\nsteps:\n- {id: a, type: http, needs: [a]}\n";
        assert_eq!(problems(own), ["w:2: needs form a cycle: a → a"]);
    }

    #[test]
    fn doubts_are_no_problems() {
        let text = r#"name: x
steps:
  - {id: a, type: http}
  - id: b
    type: http
    need: [a]
    with: {url: "${steps.a.output}"}
"#;
        assert!(problems(text).is_empty());
        assert_eq!(
            doubts(text),
            [
                "w:6: `need` is unknown here; there are id, type, needs, with, timeout, retries",
                "w:7: `${steps.a.output}` may be unknown by then: add `a` to the needs of `b`",
            ]
        );
    }

    #[test]
    fn anything_else_than_a_workflow_is_refused() {
        assert_eq!(problems("- 1"), ["w:1: a workflow is a mapping with `name` and `steps`"]);
        assert_eq!(problems("name: x"), ["w:1: `steps` is a list with one step at least"]);
        assert_eq!(problems("name: x\nsteps: [1]").len(), 1);
    }

    #[test]
    fn durations() {
        for valid in ["250ms", "5s", "1m30s", "1.5h"] {
            assert!(is_duration(valid), "{valid}");
        }
        for invalid in ["", "5", "s", "5 s", "1.2.3s", "-1s", "5d"] {
            assert!(!is_duration(invalid), "{invalid}");
        }
    }
}
