//! The placeholders there are.

use crate::phase::Phase;

macro_rules! placeholders {
    ($($(#[$doc:meta])* $variant:ident = $name:literal in $phases:expr,)*) => {
        /// A place in a template.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Placeholder {
            $($(#[$doc])* $variant,)*
        }

        impl Placeholder {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, without the dollar signs.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The phases it belongs to; empty when it may stand anywhere.
            const fn phases(self) -> &'static [Phase] {
                match self {
                    $(Self::$variant => $phases,)*
                }
            }
        }
    };
}

const ANY: &[Phase] = &[];
const ORCHESTRATION: &[Phase] = &[Phase::Orchestration];
const KNOWLEDGE_BASE: &[Phase] = &[Phase::KnowledgeBaseResponseGeneration];
const POST: &[Phase] = &[Phase::PostProcessing];
const MEMORY: &[Phase] = &[Phase::MemorySummarization];
const ROUTING: &[Phase] = &[Phase::RoutingClassifier];

placeholders! {
    /// What the agent is for.
    Instruction = "instruction" in ANY,
    /// The same: the service's own guide misspells it.
    Instructions = "instructions" in ANY,
    /// The user's words.
    Question = "question" in ANY,
    /// The tools, as text.
    Functions = "functions" in ANY,
    /// The tools, as text.
    Tools = "tools" in ANY,
    /// Tool calls and results of this turn so far.
    AgentScratchpad = "agent_scratchpad" in ORCHESTRATION,
    /// Earlier turns.
    ConversationHistory = "conversation_history" in ANY,
    /// Name of a tool, as an example.
    AnyFunctionName = "any_function_name" in ORCHESTRATION,
    /// Attributes of this turn.
    PromptSessionAttributes = "prompt_session_attributes" in ANY,
    /// Instruction, as Titan has it.
    ModelInstruction = "model_instruction" in ORCHESTRATION,
    /// Where the model's thought begins, as Titan has it.
    Thought = "thought" in ORCHESTRATION,
    /// How to name sources.
    KnowledgeBaseGuideline = "knowledge_base_guideline" in ORCHESTRATION,
    /// How to name sources, as Llama has it.
    KnowledgeBaseAdditionalGuideline = "knowledge_base_additional_guideline" in ORCHESTRATION,
    /// What is remembered of earlier sessions.
    MemoryContent = "memory_content" in ORCHESTRATION,
    /// How to use it.
    MemoryGuideline = "memory_guideline" in ORCHESTRATION,
    /// When to use it.
    MemoryActionGuideline = "memory_action_guideline" in ORCHESTRATION,
    /// What is remembered of earlier sessions.
    LongTermMemory = "long_term_memory" in ORCHESTRATION,
    /// What to do about parameters that are missing.
    AskUserMissingParameters = "ask_user_missing_parameters" in ORCHESTRATION,
    /// What to do about information that is missing.
    AskUserMissingInformation = "ask_user_missing_information" in ORCHESTRATION,
    /// Whether parameters are confirmed by the user.
    AskUserConfirmParameters = "ask_user_confirm_parameters" in ORCHESTRATION,
    /// The tool that asks the user.
    AskUserFunction = "ask_user_function" in ORCHESTRATION,
    /// How it is called.
    AskUserFunctionFormat = "ask_user_function_format" in ORCHESTRATION,
    /// Examples of its use.
    AskUserInputExamples = "ask_user_input_examples" in ORCHESTRATION,
    /// How the answer is written.
    FinalAnswerGuideline = "final_answer_guideline" in ORCHESTRATION,
    /// What to say where nothing may be said.
    CannotAnswerGuideline = "cannot_answer_guideline" in ORCHESTRATION,
    /// The same four for models that answer by a tool, which ours do not.
    RespondToUserGuideline = "respond_to_user_guideline" in ORCHESTRATION,
    /// See there.
    RespondToUserFinalAnswerGuideline = "respond_to_user_final_answer_guideline" in ORCHESTRATION,
    /// See there.
    RespondToUserCannotAnswerGuideline = "respond_to_user_cannot_answer_guideline" in ORCHESTRATION,
    /// See there.
    RespondToUserKnowledgeBaseGuideline = "respond_to_user_knowledge_base_guideline" in ORCHESTRATION,
    /// See there.
    RespondToUserKnowledgeBaseAdditionalGuideline =
        "respond_to_user_knowledge_base_additional_guideline" in ORCHESTRATION,
    /// How to use the code interpreter.
    CodeInterpreterGuideline = "code_interpreter_guideline" in ORCHESTRATION,
    /// Files it has.
    CodeInterpreterFiles = "code_interpreter_files" in ORCHESTRATION,
    /// How the answer is written.
    OutputFormatGuideline = "output_format_guideline" in ORCHESTRATION,
    /// How to use tools and knowledge bases.
    ActionKbGuideline = "action_kb_guideline" in ORCHESTRATION,
    /// How to work with collaborators.
    MultiAgentCollaborationGuideline = "multi_agent_collaboration_guideline" in ORCHESTRATION,
    /// The collaborators and how to work with them.
    MultiAgentCollaboration = "multi_agent_collaboration" in ORCHESTRATION,
    /// The collaborators by name and description.
    AgentCollaborators = "agent_collaborators" in ORCHESTRATION,
    /// How to pass long texts on by reference.
    MultiAgentPayloadReferenceGuideline = "multi_agent_payload_reference_guideline" in ORCHESTRATION,
    /// How collaborators and knowledge bases go together.
    AgentCollaborationKbGuideline = "agent_collaboration_kb_guideline" in ORCHESTRATION,
    /// The user's words.
    Query = "query" in KNOWLEDGE_BASE,
    /// What was found.
    SearchResults = "search_results" in KNOWLEDGE_BASE,
    /// How the answer is written; shipped templates of this step have it, too.
    OutputFormatInstructions = "output_format_instructions" in KNOWLEDGE_BASE,
    /// The answer so far.
    LatestResponse = "latest_response" in POST,
    /// The answer so far, as Titan has it.
    BotResponse = "bot_response" in POST,
    /// Tool results of the turn.
    Responses = "responses" in POST,
    /// What was remembered before.
    PastConversationSummary = "past_conversation_summary" in MEMORY,
    /// What was said.
    Conversation = "conversation" in &[Phase::MemorySummarization, Phase::RoutingClassifier],
    /// Collaborators to choose from.
    ReachableAgents = "reachable_agents" in ROUTING,
    /// The user's words.
    LastUserRequest = "last_user_request" in ROUTING,
    /// Knowledge bases as choices.
    KnowledgeBaseRouting = "knowledge_base_routing" in ROUTING,
    /// Action groups as choices.
    ActionRouting = "action_routing" in ROUTING,
    /// Knowledge bases as choices.
    KnowledgeBasesForRouting = "knowledge_bases_for_routing" in ROUTING,
    /// Tools as choices.
    ToolsForRouting = "tools_for_routing" in ROUTING,
    /// When to choose a knowledge base.
    KnowledgeBaseRoutingGuideline = "knowledge_base_routing_guideline" in ROUTING,
    /// When to choose an action group.
    ActionRoutingGuideline = "action_routing_guideline" in ROUTING,
    /// When to stay with the agent that answered last.
    LastMostSpecializedAgentGuideline = "last_most_specialized_agent_guideline" in ROUTING,
}

/// Names that documented templates use within their examples, meant as they stand.
const WORDS: [&str; 2] = ["answer", "source"];

/// Whether `$name$` is a word of examples and no placeholder.
pub(super) fn is_word(name: &str) -> bool {
    WORDS.contains(&name)
}

impl Placeholder {
    /// The placeholder of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|place| place.name() == name)
    }

    /// Whether it may stand in the template of a phase.
    pub fn is_of(self, phase: Phase) -> bool {
        let phases = self.phases();
        phases.is_empty() || phases.contains(&phase)
    }
}
