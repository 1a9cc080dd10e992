//! What is known of families of models: the capability table. Code asks it and never a model's name.
//!
//! As the vendors' model pages give it, known in 2026; where members of a family differ, the smallest of those in use. A
//! local server often gives a model less than it could take (Ollama: `num_ctx`): then `context_tokens` of the
//! configuration says so. What is not here is not known: of its window nothing is assumed, and it gets what every
//! endpoint takes.

use crate::catalog::reduce_model_id;
use outcrop_ports::Takes;

/// What is known of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// Tokens that fit into its window.
    pub(crate) context_tokens: Option<u32>,
    /// Whether it sees pictures.
    pub(crate) images: bool,
    /// Whether it reads PDF and its like where its vendor's own wire carries them.
    pub(crate) documents: bool,
    /// Most tokens of an answer, for wires that want the number.
    pub(crate) output_tokens: u32,
    /// Which sampling settings it takes.
    pub(crate) sampling: Sampling,
    /// Where `topK` goes on Bedrock.
    pub(crate) top_k: TopK,
    /// Where Bedrock takes cache points for it.
    pub(crate) cache: CacheRule,
    /// Whether an answer can be held to a schema.
    pub(crate) schema: SchemaRule,
    /// Whether it can be made to use a tool.
    pub(crate) forced_tools: bool,
    /// Whether the limit of an answer is called `max_completion_tokens` in Chat Completions.
    pub(crate) completion_tokens: bool,
    /// Whether Chat Completions want its thinking back while it uses tools.
    pub(crate) thinking_back: bool,
    /// Whether it refuses calls of tools in the history that lack its seal (Gemini 3).
    pub(crate) sealed_calls: bool,
}

/// Which sampling settings a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Temperature and top P side by side.
    All,
    /// One of the two; the temperature when both are given.
    One,
    /// None.
    None,
}

/// Where `topK` goes on Bedrock, which has no member for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopK {
    /// Nowhere.
    None,
    /// `additionalModelRequestFields.top_k`.
    Snake,
    /// `additionalModelRequestFields.inferenceConfig.topK`.
    Nova,
}

/// Where cache points may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheRule {
    /// Nowhere.
    None,
    /// After tools, system prompt and messages.
    Everywhere,
    /// After system prompt and messages.
    NoTools,
}

/// When an answer can be held to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SchemaRule {
    /// Never.
    Never,
    /// When no tools are on offer.
    WithoutTools,
    /// Always.
    Always,
}

impl SchemaRule {
    /// Whether it can now.
    pub(crate) fn holds(self, has_tools: bool) -> bool {
        match self {
            Self::Never => false,
            Self::WithoutTools => !has_tools,
            Self::Always => true,
        }
    }
}

/// What the configuration says of a model, in place of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenFamily {
    /// Which sampling settings it takes.
    pub sampling: Option<Sampling>,
    /// Whether its thinking goes back to it while it uses tools.
    pub thinking_back: Option<bool>,
}

impl GivenFamily {
    pub(crate) fn over(self, family: Family) -> Family {
        Family {
            sampling: self.sampling.unwrap_or(family.sampling),
            thinking_back: self.thinking_back.unwrap_or(family.thinking_back),
            ..family
        }
    }
}

/// What nothing is known of.
const UNKNOWN: Family = Family {
    context_tokens: None,
    images: false,
    documents: false,
    output_tokens: 4_096,
    sampling: Sampling::All,
    top_k: TopK::None,
    cache: CacheRule::None,
    schema: SchemaRule::Never,
    forced_tools: true,
    completion_tokens: false,
    thinking_back: false,
    sealed_calls: false,
};

const CLAUDE: Family = Family {
    context_tokens: Some(200_000),
    images: true,
    documents: true,
    output_tokens: 32_000,
    top_k: TopK::Snake,
    cache: CacheRule::Everywhere,
    ..UNKNOWN
};
/// Of Claude's first three generations: short answers, no cache on Bedrock.
const CLAUDE_3: Family = Family { output_tokens: 4_096, cache: CacheRule::None, ..CLAUDE };
const CLAUDE_2: Family = Family { images: false, documents: false, context_tokens: Some(100_000), ..CLAUDE_3 };
const CLAUDE_4_5: Family = Family { sampling: Sampling::One, schema: SchemaRule::Always, ..CLAUDE };
/// From Opus 4.7 on, and what is newer than this table.
const CLAUDE_NEW: Family = Family { sampling: Sampling::None, top_k: TopK::None, ..CLAUDE_4_5 };
const GPT: Family = Family { output_tokens: 16_384, schema: SchemaRule::Always, ..UNKNOWN };
const GPT_REASONING: Family =
    Family { sampling: Sampling::None, completion_tokens: true, context_tokens: Some(200_000), images: true, ..GPT };
const GEMINI: Family = Family {
    context_tokens: Some(1_048_576),
    images: true,
    documents: true,
    output_tokens: 8_192,
    schema: SchemaRule::WithoutTools,
    ..UNKNOWN
};
const NOVA: Family = Family {
    context_tokens: Some(300_000),
    images: true,
    documents: true,
    output_tokens: 5_000,
    top_k: TopK::Nova,
    cache: CacheRule::NoTools,
    ..UNKNOWN
};
const LLAMA: Family = Family { forced_tools: false, ..UNKNOWN };

const fn text(tokens: u32) -> Family {
    Family { context_tokens: Some(tokens), ..UNKNOWN }
}

const fn seeing(tokens: u32) -> Family {
    Family { images: true, ..text(tokens) }
}

const fn llama(tokens: u32, images: bool) -> Family {
    Family { context_tokens: Some(tokens), images, ..LLAMA }
}

/// Part of the model's name (with `^`: how it begins), and what is known. The first that fits is meant.
const FAMILIES: [(&str, Family); 80] = [
    ("claude-instant", CLAUDE_2),
    ("claude-v2", CLAUDE_2),
    ("claude-2", CLAUDE_2),
    ("claude-3-5-haiku", Family { images: false, output_tokens: 8_192, cache: CacheRule::Everywhere, ..CLAUDE_3 }),
    ("claude-3-5-sonnet", Family { output_tokens: 8_192, ..CLAUDE_3 }),
    ("claude-3-7-sonnet", CLAUDE),
    ("claude-3", CLAUDE_3),
    ("claude-sonnet-4-5", CLAUDE_4_5),
    ("claude-sonnet-4-6", CLAUDE_4_5),
    ("claude-haiku-4-5", CLAUDE_4_5),
    ("claude-opus-4-1", CLAUDE_4_5),
    ("claude-opus-4-5", CLAUDE_4_5),
    ("claude-opus-4-6", CLAUDE_4_5),
    ("claude-opus-4-7", CLAUDE_NEW),
    ("claude-sonnet-4", CLAUDE),
    ("claude-opus-4", CLAUDE),
    ("claude", CLAUDE_NEW),
    ("gpt-5-chat", Family { context_tokens: Some(128_000), sampling: Sampling::All, ..GPT_REASONING }),
    ("gpt-5", Family { context_tokens: Some(400_000), ..GPT_REASONING }),
    ("gpt-4.1", Family { context_tokens: Some(1_047_576), images: true, ..GPT }),
    ("gpt-4o", Family { context_tokens: Some(128_000), images: true, ..GPT }),
    ("gpt-4-turbo", seeing(128_000)),
    ("gpt-4-32k", text(32_768)),
    ("gpt-4", text(8_192)),
    ("gpt-3.5-turbo", text(16_385)),
    ("gpt-oss", text(131_072)),
    ("^o1-mini", Family { context_tokens: Some(128_000), images: false, schema: SchemaRule::Never, ..GPT_REASONING }),
    ("^o1", GPT_REASONING),
    ("o3-mini", Family { images: false, ..GPT_REASONING }),
    ("o4-mini", GPT_REASONING),
    ("^o3", GPT_REASONING),
    ("gemini-3", Family { output_tokens: 65_536, schema: SchemaRule::Always, sealed_calls: true, ..GEMINI }),
    ("gemini-2.5", Family { output_tokens: 65_536, ..GEMINI }),
    ("gemini", GEMINI),
    ("nova-micro", Family { context_tokens: Some(128_000), images: false, documents: false, ..NOVA }),
    ("nova-lite", NOVA),
    ("nova-pro", NOVA),
    ("nova-premier", Family { context_tokens: Some(1_000_000), output_tokens: 10_000, ..NOVA }),
    ("nova-2", Family { output_tokens: 10_000, ..NOVA }),
    ("titan-text-lite", Family { forced_tools: false, ..text(4_096) }),
    ("titan-text-express", Family { forced_tools: false, ..text(8_192) }),
    ("titan-text-premier", Family { forced_tools: false, ..text(32_768) }),
    ("llama-4", llama(128_000, true)),
    ("llama4", llama(128_000, true)),
    ("llama3-3", llama(128_000, false)),
    ("llama3.3", llama(128_000, false)),
    ("llama-3.3", llama(128_000, false)),
    ("llama3.2-vision", llama(128_000, true)),
    ("llama3-2-11b", llama(128_000, true)),
    ("llama3-2-90b", llama(128_000, true)),
    ("llama3-2", llama(128_000, false)),
    ("llama3.2", llama(128_000, false)),
    ("llama-3.2", llama(128_000, false)),
    ("llama3-1", llama(128_000, false)),
    ("llama3.1", llama(128_000, false)),
    ("llama-3.1", llama(128_000, false)),
    ("llama3", llama(8_192, false)),
    ("llama-3", llama(8_192, false)),
    ("llava", seeing(4_096)),
    ("pixtral", seeing(128_000)),
    ("mistral-small3", text(128_000)),
    ("mistral-large", text(128_000)),
    ("mistral-nemo", text(128_000)),
    ("mixtral", text(32_768)),
    ("mistral", text(32_768)),
    ("qwen2.5vl", seeing(32_768)),
    ("qwen2.5-vl", seeing(32_768)),
    ("qwen3-vl", seeing(262_144)),
    ("qwen2.5", text(32_768)),
    ("qwen3", text(32_768)),
    ("deepseek-reasoner", Family { thinking_back: true, ..text(65_536) }),
    ("deepseek", Family { forced_tools: false, ..text(65_536) }),
    ("kimi-k2", Family { thinking_back: true, ..text(131_072) }),
    ("gemma3:1b", text(32_768)),
    ("gemma3", seeing(128_000)),
    ("gemma-3", seeing(128_000)),
    ("gemma2", text(8_192)),
    ("command-r", Family { forced_tools: false, ..text(128_000) }),
    ("jamba", Family { forced_tools: false, ..text(256_000) }),
    ("phi4", text(16_384)),
];

/// What is known of a model, by any form of its name.
pub(crate) fn of(model: &str) -> Family {
    let name = reduce_model_id(model).to_ascii_lowercase();
    // Who resells Claude likes dots in its name; in other names a dot tells versions apart.
    let dashed = name.replace('.', "-");
    let begins = name.rsplit('/').next().unwrap_or(&name);
    let fits = |part: &str| match part.strip_prefix('^') {
        Some(beginning) => begins.starts_with(beginning),
        None => name.contains(part) || (part.starts_with("claude") && dashed.contains(part)),
    };
    FAMILIES.iter().find(|(part, _)| fits(part)).map_or(UNKNOWN, |(_, family)| *family)
}

impl Family {
    /// Files that can be sent over the vendor's own wire.
    pub(crate) fn takes(&self) -> Takes {
        Takes { images: self.images, documents: self.documents }
    }

    /// Files that can be sent over Chat Completions. That an endpoint reads documents says the configuration only.
    pub(crate) fn takes_in_chat(&self) -> Takes {
        Takes { images: self.images, documents: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_known_by_every_form_of_a_name() {
        for (model, tokens, images) in [
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", Some(200_000), true),
            ("anthropic.claude-v2:1", Some(100_000), false),
            ("anthropic.claude-3-5-haiku-20241022-v1:0", Some(200_000), false),
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", Some(300_000), true),
            ("openai/gpt-4.1-mini", Some(1_047_576), true),
            ("GPT-4o", Some(128_000), true),
            ("openai/o3", Some(200_000), true),
            ("qwen3:8b", Some(32_768), false),
            ("meta.llama3-1-8b-instruct-v1:0", Some(128_000), false),
            ("meta.llama3-8b-instruct-v1:0", Some(8_192), false),
            ("llama3.2-vision:11b", Some(128_000), true),
            ("my-own", None, false),
            ("", None, false),
        ] {
            let family = of(model);
            assert_eq!((family.context_tokens, family.images), (tokens, images), "{model}");
        }
    }

    #[test]
    fn settings_that_are_refused_are_known() {
        for (model, sampling) in [
            ("anthropic.claude-3-haiku-20240307-v1:0", Sampling::All),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", Sampling::All),
            ("claude-sonnet-4.5", Sampling::One),
            ("claude-opus-4-1-20250805", Sampling::One),
            ("anthropic.claude-opus-4-7", Sampling::None),
            ("claude-of-next-year", Sampling::None),
            ("gpt-5-mini", Sampling::None),
            ("gpt-5-chat-latest", Sampling::All),
            ("gpt-4o-mini", Sampling::All),
            ("o1-preview", Sampling::None),
            ("foo1", Sampling::All),
        ] {
            assert_eq!(of(model).sampling, sampling, "{model}");
        }
        assert!(of("gpt-5").completion_tokens && !of("gpt-4o").completion_tokens);
    }
}
