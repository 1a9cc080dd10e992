//! How many of what there may be. Settings, not walls: each has a generous default, and an error that names it.

use crate::errors::{self, OpResult};
use outcrop_store::StoreError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The section of the configuration, as errors name it.
const SECTION: &str = "quotas";

/// Declares the quotas: name, default, what is counted.
macro_rules! quotas {
    ($($(#[doc = $doc:literal])* $name:ident = $default:literal, $counted:literal;)*) => {
        /// Largest numbers of resources and of their parts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Quotas {
            $($(#[doc = $doc])* pub $name: usize,)*
        }

        impl Default for Quotas {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Quotas {
            $(
                #[doc = concat!("Refuses more ", $counted, " than `", stringify!($name), "` allows.")]
                pub(crate) fn $name(&self, count: usize) -> OpResult<()> {
                    within(count, self.$name, $counted, stringify!($name))
                }
            )*
        }
    };
}

quotas! {
    /// Agents of the account.
    agents = 1_000_000, "agents in the account";
    /// Action groups of an agent's draft.
    action_groups_per_agent = 200, "action groups of the agent";
    /// Action groups of an agent's draft that are enabled.
    enabled_action_groups_per_agent = 200, "enabled action groups of the agent";
    /// Functions and API operations in the enabled action groups of an agent.
    apis_per_agent = 2_000, "enabled APIs and functions of the agent";
    /// Functions in the function schema of one action group.
    functions_per_action_group = 500, "functions in the action group";
    /// Parameters of one function.
    parameters_per_function = 100, "parameters of the function";
    /// Collaborators of an agent's draft.
    collaborators_per_agent = 100, "collaborators of the agent";
    /// Knowledge bases of an agent's draft.
    knowledge_bases_per_agent = 100, "knowledge bases of the agent";
    /// Aliases of an agent, its test alias left out.
    aliases_per_agent = 1_000, "aliases of the agent";
    /// Versions of an agent.
    versions_per_agent = 10_000, "versions of the agent";
    /// Prompts of the account.
    prompts = 1_000_000, "prompts in the account";
    /// Versions of a prompt.
    versions_per_prompt = 10_000, "versions of the prompt";
    /// Guardrails of the account.
    guardrails = 1_000_000, "guardrails in the account";
    /// Versions of a guardrail.
    versions_per_guardrail = 10_000, "versions of the guardrail";
    /// Invocations in a session of the session store.
    invocations_per_session = 1_000_000, "invocations in the session";
    /// Steps in a session of the session store, over all its invocations.
    steps_per_session = 10_000_000, "invocation steps in the session";
    /// Tags of a resource.
    tags_per_resource = 50, "tags of the resource";
}

/// Parameters of a function are told with their place.
pub(crate) fn at(place: &str, refused: OpResult<()>) -> OpResult<()> {
    refused.map_err(|mut error| {
        error.message = format!("{place}: {}", error.message);
        error
    })
}

fn within(count: usize, limit: usize, counted: &str, setting: &str) -> OpResult<()> {
    if count <= limit {
        return Ok(());
    }
    Err(errors::quota_exceeded(format!(
        "Number of {counted} exceeded limit: at most {limit} are allowed. Delete what is not needed, or raise {SECTION}.{setting} in the configuration of the server."
    )))
}

/// How many resources of a kind there are in the account, at most: counting them all for each new one would make creating
/// them slower the more there are. Only this process makes any in its store.
#[derive(Default)]
pub(crate) struct ResourceCount {
    /// One more than a number that is not exceeded; 0 when nothing is known yet.
    at_most: AtomicUsize,
}

impl ResourceCount {
    /// Makes room for one more; counts when what is known does not say that there is. `check` refuses a number that is
    /// too high. To be called where the resources are written, one after another.
    pub(crate) fn admit(
        &self,
        check: impl Fn(usize) -> OpResult<()>,
        count: impl FnOnce() -> Result<usize, StoreError>,
    ) -> OpResult<()> {
        let known = self.at_most.load(Ordering::Relaxed).checked_sub(1).filter(|known| check(known + 1).is_ok());
        let there_are = match known {
            Some(known) => known,
            None => count()?,
        };
        check(there_are + 1)?;
        // One that is then not made after all leaves the number too high, which the next count mends.
        self.at_most.store(there_are + 2, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_counted_only_when_it_matters() {
        let quotas = Quotas { agents: 3, ..Quotas::default() };
        let known = ResourceCount::default();
        let check = |count| quotas.agents(count);
        let never = || -> Result<usize, StoreError> { panic!("there is no need to count") };
        known.admit(check, || Ok(1)).unwrap();
        known.admit(check, never).unwrap();
        let error = known.admit(check, || Ok(3)).unwrap_err();
        assert_eq!(error.code, "ServiceQuotaExceededException");
        assert!(error.message.contains("at most 3") && error.message.contains("quotas.agents"), "{}", error.message);
        // Some went meanwhile.
        known.admit(check, || Ok(1)).unwrap();
        known.admit(check, never).unwrap();
        assert!(known.admit(check, || Ok(3)).is_err());
    }
}
