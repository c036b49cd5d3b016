//! The platform's HTTP, seen from outside.

use std::time::Duration;

use percent_encoding::{utf8_percent_encode, AsciiSet, NON_ALPHANUMERIC};
use serde::Deserialize;
use serde_json::{json, Value};
use ureq::http::{self, request, Method, Request};
use ureq::{Agent, AsSendBody};

use crate::failure::Failure;
use crate::run::Run;

const PATIENCE: Duration = Duration::from_secs(15);
/// Below the 30 s the orchestrator allows at most.
const LONG_POLL: Duration = Duration::from_secs(20);
const MAX_ANSWER_BYTES: u64 = 256 << 20;
const OUTSIDE_A_SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A run as it came, for `--json`, and as it's understood.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub json: Value,
    pub run: Run,
}

pub struct Orchestrator(Server);

impl Orchestrator {
    pub fn at(base_url: &str) -> Self {
        Self(Server::at(base_url))
    }

    pub fn submit(&self, workflow: &Value, input: &Value) -> Result<Snapshot, Failure> {
        let body = json!({"workflow": workflow, "input": input});
        self.snapshot(self.0.post("/v1/runs", &body)?)
    }

    pub fn runs(&self, status: Option<&str>) -> Result<Value, Failure> {
        let query = status.map(|status| format!("?status={}", segment(status))).unwrap_or_default();
        self.0.get(&format!("/v1/runs{query}"), PATIENCE)
    }

    pub fn run(&self, id: &str) -> Result<Snapshot, Failure> {
        self.snapshot(self.0.get(&format!("/v1/runs/{}", segment(id)), PATIENCE)?)
    }

    /// Held back by the server until the run has changed, or for a while.
    pub fn run_after(&self, id: &str, version: u64) -> Result<Snapshot, Failure> {
        let (id, wait_s) = (segment(id), LONG_POLL.as_secs());
        let path = format!("/v1/runs/{id}?after={version}&wait={wait_s}s");
        self.snapshot(self.0.get(&path, LONG_POLL + PATIENCE)?)
    }

    pub fn cancel(&self, id: &str) -> Result<Snapshot, Failure> {
        self.snapshot(self.0.post(&format!("/v1/runs/{}/cancel", segment(id)), &json!({}))?)
    }

    fn snapshot(&self, json: Value) -> Result<Snapshot, Failure> {
        let run = self.0.read(&json)?;
        Ok(Snapshot { json, run })
    }

    pub fn read_runs(&self, json: &Value) -> Result<Vec<Run>, Failure> {
        self.0.read(&json["runs"])
    }
}

pub struct Hitl(Server);

#[derive(Debug, Deserialize)]
pub struct Approval {
    pub run_id: String,
    pub step_id: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub approvers: Option<Vec<String>>,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub requested_at: String,
}

pub struct Decision<'a> {
    pub decision: &'static str,
    pub by: &'a str,
    pub comment: &'a str,
}

impl Hitl {
    pub fn at(base_url: &str) -> Self {
        Self(Server::at(base_url))
    }

    pub fn pending(&self) -> Result<Value, Failure> {
        self.0.get("/v1/approvals?status=pending", PATIENCE)
    }

    pub fn decide(&self, run: &str, step: &str, decision: &Decision) -> Result<Value, Failure> {
        let Decision { decision, by, comment } = decision;
        let path = format!("/v1/approvals/{}/{}", segment(run), segment(step));
        self.0.post(&path, &json!({"decision": decision, "by": by, "comment": comment}))
    }

    pub fn read_approvals(&self, json: &Value) -> Result<Vec<Approval>, Failure> {
        self.0.read(&json["approvals"])
    }

    pub fn read_approval(&self, json: &Value) -> Result<Approval, Failure> {
        self.0.read(json)
    }
}

struct Server {
    base_url: String,
    agent: Agent,
}

impl Server {
    fn at(base_url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("aob/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { base_url: base_url.to_owned(), agent: config.into() }
    }

    fn get(&self, path: &str, patience: Duration) -> Result<Value, Failure> {
        self.ask(self.request(Method::GET, path).body(()), patience)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.request(Method::POST, path).header("Content-Type", "application/json");
        self.ask(request.body(body.to_string()), PATIENCE)
    }

    fn request(&self, method: Method, path: &str) -> request::Builder {
        let url = format!("{}{path}", self.base_url);
        Request::builder().method(method).uri(url).header("Accept", "application/json")
    }

    fn ask(
        &self,
        request: Result<Request<impl AsSendBody>, http::Error>,
        patience: Duration,
    ) -> Result<Value, Failure> {
        let request = request.map_err(|error| self.no_answer(&error.into()))?;
        let request = self.agent.configure_request(request).timeout_global(Some(patience)).build();
        let answer = self.agent.run(request);
        let mut answer = answer.map_err(|error| self.no_answer(&error))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES);
        let text = body.read_to_string().map_err(|error| self.no_answer(&error))?;
        self.judge(status, &text)
    }

    fn no_answer(&self, error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                Failure::Usage(format!("`{}` is not a server's URL: {error}", self.base_url))
            }
            _ => Failure::Unreachable { url: self.base_url.clone(), reason: error.to_string() },
        }
    }

    fn judge(&self, status: u16, text: &str) -> Result<Value, Failure> {
        let json: Result<Value, _> = serde_json::from_str(text);
        match (status, json) {
            (200..=299, Ok(json)) => Ok(json),
            (200..=299, Err(error)) => Err(self.unreadable(&error)),
            (_, Ok(json)) if json["error"]["message"].is_string() => Err(Failure::Refused {
                status,
                code: json["error"]["code"].as_str().unwrap_or("error").to_owned(),
                message: json["error"]["message"].as_str().unwrap_or_default().to_owned(),
            }),
            _ => Err(Failure::Refused {
                status,
                code: "error".to_owned(),
                message: format!("{} gave no reason", self.base_url),
            }),
        }
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, json: &Value) -> Result<T, Failure> {
        T::deserialize(json).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &serde_json::Error) -> Failure {
        Failure::Unreadable { url: self.base_url.clone(), reason: error.to_string() }
    }
}

/// A text within a URL, whatever is in it.
fn segment(text: &str) -> String {
    utf8_percent_encode(text, OUTSIDE_A_SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_segments() {
        assert_eq!(segment("r_1-a"), "r_1-a");
        assert_eq!(segment("../x?y"), "..%2Fx%3Fy");
    }

    #[test]
    fn errors_are_the_servers_words_where_it_has_any() {
        let server = Server::at("http://here");
        let said = server.judge(404, r#"{"error": {"code": "not_found", "message": "no run"}}"#);
        assert_eq!(said.unwrap_err().to_string(), "aob: no run (not_found, status 404)");
        let mute = server.judge(502, "<html>").unwrap_err();
        assert_eq!(mute.to_string(), "aob: http://here gave no reason (error, status 502)");
        assert!(mute.is_transient());
        assert!(matches!(server.judge(200, "<html>"), Err(Failure::Unreadable { .. })));
    }

    #[test]
    fn an_invalid_workflow_is_an_invalid_file() {
        let server = Server::at("http://here");
        let body = r#"{"error": {"code": "invalid_workflow", "message": "cycle"}}"#;
        assert_eq!(server.judge(400, body).unwrap_err().exit_code(), 2);
        assert_eq!(server.judge(409, "{}").unwrap_err().exit_code(), 1);
    }
}
