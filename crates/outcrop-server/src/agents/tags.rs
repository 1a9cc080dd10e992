//! Tags, and the ones that carry settings AWS has no field for.

use super::controls::{self, Controls};
use crate::errors::{self, OpResult};
use crate::quotas::Quotas;
use outcrop_store::{ReadTx, Tx};
use std::collections::BTreeMap;

/// Tags with this prefix are settings.
const SETTING_PREFIX: &str = "outcrop:";
/// How the tags that name models are told.
const MODEL_TAGS: &str = "outcrop:model.PHASE";
/// Further names of a resource, separated by spaces.
pub const NAMES: &str = "outcrop:names";

/// Checks tags that are to be set.
pub fn check(tags: &BTreeMap<String, String>) -> OpResult<()> {
    for key in tags.keys() {
        let is_known =
            key == NAMES || controls::TAGS.contains(&key.as_str()) || key.starts_with(controls::MODEL_PREFIX);
        if key.starts_with(SETTING_PREFIX) && !is_known {
            let known =
                [NAMES].iter().chain(&controls::TAGS).chain(&[MODEL_TAGS]).copied().collect::<Vec<_>>().join(", ");
            return Err(errors::invalid_field(
                "tags",
                format!(
                    "The tag {key} is not known. Tags that begin with {SETTING_PREFIX} are settings of Outcrop: {known}."
                ),
            ));
        }
        if key.starts_with("aws:") {
            return Err(errors::invalid_field(
                "tags",
                format!("The tag {key} is reserved: keys must not begin with aws:."),
            ));
        }
    }
    Controls::of_tags(tags).map(drop)
}

/// Sets checked tags.
pub fn set(tx: &mut Tx<'_>, quotas: &Quotas, arn: &str, tags: &BTreeMap<String, String>) -> OpResult<()> {
    if tags.is_empty() {
        return Ok(());
    }
    tx.set_tags(arn, tags)?;
    quotas.tags_per_resource(tx.tags(arn)?.len())
}

/// ARNs of the resources that a tag gives this name.
pub fn named(tx: &ReadTx<'_>, name: &str) -> OpResult<Vec<String>> {
    let tagged = tx.find_tagged(NAMES)?;
    let has_name = |names: &str| names.split_ascii_whitespace().any(|one| one == name);
    Ok(tagged.into_iter().filter(|(_, names)| has_name(names)).map(|(arn, _)| arn).collect())
}
