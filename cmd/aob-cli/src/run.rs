//! A run, as far as people are shown it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    pub id: String,
    #[serde(default)]
    pub version: u64,
    pub status: String,
    #[serde(default)]
    pub workflow: Workflow,
    #[serde(default)]
    pub steps: BTreeMap<String, Step>,
    #[serde(default)]
    pub output: Value,
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub updated_at: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Workflow {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub steps: Vec<WorkflowStep>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct WorkflowStep {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub with: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Step {
    pub state: String,
    #[serde(default)]
    pub attempt: u32,
    #[serde(default)]
    pub error: Option<String>,
}

impl Run {
    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "succeeded" | "failed" | "cancelled")
    }

    /// In the definition's order; a run without its definition has them by name.
    pub fn ordered_steps(&self) -> Vec<(&str, &Step)> {
        let rank = |id: &str| self.workflow.steps.iter().position(|step| step.id == id);
        let mut steps: Vec<_> = self.steps.iter().map(|(id, step)| (id.as_str(), step)).collect();
        steps.sort_by_key(|(id, _)| rank(id).unwrap_or(usize::MAX));
        steps
    }

    pub fn finished_steps(&self) -> usize {
        let finished =
            |step: &&Step| matches!(step.state.as_str(), "succeeded" | "failed" | "skipped");
        self.steps.values().filter(finished).count()
    }

    /// What an approval step asks; None for steps of other types.
    pub fn question(&self, id: &str) -> Option<&str> {
        let step = self.workflow.steps.iter().find(|step| step.id == id)?;
        (step.kind == "approval")
            .then(|| step.with.get("message").and_then(Value::as_str).unwrap_or(""))
    }

    /// The steps whose state, attempt or error is another than it was `before`.
    pub fn changed_steps(&self, before: Option<&Run>) -> Vec<(&str, &Step)> {
        let mut steps = self.ordered_steps();
        steps.retain(|(id, step)| match before {
            Some(before) => before.steps.get(*id) != Some(step),
            None => step.state != "pending",
        });
        steps
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(a: &str, b: &str) -> Run {
        serde_json::from_value(json!({
            "id": "r_1", "status": "running",
            "workflow": {"name": "w", "steps": [
                {"id": "b", "type": "http"},
                {"id": "a", "type": "approval", "with": {"message": "Sure?"}},
            ]},
            "steps": {"a": {"state": a}, "b": {"state": b}},
        }))
        .unwrap()
    }

    #[test]
    fn steps_are_in_the_order_of_the_definition() {
        let run = run("pending", "running");
        let ids: Vec<_> = run.ordered_steps().iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, ["b", "a"]);
    }

    #[test]
    fn only_changes_are_told() {
        let (first, second) = (run("pending", "running"), run("waiting", "running"));
        let changed = |run: &Run, before| {
            run.changed_steps(before).iter().map(|(id, _)| (*id).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(changed(&first, None), ["b"]);
        assert_eq!(changed(&second, Some(&first)), ["a"]);
        assert!(changed(&second, Some(&second)).is_empty());
    }

    #[test]
    fn only_approvals_ask() {
        let run = run("waiting", "succeeded");
        assert_eq!(run.question("a"), Some("Sure?"));
        assert_eq!(run.question("b"), None);
        assert_eq!(run.finished_steps(), 1);
    }
}
