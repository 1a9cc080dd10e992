//! ListInferenceProfiles: one's own profiles, last changed first, then those of the system.

use super::foundation_models;
use super::inference_profiles::{self, StoredProfile};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use crate::ops::bedrock_agent::paging;
use outcrop_api::bedrock as api;
use outcrop_store::{Kind, ReadTx};

/// Begins a token that goes on among the profiles of the system.
const OF_SYSTEM: &str = "system-";

pub(super) async fn list_inference_profiles(
    cx: OpContext,
    req: api::ListInferenceProfilesRequest,
) -> OpResult<api::ListInferenceProfilesResponse> {
    let limit = paging::limit(req.max_results);
    let token = req.next_token.as_deref();
    let begins_at = token.and_then(|token| token.strip_prefix(OF_SYSTEM));
    let begins_at = begins_at.map(|at| at.parse::<usize>().map_err(|_| errors::bad_token())).transpose()?;
    let wants = |kind| req.type_equals.is_none_or(|wanted| wanted == kind);
    let (mut page, mut next_token) = (Vec::new(), None);
    if begins_at.is_none() && wants(api::InferenceProfileType::Application) {
        let (max_results, token) = (i64::try_from(limit).ok(), req.next_token.clone());
        let work = move |tx: &ReadTx<'_>| {
            paging::page::<StoredProfile>(tx, Kind::InferenceProfile, "", max_results, token.as_deref())
        };
        let (own, next) = cx.store.read::<_, ApiError, _>(work).await?;
        page.extend(own.into_iter().map(|stored| inference_profiles::summary(stored.profile)));
        next_token = next;
    }
    if next_token.is_none() && wants(api::InferenceProfileType::SystemDefined) {
        let (profiles, at) = (foundation_models::system_profiles(&cx), begins_at.unwrap_or(0));
        let end = at.saturating_add(limit - page.len().min(limit)).min(profiles.len());
        page.extend(profiles.get(at..end).unwrap_or_default().iter().cloned());
        next_token = (end < profiles.len()).then(|| format!("{OF_SYSTEM}{end}"));
    }
    Ok(api::ListInferenceProfilesResponse { inference_profile_summaries: Some(page), next_token })
}
