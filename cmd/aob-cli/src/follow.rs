//! Watching a run to its end.

use std::thread::sleep;
use std::time::Duration;

use crate::failure::Failure;
use crate::run::{Run, Step};
use crate::server::{Orchestrator, Snapshot};
use crate::terminal::Terminal;

/// A run outlives a restart of the orchestrator, so following it should, too: 16 s in all.
const PAUSES_MS: [u64; 6] = [250, 750, 1000, 2000, 4000, 8000];
/// Keeps us from asking without end when a server answers at once without anything new.
const UNCHANGED_PAUSE: Duration = Duration::from_millis(200);

/// Return the run as it ended; its steps are told on the way unless `quiet`.
pub fn follow(
    orchestrator: &Orchestrator,
    first: Snapshot,
    quiet: bool,
    terminal: &mut Terminal,
) -> Result<Snapshot, Failure> {
    let mut current = first;
    if !quiet {
        tell_changes(None, &current.run, terminal);
    }
    while !current.run.has_ended() {
        let next = patiently_next(orchestrator, &current.run, terminal)?;
        if next.run.version <= current.run.version {
            sleep(UNCHANGED_PAUSE);
            continue;
        }
        if !quiet {
            tell_changes(Some(&current.run), &next.run, terminal);
        }
        current = next;
    }
    Ok(current)
}

fn patiently_next(
    orchestrator: &Orchestrator,
    run: &Run,
    terminal: &mut Terminal,
) -> Result<Snapshot, Failure> {
    let mut answer = orchestrator.run_after(&run.id, run.version);
    for pause_ms in PAUSES_MS {
        match answer {
            Err(failure) if failure.is_transient() => {
                terminal.note(&format!("{failure}; trying again"));
                sleep(Duration::from_millis(pause_ms));
                answer = orchestrator.run_after(&run.id, run.version);
            }
            _ => break,
        }
    }
    answer
}

fn tell_changes(before: Option<&Run>, run: &Run, terminal: &mut Terminal) {
    let width = run.steps.keys().map(String::len).max().unwrap_or(0);
    for (id, step) in run.changed_steps(before) {
        let state = terminal.state_in_note(&step.state, 0);
        terminal.note(&format!("  {id:width$}  {state}{}", remark(run, id, step)));
    }
}

fn remark(run: &Run, id: &str, step: &Step) -> String {
    let mut remarks = Vec::new();
    if step.attempt > 1 {
        remarks.push(format!(", attempt {}", step.attempt));
    }
    if let Some(error) = step.error.as_deref().filter(|error| !error.is_empty()) {
        remarks.push(format!(": {error}"));
    }
    if let (Some(question), "waiting") = (run.question(id), step.state.as_str()) {
        remarks.push(format!(": {question} (aob approve {} {id})", run.id));
    }
    remarks.concat()
}
