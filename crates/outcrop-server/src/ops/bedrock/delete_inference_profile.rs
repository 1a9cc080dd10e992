//! DeleteInferenceProfile: lets go of a profile of one's own. What it cost stays on the bill.

use super::inference_profiles;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use outcrop_store::Kind;

pub(super) async fn delete_inference_profile(
    cx: OpContext,
    req: api::DeleteInferenceProfileRequest,
) -> OpResult<api::DeleteInferenceProfileResponse> {
    let Some(id) = inference_profiles::application_id(&cx, &req.inference_profile_identifier) else {
        return Err(errors::not_found());
    };
    let (id, arn) = (id.to_owned(), cx.arn(&format!("application-inference-profile/{id}")));
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        if !tx.delete(Kind::InferenceProfile, "", &id)? {
            return Err(errors::not_found());
        }
        tx.delete_tags(&arn)?;
        Ok(api::DeleteInferenceProfileResponse {})
    };
    cx.store.write::<_, ApiError, _>(work).await
}
