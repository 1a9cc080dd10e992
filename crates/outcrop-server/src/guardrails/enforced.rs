//! Guardrails that hold for all of the account, whatever a request or an agent names.

use super::apply::{Guard, Origin};
use crate::App;
use crate::errors::OpResult;
use outcrop_api::bedrock as api;
use outcrop_store::{Kind, ReadTx};

/// All configurations, the latest first.
pub fn all(tx: &ReadTx<'_>) -> OpResult<Vec<api::AccountEnforcedGuardrailOutputConfiguration>> {
    Ok(tx.list_all(Kind::EnforcedGuardrail, "")?)
}

/// The guardrails that are enforced for a model.
///
/// # Errors
/// Whatever keeps one from being applied: what is enforced is never passed over.
pub async fn for_model(app: &App, model_id: &str) -> OpResult<Vec<Guard>> {
    let configured = app.guardrails.enforced(app).await?;
    let mut guards = Vec::new();
    for one in configured.iter().filter(|one| concerns(one.model_enforcement.as_ref(), model_id)) {
        let id = one.guardrail_id.as_deref().unwrap_or_default();
        let version = one.guardrail_version.as_deref().unwrap_or_default();
        let compiled = app.guardrails.get(app, id, version).await?;
        guards.push(Guard { compiled, origin: Origin::Account });
    }
    Ok(guards)
}

/// Whether a configuration is for a model: one without a list is for all.
fn concerns(enforcement: Option<&api::ModelEnforcement>, model_id: &str) -> bool {
    let Some(enforcement) = enforcement else { return true };
    let id = model_id.rsplit('/').next().unwrap_or(model_id);
    let names = |list: &[String]| list.iter().any(|one| one == id || one == "ALL" || id.ends_with(&format!(".{one}")));
    names(&enforcement.included_models) && !names(&enforcement.excluded_models)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_models_are_concerned() {
        let check = |included: &[&str], excluded: &[&str], model: &str| {
            let list = |names: &[&str]| names.iter().map(ToString::to_string).collect();
            let enforcement =
                api::ModelEnforcement { included_models: list(included), excluded_models: list(excluded) };
            concerns(Some(&enforcement), model)
        };
        assert!(concerns(None, "a.b"));
        assert!(check(&["ALL"], &[], "a.b") && check(&["a.b"], &[], "us.a.b"));
        assert!(check(&["a.b"], &[], "arn:aws:bedrock:us-east-1::foundation-model/a.b"));
        assert!(!check(&["ALL"], &["a.b"], "us.a.b") && !check(&["a.b"], &[], "a.bc"));
    }
}
