//! `outcrop dev`: serves a folder's configuration, deploys its template, and deploys again when something is saved.

use crate::deploy::{self, DeployError, DeployOptions};
use crate::serve::{self, Failure, ServeOptions};
use notify::{RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long nothing must change before it is deployed: editors write in several steps.
const SETTLE: Duration = Duration::from_millis(150);

/// What `dev` is told.
#[derive(Clone, Debug)]
pub(crate) struct DevOptions {
    /// The folder with `template.yaml` and, if there is one, `outcrop.toml`.
    pub(crate) folder: PathBuf,
    /// How to serve.
    pub(crate) serve: ServeOptions,
    /// Parameters of the template.
    pub(crate) parameters: Vec<(String, String)>,
}

/// Serves until told to stop. `ready` is called when the first deployment is done.
pub(crate) async fn run(
    options: DevOptions,
    environment: &dyn Fn(&str) -> Option<String>,
    stop: CancellationToken,
    ready: impl FnOnce(&str),
) -> Result<(), Failure> {
    let template = template(&options.folder)?;
    let prepared = serve::prepare(&options.serve, environment, stop.clone()).await?;
    let endpoint = format!("http://{}", prepared.address);
    for note in &prepared.notes {
        tracing::info!("{note}");
    }
    let signer = prepared.signer.clone();
    let tasks = TaskTracker::new();
    let serving = tasks.spawn(prepared.run());
    tasks.close();
    let deployment = DeployOptions {
        template: template.clone(),
        endpoint: endpoint.clone(),
        signer,
        stack: stack_name(&options.folder),
        parameters: options.parameters,
        refresh_aliases: true,
        json: false,
        clock: std::sync::Arc::new(crate::ambient::SystemClock),
        ids: std::sync::Arc::new(crate::ambient::RandomIds),
    };
    // Watched from before the first deployment on: what is saved meanwhile is deployed after it.
    let watch = Watch::new(&template, options.serve.config.clone().unwrap_or(options.folder.join("outcrop.toml")));
    let deployed = tokio::select! {
        deployed = deploy_once(&deployment) => deployed,
        () = stop.cancelled() => Ok(()),
    };
    if let Err(error) = deployed {
        stop.cancel();
        let _ = serving.await;
        return Err(error);
    }
    ready(&endpoint);
    let watched = match watch {
        Ok(watch) => watch.redeploy(&deployment, &stop).await,
        Err(error) => Err(error),
    };
    if let Err(error) = watched {
        tracing::warn!(error, "changes are not watched: deploy again by hand");
        stop.cancelled().await;
    }
    let _ = serving.await;
    Ok(())
}

fn template(folder: &Path) -> Result<PathBuf, Failure> {
    let found = ["template.yaml", "template.yml", "template.json"]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        let folder = folder.display();
        Failure::Usage(format!(
            "{folder}: has no template.yaml; give a folder with a CloudFormation template, such as examples/support"
        ))
    })
}

/// A stack's name made from the folder's.
pub(crate) fn stack_name(folder: &Path) -> String {
    let full = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let clean = clean.trim_matches('-');
    if clean.starts_with(|c: char| c.is_ascii_alphabetic()) {
        clean.to_owned()
    } else {
        format!("dev-{clean}").trim_end_matches('-').to_owned()
    }
}

async fn deploy_once(options: &DeployOptions) -> Result<(), Failure> {
    let mut shown = Vec::new();
    let deployed = deploy::run(options.clone(), &mut shown).await;
    // Progress is for people: standard output carries the ready line alone.
    let _ = std::io::stderr().write_all(&shown);
    match deployed {
        Ok(_) => Ok(()),
        Err(error @ DeployError::Template(_)) => Err(Failure::Usage(error.to_string())),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

/// Sees what is saved.
struct Watch {
    template: PathBuf,
    watcher: notify::RecommendedWatcher,
    /// Watches as long as it lives.
    _configuration_watcher: notify::RecommendedWatcher,
    changes: mpsc::Receiver<()>,
    folders: BTreeSet<PathBuf>,
    configuration: Configuration,
}

/// The configuration file as it was when it was last looked at: it is read at the start only.
struct Configuration {
    path: PathBuf,
    content: Option<Vec<u8>>,
}

impl Watch {
    fn new(template: &Path, configuration: PathBuf) -> Result<Self, String> {
        // One place is enough: a change that finds it taken is told by the one that took it.
        let (changed, changes) = mpsc::channel(1);
        let configuration_watcher = watch_file(&configuration, changed.clone())?;
        let watcher = watcher(changed, is_source)?;
        let mut watch = Self {
            template: template.to_owned(),
            watcher,
            _configuration_watcher: configuration_watcher,
            changes,
            folders: BTreeSet::new(),
            configuration: Configuration::new(configuration),
        };
        watch.look()?;
        Ok(watch)
    }

    /// Watches what the template reads now.
    fn look(&mut self) -> Result<(), String> {
        for folder in folders(&self.template) {
            if self.folders.insert(folder.clone()) {
                let watched = self.watcher.watch(&folder, RecursiveMode::Recursive);
                watched.map_err(|error| format!("{}: {error}", folder.display()))?;
            }
        }
        Ok(())
    }

    /// Deploys again whenever something that the template reads has changed.
    async fn redeploy(mut self, deployment: &DeployOptions, stop: &CancellationToken) -> Result<(), String> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                change = self.changes.recv() => if change.is_none() { return Ok(()) },
            }
            loop {
                match tokio::time::timeout(SETTLE, self.changes.recv()).await {
                    Ok(Some(())) => {}
                    Ok(None) => return Ok(()),
                    Err(_) => break,
                }
            }
            if self.configuration.has_changed() {
                let name = self.configuration.path.file_name().unwrap_or_default().display();
                tracing::warn!("{name} has changed: restart to use it");
            }
            if let Err(Failure::Usage(message) | Failure::Failed(message)) = deploy_once(deployment).await {
                tracing::error!("{message}");
            }
            self.look()?;
        }
    }
}

impl Configuration {
    fn new(path: PathBuf) -> Self {
        let content = std::fs::read(&path).ok();
        Self { path, content }
    }

    /// Whether it differs from what it was when this was last asked.
    fn has_changed(&mut self) -> bool {
        let now = std::fs::read(&self.path).ok();
        let has_changed = now != self.content;
        self.content = now;
        has_changed
    }
}

/// Tells changes of the paths that matter.
fn watcher(
    changed: mpsc::Sender<()>,
    matters: impl Fn(&Path) -> bool + Send + 'static,
) -> Result<notify::RecommendedWatcher, String> {
    notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(|path| matters(path))) {
            let _ = changed.try_send(());
        }
    })
    .map_err(|error| error.to_string())
}

/// Watches one file, by its folder: editors replace files, and a watch of the file would be lost with it.
fn watch_file(file: &Path, changed: mpsc::Sender<()>) -> Result<notify::RecommendedWatcher, String> {
    let name = file.file_name().map(ToOwned::to_owned);
    let mut watcher = watcher(changed, move |path| path.file_name() == name.as_deref())?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let watched = watcher.watch(folder, RecursiveMode::NonRecursive);
    watched.map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(watcher)
}

/// The template's folder and what it reads elsewhere.
fn folders(template: &Path) -> Vec<PathBuf> {
    let own = template.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let mut folders = vec![own];
    for input in deploy::inputs(template) {
        let folder = if input.is_dir() { input } else { input.parent().unwrap_or(Path::new(".")).to_owned() };
        let is_inside = folders.iter().any(|other| folder.starts_with(other));
        if !is_inside {
            folders.push(folder);
        }
    }
    folders
}

/// Whether a change of this path can matter: not what running makes.
fn is_source(path: &Path) -> bool {
    let made = |part: &str| {
        part == ".outcrop" || part == "__pycache__" || part == ".git" || part.ends_with('~') || part.ends_with(".swp")
    };
    !path.components().any(|part| made(&part.as_os_str().to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_configuration_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outcrop.toml");
        let mut configuration = Configuration::new(path.clone());
        assert!(!configuration.has_changed());
        for content in ["a = 1", "a = 2"] {
            std::fs::write(&path, content).unwrap();
            assert_eq!([configuration.has_changed(), configuration.has_changed()], [true, false]);
        }
    }
}
