//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 the run failed or the server refused, 2 usage or an invalid file, \
     3 a server can't be reached";

/// Submits workflows, follows their runs, answers their approvals
#[derive(Debug, Parser)]
#[command(name = "aob", version, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Debug, Args)]
pub struct Options {
    /// Print the server's JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Where the orchestrator listens
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "ORCHESTRATOR_URL",
        default_value = "http://localhost:8081",
        value_parser = base_url
    )]
    pub orchestrator: String,
    /// Where hitl-worker listens
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "HITL_WORKER_URL",
        default_value = "http://localhost:8081",
        value_parser = base_url
    )]
    pub hitl: String,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Submit a workflow and follow its run to the end
    Run(RunArguments),
    /// Show a run's steps as they change, until it ends
    Follow { run: String },
    /// List runs, newest first
    List {
        /// Only runs that are queued, running, waiting, succeeded, failed or cancelled
        #[arg(long)]
        status: Option<String>,
    },
    /// Show a run as it is now
    Show { run: String },
    /// Let a waiting step go on
    Approve(DecisionArguments),
    /// Fail a waiting step
    Reject(DecisionArguments),
    /// List the steps that wait for somebody
    Approvals,
    /// End a run before its time
    Cancel { run: String },
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// A workflow definition; JSON when it's called *.json, else YAML
    pub file: PathBuf,
    /// An input; VALUE is taken as JSON when it is JSON, else as text
    #[arg(long = "input", value_name = "KEY=VALUE", value_parser = input)]
    pub inputs: Vec<(String, Value)>,
    /// Print the run's id and leave
    #[arg(long)]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub struct DecisionArguments {
    pub run: String,
    pub step: String,
    /// Who decides
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    pub by: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub comment: String,
}

fn base_url(text: &str) -> Result<String, String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err("a URL begins with http:// or https://".to_owned())
}

fn input(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("an input is written KEY=VALUE")?;
    if key.is_empty() {
        return Err("the key before `=` is empty".to_owned());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn inputs_are_json_when_they_can_be() {
        assert_eq!(input("n=3"), Ok(("n".to_owned(), json!(3))));
        assert_eq!(input("n=\"3\""), Ok(("n".to_owned(), json!("3"))));
        assert_eq!(input("url=http://a/?b=c"), Ok(("url".to_owned(), json!("http://a/?b=c"))));
        assert!(input("=3").is_err());
        assert!(input("n").is_err());
    }

    #[test]
    fn urls_lose_their_last_slash() {
        assert_eq!(base_url("http://here/"), Ok("http://here".to_owned()));
        assert!(base_url("localhost:8081").is_err());
    }
}
