//! Python environments under `target/`, made from a pinned requirements file and kept until that file changes.

use crate::command::{self, Outcome};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A ready environment.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// Makes or reuses `target/<name>` with what `requirements` pins. Needs the network only when the file changed.
    pub(crate) fn ensure(root: &Path, name: &str, requirements: &Path) -> Result<Self, String> {
        let venv = Self { folder: root.join("target").join(name) };
        let wanted =
            fs::read_to_string(requirements).map_err(|e| format!("cannot read {}: {e}", requirements.display()))?;
        let stamp = venv.folder.join("outcrop-requirements.txt");
        if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && venv.python().exists() {
            return Ok(venv);
        }
        command::say(&format!("making target/{name} from {}", command::shown(root, requirements)));
        venv.make(requirements)?;
        // Written last: an environment that broke off half-way has no stamp and is made again.
        fs::write(&stamp, wanted).map_err(|e| format!("cannot write {}: {e}", stamp.display()))?;
        Ok(venv)
    }

    /// Its Python.
    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// The folder its programs are in.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.join(if cfg!(windows) { "Scripts" } else { "bin" })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs().join(name)
    }

    fn make(&self, requirements: &Path) -> Outcome {
        command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.folder)).map_err(|e| {
            format!("{e}\n  python3 with its venv module is needed; on Debian: apt-get install python3-venv")
        })?;
        command::run(
            Command::new(self.python())
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
                .arg(requirements),
        )
    }
}
