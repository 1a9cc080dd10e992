//! The phases of a turn and what each asks the model with.

use crate::template::Template;
use outcrop_api::bedrock_agent as api;
use outcrop_ports::InferenceConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
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

/// Work that a model of its own can be named for: a phase, or a summary of a conversation that outgrew the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelRole {
    /// [`Phase::PreProcessing`].
    PreProcessing,
    /// [`Phase::Orchestration`].
    Orchestration,
    /// [`Phase::KnowledgeBaseResponseGeneration`].
    KnowledgeBaseResponseGeneration,
    /// [`Phase::PostProcessing`].
    PostProcessing,
    /// [`Phase::RoutingClassifier`].
    RoutingClassifier,
    /// [`Phase::MemorySummarization`].
    MemorySummarization,
    /// What stands for the oldest turns of a conversation.
    ConversationSummary,
}

impl ModelRole {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 7] = [
        ("pre-processing", Self::PreProcessing),
        ("orchestration", Self::Orchestration),
        ("knowledge-base-response-generation", Self::KnowledgeBaseResponseGeneration),
        ("post-processing", Self::PostProcessing),
        ("routing-classifier", Self::RoutingClassifier),
        ("memory-summarization", Self::MemorySummarization),
        ("conversation-summary", Self::ConversationSummary),
    ];

    /// The work of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, role)| *role)
    }

    /// The phase that it is, where it is one.
    pub fn phase(self) -> Option<Phase> {
        Some(match self {
            Self::PreProcessing => Phase::PreProcessing,
            Self::Orchestration => Phase::Orchestration,
            Self::KnowledgeBaseResponseGeneration => Phase::KnowledgeBaseResponseGeneration,
            Self::PostProcessing => Phase::PostProcessing,
            Self::RoutingClassifier => Phase::RoutingClassifier,
            Self::MemorySummarization => Phase::MemorySummarization,
            Self::ConversationSummary => return None,
        })
    }
}

/// Models that are asked in place of the agent's, by what they are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhaseModels(BTreeMap<ModelRole, Arc<str>>);

impl PhaseModels {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The model for this work.
    pub fn get(&self, role: ModelRole) -> Option<&Arc<str>> {
        self.0.get(&role)
    }

    /// The model for a phase.
    pub fn of_phase(&self, phase: Phase) -> Option<&Arc<str>> {
        self.0.iter().find(|(role, _)| role.phase() == Some(phase)).map(|(_, model)| model)
    }

    /// Names the model for this work.
    pub fn set(&mut self, role: ModelRole, model: Arc<str>) {
        self.0.insert(role, model);
    }

    /// The models, each with what it is for.
    pub fn iter(&self) -> impl Iterator<Item = (ModelRole, &Arc<str>)> {
        self.0.iter().map(|(role, model)| (*role, model))
    }

    /// These, and where they name none, the others.
    #[must_use]
    pub fn over(&self, others: &Self) -> Self {
        let mut both = others.clone();
        both.0.extend(self.0.clone());
        both
    }

    /// What holds for an agent: those that are named for it, then those of its own prompts, then the operator's.
    #[must_use]
    pub fn of_agent(&self, prompts: &PhasePrompts, operator: &Self) -> Self {
        let own = |role: ModelRole| role.phase().is_some_and(|phase| prompts.get(phase).foundation_model.is_some());
        let mut all: Self =
            operator.0.iter().filter(|(role, _)| !own(**role)).map(|(role, id)| (*role, id.clone())).collect();
        all.0.extend(self.0.clone());
        all
    }
}

impl FromIterator<(ModelRole, Arc<str>)> for PhaseModels {
    fn from_iter<I: IntoIterator<Item = (ModelRole, Arc<str>)>>(models: I) -> Self {
        Self(models.into_iter().collect())
    }
}
