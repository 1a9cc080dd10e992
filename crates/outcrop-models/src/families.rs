//! What is known of families of models: how much fits into their windows, and whether they see pictures.
//!
//! Windows as the vendors' model pages give them, as known in 2025; where members of a family differ, the smallest of those in
//! use. A local server often gives a model less than it could take (Ollama: `num_ctx`): then `context_tokens` of the
//! configuration says so. What is not here is not known, and nothing is assumed of it.

use crate::catalog::reduce_model_id;
use outcrop_ports::Takes;

/// Part of the model's name, its window in tokens, whether it sees pictures. The first that fits is meant.
const FAMILIES: [(&str, u32, bool); 58] = [
    ("claude-instant", 100_000, false),
    ("claude-v2", 100_000, false),
    ("claude-3-5-haiku", 200_000, false),
    ("claude", 200_000, true),
    ("gpt-5", 400_000, true),
    ("gpt-4.1", 1_047_576, true),
    ("gpt-4o", 128_000, true),
    ("gpt-4-turbo", 128_000, true),
    ("gpt-4-32k", 32_768, false),
    ("gpt-4", 8_192, false),
    ("gpt-3.5-turbo", 16_385, false),
    ("gpt-oss", 131_072, false),
    ("o3-mini", 200_000, false),
    ("o4-mini", 200_000, true),
    ("gemini", 1_048_576, true),
    ("nova-micro", 128_000, false),
    ("nova-lite", 300_000, true),
    ("nova-pro", 300_000, true),
    ("nova-premier", 1_000_000, true),
    ("titan-text-lite", 4_096, false),
    ("titan-text-express", 8_192, false),
    ("titan-text-premier", 32_768, false),
    ("llama-4", 128_000, true),
    ("llama4", 128_000, true),
    ("llama3-3", 128_000, false),
    ("llama3.3", 128_000, false),
    ("llama-3.3", 128_000, false),
    ("llama3.2-vision", 128_000, true),
    ("llama3-2-11b", 128_000, true),
    ("llama3-2-90b", 128_000, true),
    ("llama3-2", 128_000, false),
    ("llama3.2", 128_000, false),
    ("llama-3.2", 128_000, false),
    ("llama3-1", 128_000, false),
    ("llama3.1", 128_000, false),
    ("llama-3.1", 128_000, false),
    ("llama3", 8_192, false),
    ("llama-3", 8_192, false),
    ("llava", 4_096, true),
    ("pixtral", 128_000, true),
    ("mistral-small3", 128_000, false),
    ("mistral-large", 128_000, false),
    ("mistral-nemo", 128_000, false),
    ("mixtral", 32_768, false),
    ("mistral", 32_768, false),
    ("qwen2.5vl", 32_768, true),
    ("qwen2.5-vl", 32_768, true),
    ("qwen3-vl", 262_144, true),
    ("qwen2.5", 32_768, false),
    ("qwen3", 32_768, false),
    ("deepseek", 65_536, false),
    ("gemma3:1b", 32_768, false),
    ("gemma3", 128_000, true),
    ("gemma-3", 128_000, true),
    ("gemma2", 8_192, false),
    ("command-r", 128_000, false),
    ("jamba", 256_000, false),
    ("phi4", 16_384, false),
];

fn family(model: &str) -> Option<&'static (&'static str, u32, bool)> {
    let name = reduce_model_id(model).to_ascii_lowercase();
    FAMILIES.iter().find(|(part, _, _)| name.contains(part))
}

/// Tokens that fit into the window of a model; `None` when its family is not known.
pub(crate) fn context_tokens(model: &str) -> Option<u32> {
    family(model).map(|(_, tokens, _)| *tokens)
}

/// Files a model can be sent. That a model reads documents says the configuration only: it is the endpoint's doing.
pub(crate) fn takes(model: &str) -> Takes {
    Takes { images: family(model).is_some_and(|(_, _, images)| *images), documents: false }
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
            ("qwen3:8b", Some(32_768), false),
            ("meta.llama3-1-8b-instruct-v1:0", Some(128_000), false),
            ("meta.llama3-8b-instruct-v1:0", Some(8_192), false),
            ("llama3.2-vision:11b", Some(128_000), true),
            ("my-own", None, false),
            ("", None, false),
        ] {
            assert_eq!((context_tokens(model), takes(model).images), (tokens, images), "{model}");
        }
    }
}
