//! Layers as they are stored: zip files beside those of functions, under numbers that are not used again.

use super::code::KeptCode;
use super::errors;
use crate::App;
use crate::errors::{ApiError, OpResult};
use outcrop_api::lambda as api;
use outcrop_store::{Kind, ReadTx};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Most layers of a function: Lambda's.
const LAYERS_MAX: usize = 5;

/// A layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) next_version: i64,
}

/// A version of a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LayerVersion {
    pub(super) name: String,
    /// Of the version.
    pub(super) arn: String,
    pub(super) code: KeptCode,
    /// What lists tell of it.
    pub(super) item: api::LayerVersionsListItem,
}

/// Whether a version is for what somebody asks for; one that names nothing is for everything.
pub(super) fn is_for(
    item: &api::LayerVersionsListItem,
    runtime: Option<api::Runtime>,
    architecture: Option<api::Architecture>,
) -> bool {
    let names = |named: Option<&Vec<api::Runtime>>| {
        runtime.is_none_or(|wanted| named.is_some_and(|named| named.contains(&wanted)))
    };
    let architectures = item.compatible_architectures.as_ref();
    names(item.compatible_runtimes.as_ref())
        && architecture.is_none_or(|wanted| architectures.is_some_and(|named| named.contains(&wanted)))
}

/// ARN of a layer.
pub(super) fn arn(app: &App, name: &str) -> String {
    format!("arn:aws:lambda:{}:{}:layer:{name}", app.settings.region, app.settings.account_id)
}

/// The name in a name or ARN.
pub(super) fn bare_name(name_or_arn: &str) -> &str {
    name_or_arn.split_once(":layer:").map_or(name_or_arn, |(_, name)| name)
}

/// The id of a version: digits in the order of numbers.
pub(super) fn version_id(number: i64) -> String {
    format!("{number:012}")
}

/// A version of a layer.
pub(super) async fn find(app: &App, name: &str, number: i64) -> OpResult<LayerVersion> {
    let (layer, id) = (name.to_owned(), version_id(number));
    let found = app.store.read(move |tx| Ok::<_, ApiError>(tx.get(Kind::LayerVersion, &layer, &id)?)).await?;
    found.ok_or_else(|| errors::not_found("The resource you requested does not exist."))
}

/// The layers that a function is to have, by the ARNs of their versions.
pub(super) async fn find_all(app: &App, arns: Vec<String>) -> OpResult<Vec<LayerVersion>> {
    if arns.len() > LAYERS_MAX {
        return Err(errors::invalid(format!("A function has at most {LAYERS_MAX} layers.")));
    }
    let mut found: Vec<LayerVersion> = Vec::new();
    for arn in arns {
        let missing = || errors::invalid(format!("Layer version {arn} does not exist."));
        let (name, number) = bare_name(&arn).split_once(':').ok_or_else(missing)?;
        let number = number.parse().map_err(|_| missing())?;
        let layer = find(app, name, number).await.map_err(|error| match error.code {
            "ResourceNotFoundException" => missing(),
            _ => error,
        })?;
        if found.iter().any(|other| other.name == layer.name) {
            return Err(errors::invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function: {name}"
            )));
        }
        found.push(layer);
    }
    Ok(found)
}

/// All versions of a layer, newest first.
pub(super) fn versions(tx: &ReadTx<'_>, name: &str) -> OpResult<Vec<LayerVersion>> {
    let mut versions: Vec<LayerVersion> = tx.list_all(Kind::LayerVersion, name)?;
    versions.sort_by_key(|one| std::cmp::Reverse(one.item.version));
    Ok(versions)
}

/// All layers, by name.
pub(super) fn all(tx: &ReadTx<'_>) -> OpResult<Vec<Layer>> {
    let mut layers: Vec<Layer> = tx.list_all(Kind::Layer, "")?;
    layers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(layers)
}

/// Hashes of all their code.
pub(super) fn codes(tx: &ReadTx<'_>) -> OpResult<HashSet<String>> {
    let mut codes = HashSet::new();
    for layer in all(tx)? {
        codes.extend(versions(tx, &layer.name)?.into_iter().map(|version| version.code.hash));
    }
    Ok(codes)
}

/// What is told of a version's code.
pub(super) fn content(code: &KeptCode) -> api::LayerVersionContentOutput {
    api::LayerVersionContentOutput {
        code_sha256: Some(code.sha256.clone()),
        code_size: Some(code.bytes),
        ..api::LayerVersionContentOutput::default()
    }
}

/// A page of a list that is at hand: the marker is where the next begins.
pub(super) fn page<T>(
    mut all: Vec<T>,
    marker: Option<&str>,
    max_items: Option<i64>,
) -> OpResult<(Vec<T>, Option<String>)> {
    /// Items of a page when nothing is said: Lambda's.
    const PAGE_ITEMS: i64 = 50;
    let begin = marker.filter(|marker| !marker.is_empty()).map(str::parse::<usize>).transpose();
    let begin = begin.map_err(|_| errors::invalid("The Marker is not one that was given. Start again without it."))?;
    let begin = begin.unwrap_or(0).min(all.len());
    let mut rest = all.split_off(begin);
    let limit = usize::try_from(max_items.unwrap_or(PAGE_ITEMS)).unwrap_or(1).max(1);
    let next = (rest.len() > limit).then(|| (begin + limit).to_string());
    rest.truncate(limit);
    Ok((rest, next))
}
