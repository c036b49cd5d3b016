use std::io::{stderr, stdout};
use std::process::ExitCode;

use aob::arguments::Arguments;
use aob::terminal::Terminal;
use clap::Parser;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (mut out, mut err) = (stdout().lock(), stderr().lock());
    let mut terminal = Terminal::of_process(&mut out, &mut err);
    match aob::commands::execute(arguments, &mut terminal) {
        Ok(ending) => ending.into(),
        Err(failure) => {
            terminal.note(&failure.to_string());
            failure.exit_code().into()
        }
    }
}
