//! GetInferenceProfile: a profile of the system or one's own.

use super::inference_profiles;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock as api;

pub(super) async fn get_inference_profile(
    cx: OpContext,
    req: api::GetInferenceProfileRequest,
) -> OpResult<api::GetInferenceProfileResponse> {
    let app = cx.app.clone();
    let work =
        move |tx: &outcrop_store::ReadTx<'_>| inference_profiles::find(&app, tx, &req.inference_profile_identifier);
    cx.store.read::<_, ApiError, _>(work).await
}
