//! The phases of a turn and what each asks the model with.

use crate::template::Template;
use outcrop_api::bedrock_agent as api;
use outcrop_ports::InferenceConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A phase: one kind of model call, with a prompt of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Before everything: may the request be worked on?
    PreProcessing,
    /// The loop: tools, then an answer.
    Orchestration,
    /// An answer from search results.
    KnowledgeBaseResponseGeneration,
    /// After everything: the answer as the user reads it.
    PostProcessing,
    /// Which collaborator the request is for.
    RoutingClassifier,
    /// What is remembered of a session.
    MemorySummarization,
}

impl Phase {
    /// All of them, in the order in which an agent shows them.
    pub const ALL: [Self; 6] = [
        Self::PreProcessing,
        Self::Orchestration,
        Self::KnowledgeBaseResponseGeneration,
        Self::PostProcessing,
        Self::RoutingClassifier,
        Self::MemorySummarization,
    ];

    /// Its name on the wire, which is the same on both services and in what parsers are told.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreProcessing => "PRE_PROCESSING",
            Self::Orchestration => "ORCHESTRATION",
            Self::KnowledgeBaseResponseGeneration => "KNOWLEDGE_BASE_RESPONSE_GENERATION",
            Self::PostProcessing => "POST_PROCESSING",
            Self::RoutingClassifier => "ROUTING_CLASSIFIER",
            Self::MemorySummarization => "MEMORY_SUMMARIZATION",
        }
    }

    /// As the control plane names it.
    pub fn prompt_type(self) -> api::PromptType {
        match self {
            Self::PreProcessing => api::PromptType::PreProcessing,
            Self::Orchestration => api::PromptType::Orchestration,
            Self::KnowledgeBaseResponseGeneration => api::PromptType::KnowledgeBaseResponseGeneration,
            Self::PostProcessing => api::PromptType::PostProcessing,
            Self::RoutingClassifier => api::PromptType::RoutingClassifier,
            Self::MemorySummarization => api::PromptType::MemorySummarization,
        }
    }
}

/// What a phase asks the model with, compiled.
#[derive(Clone, Debug)]
pub struct PhasePrompt {
    /// Whether the phase takes place. An orchestration that does not is the user's words to the model, bare.
    pub enabled: bool,
    /// Whether the template is the author's; else it is ours.
    pub is_overridden: bool,
    /// The prompt with its placeholders.
    pub template: Arc<Template>,
    /// Sampling settings.
    pub inference: InferenceConfig,
    /// Members passed through to the provider.
    pub additional_fields: Option<Map<String, Value>>,
    /// ARN of the function that reads the model's replies in our place.
    pub parser: Option<Arc<str>>,
    /// Model for this phase in place of the agent's.
    pub foundation_model: Option<Arc<str>>,
}

/// The prompts of all phases.
#[derive(Clone, Debug)]
pub struct PhasePrompts {
    /// In the order of [`Phase::ALL`].
    pub(crate) all: [PhasePrompt; 6],
}

impl PhasePrompts {
    /// Our own prompts, with the author's settings of the orchestration.
    pub(crate) fn under_first_rules(&self) -> Self {
        let mut first = crate::prepare::prompts::own();
        let written = self.get(Phase::Orchestration);
        let orchestration = &mut first.all[Phase::Orchestration as usize];
        orchestration.inference = written.inference.clone();
        orchestration.additional_fields.clone_from(&written.additional_fields);
        first
    }

    /// The prompt of a phase.
    pub fn get(&self, phase: Phase) -> &PhasePrompt {
        &self.all[phase as usize]
    }
}
