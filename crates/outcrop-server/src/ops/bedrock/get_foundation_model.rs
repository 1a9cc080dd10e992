//! GetFoundationModel: one of the models that are listed.

use super::foundation_models;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use std::future::{Ready, ready};

pub(super) fn get_foundation_model(
    cx: OpContext,
    req: api::GetFoundationModelRequest,
) -> Ready<OpResult<api::GetFoundationModelResponse>> {
    let not_found = || {
        ApiError::new(
            "ResourceNotFoundException",
            "Could not resolve the foundation model from the provided model identifier.",
        )
    };
    let found = foundation_models::find(&cx, &req.model_identifier).ok_or_else(not_found);
    ready(found.map(|details| api::GetFoundationModelResponse { model_details: Some(details) }))
}
