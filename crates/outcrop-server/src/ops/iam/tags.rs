//! Tags of roles and policies; kept with them.

use super::errors;
use crate::errors::OpResult;
use outcrop_api::iam as api;

/// Most tags of a role or policy: IAM's limit.
const TAGS_MAX: usize = 50;

/// Adds tags to those there are; a key that is there, in whatever letters, gets the new value.
pub(super) fn add(tags: &mut Option<Vec<api::Tag>>, given: Vec<api::Tag>) -> OpResult<()> {
    let kept = tags.get_or_insert_default();
    for (at, tag) in given.iter().enumerate() {
        if given[..at].iter().any(|other| other.key.eq_ignore_ascii_case(&tag.key)) {
            return Err(errors::invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
    }
    for tag in given {
        kept.retain(|other| !other.key.eq_ignore_ascii_case(&tag.key));
        kept.push(tag);
    }
    if kept.len() > TAGS_MAX {
        return Err(errors::limit(format!("Cannot exceed quota for TagsPerResource: {TAGS_MAX}")));
    }
    Ok(())
}
