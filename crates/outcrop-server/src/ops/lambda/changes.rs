//! Changes of functions, one after the other: the host hears of them in the order in which they are stored, and no code
//! is taken away between being written and being referred to.

use super::documents::{self, StoredFunction};
use super::{code, errors};
use crate::App;
use crate::errors::{self as common, OpResult};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Held by the change under way. One lock for the process is enough: deploying is rare and takes milliseconds.
static CHANGE: Mutex<()> = Mutex::const_new(());

/// Makes a change when its turn has come. It is not broken off when the caller goes away: store and host would differ.
pub(super) async fn one_at_a_time<T, A>(app: &Arc<App>, change: impl FnOnce(Arc<App>) -> A) -> OpResult<T>
where
    T: Send + 'static,
    A: Future<Output = OpResult<T>> + Send + 'static,
{
    let work = change(app.clone());
    let task = app.turns.spawn(async move {
        let _turn = CHANGE.lock().await;
        work.await
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a change of a function broke off");
        Err(common::internal())
    })
}

/// Gives a new function to the host and stores it with its tags. On an error everything is as it was before.
pub(super) async fn add(app: &App, function: StoredFunction, tags: BTreeMap<String, String>) -> OpResult<()> {
    put(app, function, tags).await
}

/// Gives a changed function to the host and stores it; code that it had before is removed when nothing else uses it. On
/// an error everything is as it was before.
pub(super) async fn replace(app: &App, function: StoredFunction, code_before: &str) -> OpResult<()> {
    put(app, function, BTreeMap::new()).await?;
    code::remove_unused(app, code_before).await;
    Ok(())
}

async fn put(app: &App, function: StoredFunction, tags: BTreeMap<String, String>) -> OpResult<()> {
    let (name, code) = (function.name.clone(), function.code.clone());
    // The host comes first because it may say no.
    let deployed = app.functions.deploy(function.deployment(&app.settings.functions_dir)).map_err(errors::invalid);
    let stored = match deployed {
        Ok(()) => documents::put(app, function, tags).await,
        Err(error) => Err(error),
    };
    if stored.is_err() {
        set_back(app, &name).await;
        code::remove_unused(app, &code).await;
    }
    stored
}

/// Brings the host to what is stored.
async fn set_back(app: &App, name: &str) {
    match documents::find(app, name).await {
        Ok(Some(stored)) => {
            if let Err(reason) = app.functions.deploy(stored.deployment(&app.settings.functions_dir)) {
                tracing::error!(function = name, reason, "a stored function cannot run");
            }
        }
        Ok(None) => app.functions.remove(name),
        // The store is out of order, which is logged; the next start brings the host to what is stored.
        Err(_) => {}
    }
}
