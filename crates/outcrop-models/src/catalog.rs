//! Which provider serves which model id.

use crate::fallback::Fallbacks;
use outcrop_ports::{Model, ModelCatalog, Takes};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Most ids remembered; agents name a handful, so more than this is somebody guessing.
const REMEMBERED_MAX: usize = 1_024;

/// Finds the model that serves an id: the first entry that matches, else the default.
///
/// A pattern is held against the id as [`reduce_model_id`] leaves it, then against the id as it came, so that
/// `anthropic.claude-*` takes every form of an id and `us.*` or `arn:*:application-inference-profile/*` only some.
pub struct Catalog {
    entries: Vec<CatalogEntry>,
    default: CatalogEntry,
    remembered: RwLock<HashMap<String, Arc<dyn Model>>>,
}

/// One line of the catalog.
pub struct CatalogEntry {
    /// Glob over model ids: `*` is any text, also none, `?` any one character.
    pub pattern: String,
    /// What serves it, in words for people: `openai, qwen3:8b at http://127.0.0.1:11434/v1`. Never a secret.
    pub label: String,
    /// What serves it.
    pub model: Arc<dyn Model>,
    /// What the configuration says of it.
    pub given: Given,
}

/// What is said of a model, in place of what it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Tokens that fit into its window.
    pub context_tokens: Option<u32>,
    /// Whether it sees pictures.
    pub images: Option<bool>,
    /// Whether it reads documents such as PDF.
    pub documents: Option<bool>,
}

/// A pattern that is no glob of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// It matches nothing.
    #[error("the pattern of a model is empty; `*` matches every id")]
    Empty,
    /// It uses what other globs have; taken literally it would silently match nothing.
    #[error(
        "the pattern `{pattern}` contains `{character}`; only `*` (any text) and `?` (any one character) are special"
    )]
    Unsupported {
        /// The pattern.
        pattern: String,
        /// The character.
        character: char,
    },
}

/// A fallback that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFallback {
    /// No entry serves it.
    #[error("no [[model]] serves the fallback {0}; write one for it")]
    Unknown(String),
    /// The entry serves it itself.
    #[error("the fallback {0} is served by the same [[model]]; name a model of another")]
    Itself(String),
}

impl Catalog {
    /// A catalog of entries in order of precedence, and the model (with its label) that serves the rest.
    ///
    /// # Errors
    ///
    /// When a pattern is empty or uses `[ ] { } ! \`.
    pub fn new(
        entries: Vec<CatalogEntry>,
        default_label: impl Into<String>,
        default: Arc<dyn Model>,
    ) -> Result<Self, BadPattern> {
        entries.iter().try_for_each(|entry| check_pattern(&entry.pattern))?;
        let default = CatalogEntry {
            pattern: "*".to_owned(),
            label: default_label.into(),
            model: default,
            given: Given::default(),
        };
        Ok(Self { entries, default, remembered: RwLock::default() })
    }

    /// One line for each entry in order of precedence, then the default: ``models `qwen*`: openai, …``.
    pub fn describe(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.entries.iter().map(|entry| format!("models `{}`: {}", entry.pattern, entry.label)).collect();
        let which = if lines.is_empty() { "all models" } else { "all other models" };
        lines.push(format!("{which}: {}", self.default.label));
        lines
    }

    /// Puts fallbacks behind entries: ids of models, by the entry's index. They are served by other entries, without those
    /// entries' own fallbacks, so that there is an end to it.
    ///
    /// # Errors
    ///
    /// When an id is served by no entry, or by the entry itself.
    pub fn with_fallbacks(mut self, fallbacks: &[(usize, Vec<String>)]) -> Result<Self, BadFallback> {
        let index_of = |id: &str| {
            let found = self.find(id);
            self.entries.iter().position(|entry| std::ptr::eq(entry, found))
        };
        let mut joined: Vec<(usize, Arc<dyn Model>, String)> = Vec::with_capacity(fallbacks.len());
        for (index, ids) in fallbacks {
            let mut others = Vec::with_capacity(ids.len());
            for id in ids {
                match index_of(id) {
                    Some(other) if other == *index => return Err(BadFallback::Itself(id.clone())),
                    Some(other) => others.push((id.clone(), Arc::clone(&self.entries[other].model))),
                    None => return Err(BadFallback::Unknown(id.clone())),
                }
            }
            let entry = &self.entries[*index];
            let label = format!("{}; else {}", entry.label, ids.join(", "));
            joined.push((*index, Arc::new(Fallbacks::new(Arc::clone(&entry.model), others)), label));
        }
        for (index, model, label) in joined {
            (self.entries[index].model, self.entries[index].label) = (model, label);
        }
        Ok(self)
    }

    /// The label of what serves an id.
    pub fn label(&self, model_id: &str) -> &str {
        &self.find(model_id).label
    }

    fn find(&self, model_id: &str) -> &CatalogEntry {
        let reduced = reduce_model_id(model_id);
        let matches = |entry: &&CatalogEntry| {
            glob_matches(&entry.pattern, reduced) || (reduced != model_id && glob_matches(&entry.pattern, model_id))
        };
        self.entries.iter().find(matches).unwrap_or(&self.default)
    }
}

impl ModelCatalog for Catalog {
    fn model(&self, model_id: &str) -> Arc<dyn Model> {
        if let Some(model) = self.remembered.read().unwrap_or_else(PoisonError::into_inner).get(model_id) {
            return Arc::clone(model);
        }
        let model = Arc::clone(&self.find(model_id).model);
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(model_id.to_owned(), Arc::clone(&model));
        model
    }

    fn configured(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.pattern.clone()).collect()
    }

    fn context_tokens(&self, model_id: &str) -> Option<u32> {
        let entry = self.find(model_id);
        entry.given.context_tokens.or_else(|| entry.model.context_tokens(model_id))
    }

    fn takes(&self, model_id: &str) -> Takes {
        let entry = self.find(model_id);
        let own = entry.model.takes(model_id);
        Takes {
            images: entry.given.images.unwrap_or(own.images),
            documents: entry.given.documents.unwrap_or(own.documents),
        }
    }
}

/// The id that an ARN or inference profile stands for: the last part of an ARN's path, without the prefix of regions
/// (`us.`, `eu.`, …) where a vendor follows it. What is none of these comes back as it is.
pub fn reduce_model_id(model_id: &str) -> &str {
    const PREFIXES: [&str; 8] = ["us.", "eu.", "apac.", "global.", "us-gov.", "jp.", "au.", "ca."];
    let id = if model_id.starts_with("arn:") {
        model_id.rsplit_once('/').map_or(model_id, |(_, last)| last)
    } else {
        model_id
    };
    let rest = PREFIXES.iter().find_map(|prefix| id.strip_prefix(prefix));
    rest.filter(|rest| begins_with_vendor(rest)).unwrap_or(id)
}

/// Whether the text is `vendor.model`: letters and digits, a dot, a letter. Names with a version, such as
/// `llama3.2`, are not.
fn begins_with_vendor(text: &str) -> bool {
    let Some((vendor, model)) = text.split_once('.') else { return false };
    vendor.starts_with(|c: char| c.is_ascii_lowercase())
        && vendor.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && model.starts_with(|c: char| c.is_ascii_alphabetic())
}

pub(crate) fn check_pattern(pattern: &str) -> Result<(), BadPattern> {
    if pattern.is_empty() {
        return Err(BadPattern::Empty);
    }
    match pattern.chars().find(|c| matches!(c, '[' | ']' | '{' | '}' | '!' | '\\')) {
        Some(character) => Err(BadPattern::Unsupported { pattern: pattern.to_owned(), character }),
        None => Ok(()),
    }
}

/// Whether the whole text matches. Goes back to the last `*` only, so it takes at most pattern times text steps.
pub(crate) fn glob_matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    let mut last_star: Option<(&str, &str)> = None;
    loop {
        let mut pattern_chars = pattern.chars();
        let mut text_chars = text.chars();
        match (pattern_chars.next(), text_chars.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                pattern = pattern_chars.as_str();
                last_star = Some((pattern, text));
                continue;
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                (pattern, text) = (pattern_chars.as_str(), text_chars.as_str());
                continue;
            }
            _ => {}
        }
        let Some((after_star, taken_to)) = last_star else { return false };
        let mut rest = taken_to.chars();
        if rest.next().is_none() {
            return false;
        }
        (pattern, text) = (after_star, rest.as_str());
        last_star = Some((after_star, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::{BoxFuture, DeltaSink, ModelError, ModelErrorKind, ModelReply, ModelRequest};
    use proptest::prelude::*;

    struct Silent;

    impl Model for Silent {
        fn converse<'a>(
            &'a self,
            _request: &'a ModelRequest,
            _deltas: Option<&'a dyn DeltaSink>,
        ) -> BoxFuture<'a, Result<ModelReply, ModelError>> {
            Box::pin(std::future::ready(Err(ModelError::new(ModelErrorKind::NotFound, "silent"))))
        }
    }

    fn catalog(patterns: &[&str]) -> Result<Catalog, BadPattern> {
        let entry = |pattern: &&str| CatalogEntry {
            pattern: (*pattern).to_owned(),
            label: format!("by {pattern}"),
            model: Arc::new(Silent),
            given: Given { context_tokens: pattern.strip_prefix("anthropic.").map(|_| 1_000), ..Given::default() },
        };
        Catalog::new(patterns.iter().map(entry).collect(), "nobody", Arc::new(Silent))
    }

    #[test]
    fn ids_are_reduced() {
        for (id, reduced) in [
            ("anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-sonnet-4-20250514-v1:0"),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-sonnet-4-20250514-v1:0"),
            ("us-gov.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
            ("apac.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
            ("global.cohere.embed-v4:0", "cohere.embed-v4:0"),
            ("eu.meta.llama3-2-1b-instruct-v1:0", "meta.llama3-2-1b-instruct-v1:0"),
            ("jp.anthropic.x", "anthropic.x"),
            ("au.anthropic.x", "anthropic.x"),
            ("ca.ai21.jamba", "ai21.jamba"),
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
            ("arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/meta.llama3:48k", "meta.llama3:48k"),
            ("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.deepseek.r1-v1:0", "deepseek.r1-v1:0"),
            ("arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3", "a1b2c3"),
            ("arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.titan/x1y2", "x1y2"),
            ("arn:aws:bedrock:odd", "arn:aws:bedrock:odd"),
            ("qwen3:8b", "qwen3:8b"),
            ("hf.co/bartowski/Qwen3:Q4", "hf.co/bartowski/Qwen3:Q4"),
            ("us.llama3.2", "us.llama3.2"),
            ("us.mymodel", "us.mymodel"),
            ("eu.my-model-1.b", "eu.my-model-1.b"),
            ("us.", "us."),
            ("", ""),
        ] {
            assert_eq!(reduce_model_id(id), reduced, "{id}");
        }
    }

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("a*b*c", "a-b-b-c", true),
            ("?b", "ab", true),
            ("?b", "b", false),
            ("é?", "éü", true),
            ("qwen3:8b", "qwen3:8b", true),
            ("qwen3", "qwen3:8b", false),
            ("", "", true),
            ("**", "x", true),
            ("*?", "", false),
        ] {
            assert_eq!(glob_matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn first_match_serves_else_the_default() {
        let catalog = catalog(&["anthropic.claude-3*", "us.anthropic.*", "anthropic.*", "arn:*profile/*"]).unwrap();
        for (id, label) in [
            ("anthropic.claude-3-haiku", "by anthropic.claude-3*"),
            ("eu.anthropic.claude-3-haiku", "by anthropic.claude-3*"),
            ("us.anthropic.claude-4", "by us.anthropic.*"),
            ("eu.anthropic.claude-4", "by anthropic.*"),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "by arn:*profile/*"),
            ("qwen3:8b", "nobody"),
        ] {
            assert_eq!(catalog.label(id), label, "{id}");
            let expected = &catalog.find(id).model;
            for _ in 0..2 {
                assert!(Arc::ptr_eq(&catalog.model(id), expected), "{id}");
            }
        }
        assert_eq!(catalog.context_tokens("eu.anthropic.claude-4"), Some(1_000));
        assert_eq!(catalog.context_tokens("us.anthropic.claude-4"), None);
        assert_eq!(catalog.describe()[0], "models `anthropic.claude-3*`: by anthropic.claude-3*");
        assert_eq!(catalog.describe()[4], "all other models: nobody");
    }

    #[test]
    fn fallbacks_are_other_entries() {
        let with = |fallbacks: &[(usize, &[&str])]| {
            let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
            let fallbacks: Vec<(usize, Vec<String>)> =
                fallbacks.iter().map(|(index, all)| (*index, ids(all))).collect();
            catalog(&["a*", "b*", "c*"]).unwrap().with_fallbacks(&fallbacks)
        };
        let catalog = with(&[(0, &["b1", "c1"]), (1, &["a1"])]).unwrap();
        assert_eq!(catalog.label("a9"), "by a*; else b1, c1");
        assert_eq!(catalog.label("b9"), "by b*; else a1");
        assert_eq!(with(&[(0, &["a2"])]).err(), Some(BadFallback::Itself("a2".into())));
        assert_eq!(with(&[(0, &["x"])]).err(), Some(BadFallback::Unknown("x".into())));
    }

    #[test]
    fn memory_is_bounded() {
        let catalog = catalog(&["m1*"]).unwrap();
        for number in 0..REMEMBERED_MAX * 2 + 10 {
            catalog.model(&format!("m{number}"));
        }
        assert!(catalog.remembered.read().unwrap().len() <= REMEMBERED_MAX);
    }

    #[test]
    fn bad_patterns() {
        assert_eq!(catalog(&[""]).err(), Some(BadPattern::Empty));
        let unsupported = BadPattern::Unsupported { pattern: "a[bc]".to_owned(), character: '[' };
        assert_eq!(catalog(&["a", "a[bc]"]).err(), Some(unsupported));
    }

    proptest! {
        #[test]
        fn globs_agree_with_regex(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let regex = format!("^{}$", pattern.replace('*', ".*").replace('?', "."));
            prop_assert_eq!(glob_matches(&pattern, &text), regex::Regex::new(&regex).unwrap().is_match(&text));
        }

        #[test]
        fn reducing_never_panics(id in "(arn:|us\\.|/|[a-z.é]){0,12}") {
            let _ = reduce_model_id(&id);
        }
    }
}
