//! The built binary against a small server that plays orchestrator and hitl-worker.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{json, Value};

/// An answer the server will give, and the request it must be asked with.
struct Exchange {
    request: &'static str,
    status: u16,
    answer: Value,
}

fn exchange(request: &'static str, status: u16, answer: Value) -> Exchange {
    Exchange { request, status, answer }
}

struct Platform {
    url: String,
    bodies: Arc<Mutex<Vec<Value>>>,
    open: Arc<Mutex<VecDeque<Exchange>>>,
}

impl Platform {
    /// Gives the answers in this order, and the error `unexpected` for any other request.
    fn expecting(exchanges: Vec<Exchange>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let open = Arc::new(Mutex::new(VecDeque::from(exchanges)));
        let (said, left) = (bodies.clone(), open.clone());
        thread::spawn(move || {
            for connection in listener.incoming() {
                serve(&connection.unwrap(), &left, &said);
            }
        });
        Self { url, bodies, open }
    }

    fn aob(&self, arguments: &[&str]) -> Output {
        let output = aob(&self.url, arguments);
        assert!(self.open.lock().unwrap().is_empty(), "not asked for everything: {output:?}");
        output
    }

    fn bodies(&self) -> Vec<Value> {
        self.bodies.lock().unwrap().clone()
    }
}

fn aob(url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aob"))
        .args(arguments)
        .env_clear()
        .env("ORCHESTRATOR_URL", url)
        .env("HITL_WORKER_URL", url)
        .output()
        .unwrap()
}

fn serve(connection: &TcpStream, open: &Mutex<VecDeque<Exchange>>, bodies: &Mutex<Vec<Value>>) {
    let (request, body) = read_request(connection);
    let mut open = open.lock().unwrap();
    let (status, answer) = match open.pop_front() {
        Some(expected) if expected.request == request => (expected.status, expected.answer),
        _ => (500, json!({"error": {"code": "unexpected", "message": request}})),
    };
    if !body.is_empty() {
        bodies.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    }
    let answer = answer.to_string();
    let mut connection = connection;
    write!(
        connection,
        "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{answer}",
        answer.len()
    )
    .unwrap();
}

/// The request's method and path, and its body.
fn read_request(connection: &TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let request = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (request, body)
}

/// A run of two steps as the orchestrator would show it.
fn run(version: u64, status: &str, draft: &str, sign_off: &str) -> Value {
    json!({
        "id": "r_1", "version": version, "status": status,
        "workflow": {"name": "notes", "steps": [
            {"id": "draft", "type": "agent", "with": {"prompt": "Write"}},
            {"id": "sign-off", "type": "approval", "needs": ["draft"], "with": {"message": "Publish?"}},
        ]},
        "input": {},
        "steps": {
            "sign-off": {"state": sign_off, "attempt": 1},
            "draft": {"state": draft, "attempt": 1},
        },
        "output": if status == "succeeded" { json!("Done.") } else { Value::Null },
        "error": if status == "failed" { json!("step `draft` failed") } else { Value::Null },
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:01Z",
    })
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn workflow_file(name: &str) -> PathBuf {
    let text = "name: notes\nsteps:\n  - {id: draft, type: agent, with: {prompt: Write}}\n";
    file(name, text)
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn run_follows_to_the_end_and_prints_the_output() {
    let platform = Platform::expecting(vec![
        exchange("POST /v1/runs", 201, run(1, "queued", "pending", "pending")),
        exchange("GET /v1/runs/r_1?after=1&wait=20s", 200, run(3, "running", "running", "pending")),
        exchange(
            "GET /v1/runs/r_1?after=3&wait=20s",
            200,
            run(5, "waiting", "succeeded", "waiting"),
        ),
        exchange(
            "GET /v1/runs/r_1?after=5&wait=20s",
            200,
            run(7, "succeeded", "succeeded", "succeeded"),
        ),
    ]);
    let workflow = workflow_file("follows.yaml");
    let output = platform.aob(&[
        "run",
        workflow.to_str().unwrap(),
        "--input",
        "n=3",
        "--input",
        "topic=tea",
    ]);
    assert_eq!(
        stderr(&output),
        "run r_1 started\n\
         \x20 draft     running\n\
         \x20 draft     succeeded\n\
         \x20 sign-off  waiting: Publish? (aob approve r_1 sign-off)\n\
         \x20 sign-off  succeeded\n\
         run r_1 succeeded\n"
    );
    assert_eq!(stdout(&output), "Done.\n");
    assert_eq!(output.status.code(), Some(0));
    let submitted = &platform.bodies()[0];
    assert_eq!(submitted["input"], json!({"n": 3, "topic": "tea"}));
    assert_eq!(submitted["workflow"]["steps"][0]["with"], json!({"prompt": "Write"}));
}

#[test]
fn run_detached_prints_the_id_alone() {
    let queued = run(1, "queued", "pending", "pending");
    let platform = Platform::expecting(vec![exchange("POST /v1/runs", 201, queued)]);
    let workflow = workflow_file("detached.yaml");
    let output = platform.aob(&["run", workflow.to_str().unwrap(), "--detach"]);
    assert_eq!((stdout(&output), stderr(&output)), ("r_1\n", ""));
}

#[test]
fn an_invalid_file_is_refused_before_anything_is_sent() {
    let platform = Platform::expecting(vec![]);
    let path = file("invalid.yaml", "name: notes\nsteps:\n  - id: draft\n    type: agents\n");
    let output = platform.aob(&["run", path.to_str().unwrap()]);
    let expected = format!(
        "{}:4: type `agents` is unknown; there are http, fanout, agent, approval\n",
        path.display()
    );
    assert_eq!(stderr(&output), expected);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn follow_tells_a_failed_run_by_its_exit_code() {
    let platform = Platform::expecting(vec![
        exchange("GET /v1/runs/r_1", 200, run(3, "running", "running", "pending")),
        exchange("GET /v1/runs/r_1?after=3&wait=20s", 200, run(4, "failed", "failed", "skipped")),
    ]);
    let output = platform.aob(&["follow", "r_1", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "");
    let printed: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(printed, run(4, "failed", "failed", "skipped"));
}

#[test]
fn follow_survives_a_restart_of_the_orchestrator() {
    let restarting = json!({"error": {"code": "stopping", "message": "shutting down"}});
    let platform = Platform::expecting(vec![
        exchange("GET /v1/runs/r_1", 200, run(3, "running", "running", "pending")),
        exchange("GET /v1/runs/r_1?after=3&wait=20s", 503, restarting),
        exchange(
            "GET /v1/runs/r_1?after=3&wait=20s",
            200,
            run(4, "cancelled", "skipped", "skipped"),
        ),
    ]);
    let output = platform.aob(&["follow", "r_1"]);
    assert_eq!(
        stderr(&output),
        "  draft     running\n\
         aob: shutting down (stopping, status 503); trying again\n\
         \x20 draft     skipped\n\
         \x20 sign-off  skipped\n\
         run r_1 cancelled\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn approve_says_who_and_why() {
    let approval = json!({"run_id": "r_1", "step_id": "sign-off", "status": "approved"});
    let platform =
        Platform::expecting(vec![exchange("POST /v1/approvals/r_1/sign-off", 200, approval)]);
    let output = platform.aob(&["approve", "r_1", "sign-off", "--by", "ada", "--comment", "fine"]);
    assert_eq!(stdout(&output), "r_1 sign-off approved by ada\n");
    assert_eq!(platform.bodies(), [json!({"decision": "approve", "by": "ada", "comment": "fine"})]);
}

#[test]
fn a_refused_decision_is_the_servers_words() {
    let decided = json!({"error": {"code": "decided", "message": "already approved by ada"}});
    let platform =
        Platform::expecting(vec![exchange("POST /v1/approvals/r_1/sign-off", 409, decided)]);
    let output = platform.aob(&["reject", "r_1", "sign-off", "--by", "bob"]);
    assert_eq!(stderr(&output), "aob: already approved by ada (decided, status 409)\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(platform.bodies()[0]["decision"], "reject");
}

#[test]
fn lists_are_lines() {
    let mut listed = run(5, "waiting", "succeeded", "waiting");
    listed.as_object_mut().unwrap().remove("workflow");
    let runs = json!({"runs": [listed]});
    let platform = Platform::expecting(vec![exchange("GET /v1/runs?status=waiting", 200, runs)]);
    let output = platform.aob(&["list", "--status", "waiting"]);
    assert_eq!(stdout(&output), "r_1  waiting      1/2 steps  2026-01-01T00:00:00Z\n");

    let approvals = json!({"approvals": [{
        "run_id": "r_1", "step_id": "sign-off", "message": "Publish?", "approvers": ["ada"],
        "status": "pending", "requested_at": "2026-01-01T00:00:01Z",
    }]});
    let platform =
        Platform::expecting(vec![exchange("GET /v1/approvals?status=pending", 200, approvals)]);
    let output = platform.aob(&["approvals"]);
    let expected = "r_1 sign-off  Publish?  (by ada, since 2026-01-01T00:00:01Z)\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn show_and_cancel() {
    let platform = Platform::expecting(vec![exchange(
        "GET /v1/runs/r_1",
        200,
        run(4, "failed", "failed", "skipped"),
    )]);
    let output = platform.aob(&["show", "r_1"]);
    assert!(stdout(&output).contains("status    failed: step `draft` failed\n"), "{output:?}");
    assert!(stdout(&output).contains("  draft     failed\n  sign-off  skipped\n"), "{output:?}");

    let cancelled = run(4, "cancelled", "skipped", "skipped");
    let platform = Platform::expecting(vec![exchange("POST /v1/runs/r_1/cancel", 200, cancelled)]);
    let output = platform.aob(&["cancel", "r_1"]);
    assert_eq!(stdout(&output), "run r_1 cancelled\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_unreachable_server_and_wrong_usage_have_their_own_exit_codes() {
    let nowhere = "http://127.0.0.1:1";
    let output = aob(nowhere, &["list"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).starts_with("aob: can't reach http://127.0.0.1:1: "), "{output:?}");
    assert_eq!(aob(nowhere, &["lsit"]).status.code(), Some(2));
    assert_eq!(aob("localhost", &["list"]).status.code(), Some(2));
    assert_eq!(aob(nowhere, &["run", "no-such-file.yaml"]).status.code(), Some(2));
    // Who decides is known neither from `--by` nor from USER.
    assert_eq!(aob(nowhere, &["approve", "r_1", "a"]).status.code(), Some(2));
}
