//! The commands, each from arguments to output.

use std::fs;

use serde_json::{Map, Value};

use crate::arguments::{Arguments, Command, DecisionArguments, Options, RunArguments};
use crate::definition;
use crate::document::Document;
use crate::failure::Failure;
use crate::follow::follow;
use crate::run::Run;
use crate::server::{Decision, Hitl, Orchestrator, Snapshot};
use crate::terminal::{Ending, Terminal};

pub fn execute(arguments: Arguments, terminal: &mut Terminal) -> Result<Ending, Failure> {
    let Arguments { command, options } = arguments;
    let orchestrator = Orchestrator::at(&options.orchestrator);
    match command {
        Command::Run(run) => submit(&orchestrator, run, &options, terminal),
        Command::Follow { run } => {
            let first = orchestrator.run(&run)?;
            follow_to_end(&orchestrator, first, &options, terminal)
        }
        Command::List { status } => list(&orchestrator, status.as_deref(), &options, terminal),
        Command::Show { run } => show(&orchestrator.run(&run)?, &options, terminal),
        Command::Approve(decision) => decide("approve", &decision, &options, terminal),
        Command::Reject(decision) => decide("reject", &decision, &options, terminal),
        Command::Approvals => approvals(&options, terminal),
        Command::Cancel { run } => cancel(&orchestrator, &run, &options, terminal),
    }
}

fn submit(
    orchestrator: &Orchestrator,
    arguments: RunArguments,
    options: &Options,
    terminal: &mut Terminal,
) -> Result<Ending, Failure> {
    let workflow = read_workflow(&arguments, terminal)?;
    let input: Map<String, Value> = arguments.inputs.into_iter().collect();
    let started = orchestrator.submit(&workflow, &Value::Object(input))?;
    if !arguments.detach {
        if !options.json {
            terminal.note(&format!("run {} started", started.run.id));
        }
        return follow_to_end(orchestrator, started, options, terminal);
    }
    if options.json {
        terminal.print(&started.json.to_string())?;
    } else {
        terminal.print(&started.run.id)?;
    }
    Ok(Ending::Good)
}

fn read_workflow(arguments: &RunArguments, terminal: &mut Terminal) -> Result<Value, Failure> {
    let path = arguments.file.display().to_string();
    let text = fs::read_to_string(&arguments.file)
        .map_err(|error| Failure::Usage(format!("can't read `{path}`: {error}")))?;
    let is_json = arguments.file.extension().is_some_and(|extension| extension == "json");
    let document = if is_json { Document::from_json(&text) } else { Document::from_yaml(&text) };
    let document = document
        .map_err(|problem| Failure::InvalidFile { path: path.clone(), problems: vec![problem] })?;
    let findings = definition::check(&document);
    for doubt in &findings.doubts {
        terminal.note(&format!("{} (continuing)", doubt.in_file(&path)));
    }
    if findings.problems.is_empty() {
        return Ok(document.value);
    }
    Err(Failure::InvalidFile { path, problems: findings.problems })
}

fn follow_to_end(
    orchestrator: &Orchestrator,
    first: Snapshot,
    options: &Options,
    terminal: &mut Terminal,
) -> Result<Ending, Failure> {
    let last = follow(orchestrator, first, options.json, terminal)?;
    if options.json {
        terminal.print(&last.json.to_string())?;
    } else {
        let status = terminal.state_in_note(&last.run.status, 0);
        terminal.note(&format!("run {} {status}{}", last.run.id, because(&last.run)));
        print_output(&last.run, terminal)?;
    }
    Ok(if last.run.status == "succeeded" { Ending::Good } else { Ending::Bad })
}

fn list(
    orchestrator: &Orchestrator,
    status: Option<&str>,
    options: &Options,
    terminal: &mut Terminal,
) -> Result<Ending, Failure> {
    let json = orchestrator.runs(status)?;
    if options.json {
        terminal.print(&json.to_string())?;
        return Ok(Ending::Good);
    }
    let runs = orchestrator.read_runs(&json)?;
    let width = runs.iter().map(|run| run.id.len()).max().unwrap_or(0);
    for run in &runs {
        let finished = format!("{}/{}", run.finished_steps(), run.steps.len());
        let (id, created_at) = (&run.id, &run.created_at);
        let status = terminal.state_in_print(&run.status, 9);
        terminal.print(&format!("{id:width$}  {status}  {finished:>5} steps  {created_at}"))?;
    }
    if runs.is_empty() {
        terminal.note("no runs");
    }
    Ok(Ending::Good)
}

fn show(
    snapshot: &Snapshot,
    options: &Options,
    terminal: &mut Terminal,
) -> Result<Ending, Failure> {
    if options.json {
        terminal.print(&snapshot.json.to_string())?;
        return Ok(Ending::Good);
    }
    let run = &snapshot.run;
    let status = terminal.state_in_print(&run.status, 0);
    terminal.print(&format!("run       {}\nworkflow  {}", run.id, run.workflow.name))?;
    terminal.print(&format!("status    {status}{}", because(run)))?;
    terminal.print(&format!("created   {}\nupdated   {}", run.created_at, run.updated_at))?;
    let width = run.steps.keys().map(String::len).max().unwrap_or(0);
    for (id, step) in run.ordered_steps() {
        let state = terminal.state_in_print(&step.state, 9);
        let error = step.error.as_deref().unwrap_or_default();
        terminal.print(format!("  {id:width$}  {state}  {error}").trim_end())?;
    }
    print_output(run, terminal)?;
    Ok(Ending::Good)
}

fn decide(
    decision: &'static str,
    arguments: &DecisionArguments,
    options: &Options,
    terminal: &mut Terminal,
) -> Result<Ending, Failure> {
    let DecisionArguments { run, step, by, comment } = arguments;
    let hitl = Hitl::at(&options.hitl);
    let json = hitl.decide(run, step, &Decision { decision, by, comment })?;
    if options.json {
        terminal.print(&json.to_string())?;
    } else {
        let approval = hitl.read_approval(&json)?;
        let status = terminal.state_in_print(&approval.status, 0);
        terminal.print(&format!("{} {} {status} by {by}", approval.run_id, approval.step_id))?;
    }
    Ok(Ending::Good)
}

fn approvals(options: &Options, terminal: &mut Terminal) -> Result<Ending, Failure> {
    let hitl = Hitl::at(&options.hitl);
    let json = hitl.pending()?;
    if options.json {
        terminal.print(&json.to_string())?;
        return Ok(Ending::Good);
    }
    let approvals = hitl.read_approvals(&json)?;
    for approval in &approvals {
        let by = match approval.approvers.as_deref() {
            None | Some([]) => "anybody".to_owned(),
            Some(names) => names.join(", "),
        };
        let (run, step, message) = (&approval.run_id, &approval.step_id, &approval.message);
        terminal.print(&format!(
            "{run} {step}  {message}  (by {by}, since {})",
            approval.requested_at
        ))?;
    }
    if approvals.is_empty() {
        terminal.note("nothing waits for approval");
    }
    Ok(Ending::Good)
}

fn cancel(
    orchestrator: &Orchestrator,
    id: &str,
    options: &Options,
    terminal: &mut Terminal,
) -> Result<Ending, Failure> {
    let snapshot = orchestrator.cancel(id)?;
    if options.json {
        terminal.print(&snapshot.json.to_string())?;
    } else {
        let status = terminal.state_in_print(&snapshot.run.status, 0);
        terminal.print(&format!("run {} {status}", snapshot.run.id))?;
    }
    Ok(Ending::Good)
}

fn because(run: &Run) -> String {
    let error = run.error.as_deref().filter(|error| !error.is_empty());
    error.map(|error| format!(": {error}")).unwrap_or_default()
}

/// Texts as they are, so that they can be piped; anything else as JSON.
fn print_output(run: &Run, terminal: &mut Terminal) -> Result<(), Failure> {
    match &run.output {
        Value::Null => {}
        Value::String(text) => terminal.print(text)?,
        other => terminal.print(&format!("{other:#}"))?,
    }
    Ok(())
}
