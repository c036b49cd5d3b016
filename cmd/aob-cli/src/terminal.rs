//! Where output goes: data to stdout, everything else to stderr, colour only where a person looks.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// How a command that did its work ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    Good,
    /// The run failed or was cancelled.
    Bad,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Good => Self::SUCCESS,
            Ending::Bad => Self::FAILURE,
        }
    }
}

pub struct Terminal<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    coloured_out: bool,
    coloured_err: bool,
}

impl<'a> Terminal<'a> {
    pub fn of_process(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|value| value != "dumb");
        Self {
            out,
            err,
            coloured_out: wanted && io::stdout().is_terminal(),
            coloured_err: wanted && io::stderr().is_terminal(),
        }
    }

    /// Data: a line for whoever reads stdout.
    pub fn print(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Anything else. There is nobody to tell when stderr is closed.
    pub fn note(&mut self, text: &str) {
        if !text.is_empty() {
            let _ = writeln!(self.err, "{text}");
        }
    }

    pub fn state_in_print(&self, state: &str, width: usize) -> String {
        painted(state, width, self.coloured_out)
    }

    pub fn state_in_note(&self, state: &str, width: usize) -> String {
        painted(state, width, self.coloured_err)
    }
}

/// Filled up to `width` before it's coloured, since codes for colour take no room.
fn painted(state: &str, width: usize, coloured: bool) -> String {
    let filled = format!("{state:width$}");
    let colour = match state {
        "succeeded" | "approved" => 32,
        "failed" | "cancelled" | "rejected" | "expired" => 31,
        "waiting" => 33,
        "running" => 36,
        _ => 0,
    };
    if coloured && colour != 0 {
        return format!("\x1b[{colour}m{filled}\x1b[0m");
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::painted;

    #[test]
    fn colour_takes_no_room() {
        assert_eq!(painted("failed", 8, false), "failed  ");
        assert_eq!(painted("failed", 8, true), "\x1b[31mfailed  \x1b[0m");
        assert_eq!(painted("pending", 8, true), "pending ");
    }
}
