//! `outcrop guardrail test`: what a guardrail says of the lines of files, as a table.

use crate::client::{Client, ClientError, Signer};
use crate::serve::Failure;
use outcrop_api::bedrock_runtime as api;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Characters of a text that a row shows.
const SHOWN_CHARS: usize = 60;

/// What to test, and with what.
#[derive(Clone, Debug)]
pub(crate) struct TestOptions {
    /// Id, ARN or name.
    pub guardrail: String,
    /// `DRAFT` or a number.
    pub version: String,
    /// As the model's words, not the user's.
    pub output: bool,
    /// Files: a text a line, or `{"text": …}` a line in `.jsonl`.
    pub files: Vec<PathBuf>,
    /// Each file is one text.
    pub whole: bool,
    /// The server's address.
    pub endpoint: String,
    /// How it is shown who asks.
    pub signer: Signer,
    /// A line of JSON a text.
    pub json: bool,
}

/// A text, and where it stands.
struct Case {
    place: String,
    text: String,
}

/// Has every text assessed and prints a row for it; then how many of each verdict there were.
pub(crate) async fn run(options: TestOptions, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let client = Client::new(&options.endpoint).signed_by(options.signer.clone());
    let cases = cases(&options)?;
    let (mut passed, mut masked, mut blocked) = (0_u32, 0_u32, 0_u32);
    for case in &cases {
        let answer = ask(&client, &options, &case.text).await.map_err(|error| Failure::Failed(error.to_string()))?;
        let (verdict, count) = match answer.action_reason.as_deref() {
            _ if answer.action == api::GuardrailAction::None => ("passed", &mut passed),
            Some("Guardrail masked.") => ("masked", &mut masked),
            _ => ("blocked", &mut blocked),
        };
        *count += 1;
        let found = found(&answer);
        let row = if options.json {
            let outputs: Vec<&str> = answer.outputs.iter().filter_map(|output| output.text.as_deref()).collect();
            json!({"place": case.place, "verdict": verdict, "found": found, "text": case.text, "outputs": outputs,
                   "assessments": answer.assessments})
            .to_string()
        } else {
            row(&case.place, verdict, &found.join(", "), &case.text)
        };
        // A reader that is gone has nothing to be told.
        if writeln!(out, "{row}").is_err() {
            return Ok(());
        }
    }
    if !options.json {
        let _ = writeln!(out, "{} texts: {passed} passed, {masked} masked, {blocked} blocked", cases.len());
    }
    Ok(())
}

async fn ask(client: &Client, options: &TestOptions, text: &str) -> Result<api::ApplyGuardrailResponse, ClientError> {
    let block = api::GuardrailTextBlock { text: text.to_owned(), qualifiers: None };
    let request = api::ApplyGuardrailRequest {
        guardrail_identifier: options.guardrail.clone(),
        guardrail_version: options.version.clone(),
        source: if options.output { api::GuardrailContentSource::Output } else { api::GuardrailContentSource::Input },
        content: vec![api::GuardrailContentBlock::Text(block)],
        output_scope: None,
    };
    client.call::<api::ApplyGuardrail>(&request).await
}

/// What was found, in a word each.
fn found(answer: &api::ApplyGuardrailResponse) -> Vec<String> {
    let mut found = Vec::new();
    for one in &answer.assessments {
        let topics = one.topic_policy.iter().flat_map(|policy| &policy.topics);
        found.extend(topics.map(|topic| format!("topic {}", topic.name)));
        let filters = one.content_policy.iter().flat_map(|policy| &policy.filters);
        found.extend(filters.map(|filter| format!("{} {}", filter.r#type, filter.confidence)));
        for words in one.word_policy.iter() {
            found.extend(words.custom_words.iter().map(|word| format!("word {:?}", word.r#match)));
            found.extend(words.managed_word_lists.iter().map(|word| format!("{} {:?}", word.r#type, word.r#match)));
        }
        for sensitive in one.sensitive_information_policy.iter() {
            found.extend(sensitive.pii_entities.iter().map(|entity| entity.r#type.to_string()));
            let regexes = sensitive.regexes.iter().filter_map(|regex| regex.name.clone());
            found.extend(regexes.map(|name| format!("regex {name}")));
        }
        let grounding = one.contextual_grounding_policy.iter().flat_map(|policy| policy.filters.iter().flatten());
        found.extend(grounding.map(|filter| format!("{} {}", filter.r#type, filter.score)));
    }
    found
}

fn row(place: &str, verdict: &str, found: &str, text: &str) -> String {
    let mut shown: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = shown.char_indices().nth(SHOWN_CHARS) {
        shown.truncate(at);
        shown.push('…');
    }
    let found = if found.is_empty() { "-" } else { found };
    format!("{place:<20} {verdict:<8} {found:<36} {shown}")
}

fn cases(options: &TestOptions) -> Result<Vec<Case>, Failure> {
    let mut cases = Vec::new();
    for file in &options.files {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let content = read(file)?;
        if options.whole {
            cases.push(Case { place: name, text: content });
            continue;
        }
        let is_json = file.extension().is_some_and(|extension| extension == "jsonl");
        for (number, line) in (1..).zip(content.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let place = format!("{name}:{number}");
            let text = if is_json {
                text_of(line).map_err(|why| Failure::Usage(format!("{place}: {why}")))?
            } else {
                line.to_owned()
            };
            cases.push(Case { place, text });
        }
    }
    Ok(cases)
}

fn text_of(line: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text = value.get("text").and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| "has no member `text` that is a text".to_owned())
}

fn read(file: &Path) -> Result<String, Failure> {
    let refuse = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let metadata = std::fs::metadata(file).map_err(|error| refuse(error.to_string()))?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(refuse(format!("has more than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))
}
