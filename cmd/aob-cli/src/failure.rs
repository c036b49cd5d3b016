//! Why a command came to nothing, and the exit code that says so.

use std::fmt;
use std::io;

use crate::definition::Problem;

#[derive(Debug)]
pub enum Failure {
    /// What was typed makes no sense, beyond what the command line's grammar tells.
    Usage(String),
    InvalidFile {
        path: String,
        problems: Vec<Problem>,
    },
    Unreachable {
        url: String,
        reason: String,
    },
    /// The server answered, with an error.
    Refused {
        status: u16,
        code: String,
        message: String,
    },
    /// The server answered something the contract doesn't know.
    Unreadable {
        url: String,
        reason: String,
    },
    Output(io::Error),
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::InvalidFile { .. } => 2,
            Self::Refused { code, .. } if code == "invalid_workflow" => 2,
            Self::Unreachable { .. } => 3,
            // Whoever read our output has read enough, as in `aob list | head -1`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Refused { .. } | Self::Unreadable { .. } | Self::Output(_) => 1,
        }
    }

    /// Whether the same request may succeed in a moment, as when a server restarts.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { status: 502..=504, .. })
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => write!(f, "aob: {message}"),
            Self::InvalidFile { path, problems } => {
                let lines: Vec<_> = problems.iter().map(|found| found.in_file(path)).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::Unreachable { url, reason } => write!(f, "aob: can't reach {url}: {reason}"),
            Self::Refused { status, code, message } => {
                write!(f, "aob: {message} ({code}, status {status})")
            }
            Self::Unreadable { url, reason } => {
                write!(f, "aob: {url} answered something else than expected: {reason}")
            }
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Self::Output(error) => write!(f, "aob: can't write: {error}"),
        }
    }
}
