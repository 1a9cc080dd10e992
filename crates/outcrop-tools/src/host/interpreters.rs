//! Where the machine's interpreters really are.

use crate::failure::Failure;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::OnceCell;

/// How long an interpreter may take to say where it is.
const ASK_TIMEOUT: Duration = Duration::from_secs(20);

/// One interpreter, found when it is first needed.
///
/// The command as the operator knows it may be a shim of a version manager, which needs the operator's own environment;
/// functions do not inherit that. So the interpreter is asked once, with our environment, for its real place.
#[derive(Debug)]
pub(super) struct Interpreter {
    command: PathBuf,
    question: &'static [&'static str],
    place: OnceCell<PathBuf>,
}

impl Interpreter {
    pub(super) fn python(command: PathBuf) -> Self {
        Self { command, question: &["-I", "-S", "-c", "import sys; print(sys.executable)"], place: OnceCell::new() }
    }

    pub(super) fn node(command: PathBuf) -> Self {
        Self { command, question: &["-p", "process.execPath"], place: OnceCell::new() }
    }

    /// Its absolute path. Fails when it is not there or does not run, and is asked again the next time.
    pub(super) async fn place(&self) -> Result<&Path, Failure> {
        self.place.get_or_try_init(|| self.ask()).await.map(PathBuf::as_path)
    }

    async fn ask(&self) -> Result<PathBuf, Failure> {
        let failed = |problem: String| {
            Failure::unreachable(
                "cannot be run because its interpreter is missing on this machine",
                format!("{}: {problem}", self.command.display()),
            )
        };
        let output = Command::new(&self.command).args(self.question).stdin(Stdio::null()).kill_on_drop(true).output();
        let output = tokio::time::timeout(ASK_TIMEOUT, output)
            .await
            .map_err(|_| failed("did not answer".into()))?
            .map_err(|error| failed(error.to_string()))?;
        let path = PathBuf::from(OsStr::from_bytes(output.stdout.trim_ascii()));
        if output.status.success() && path.is_absolute() {
            return Ok(path);
        }
        Err(failed(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())))
    }
}
