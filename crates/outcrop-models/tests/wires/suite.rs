//! What every provider has to do.

use super::anthropic::Anthropic;
use super::bedrock::Bedrock;
use super::gemini::Gemini;
use super::openai::OpenAi;
use super::standin::{Block, Fault, Play, Provider, Said, Standin};
use outcrop_models::{ApiKey, Endpoint, Served};
use outcrop_ports::{
    CachePlace, CachePoint, Caching, ContentBlock, Delta, DeltaSink, File, InferenceConfig, Message, Model,
    ModelErrorKind, ModelReply, ModelRequest, Role, StopReason, ToolChoice, ToolResult, ToolResultContent,
    ToolResultStatus, ToolSpec, ToolUse, Usage,
};
use outcrop_testkit::CollectedDeltas;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Makes a test of each case for each provider.
macro_rules! for_all {
    ($($case:ident),* $(,)?) => {$(
        mod $case {
            use super::*;
            #[tokio::test]
            async fn anthropic() { super::cases::$case(Anthropic).await }
            #[tokio::test]
            async fn bedrock() { super::cases::$case(Bedrock).await }
            #[tokio::test]
            async fn gemini() { super::cases::$case(Gemini).await }
            #[tokio::test]
            async fn openai() { super::cases::$case(OpenAi).await }
        }
    )*};
}

for_all!(
    words_and_usage,
    several_tools_at_once,
    thinking_goes_back_as_it_came,
    tools_that_must_be_used,
    pictures_and_documents,
    answers_by_schema,
    reasons_to_stop,
    histories_of_other_models,
    points_of_the_caller,
    little_is_sent_outside_of_what_is_cached,
    refusals,
    answers_that_go_wrong,
    silence,
);

fn endpoint<P: Provider>(_: P, standin: &Standin) -> Endpoint {
    let mut endpoint = Endpoint::new(&standin.url);
    endpoint.api_key = Some(ApiKey::new("secret-key"));
    endpoint.model = Some(P::MODEL.to_owned());
    endpoint.care.retries.base = Duration::from_millis(1);
    endpoint
}

fn model<P: Provider>(provider: P, standin: &Standin) -> Served {
    provider.serve(endpoint(provider, standin))
}

fn request(messages: Vec<Message>) -> ModelRequest {
    let tool = |name: &str, description: &str, properties: Value| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        input_schema: json!({"type": "object", "properties": properties}),
    };
    ModelRequest {
        model_id: "anthropic.claude-x".to_owned(),
        system: vec!["You help customers of a shop.".to_owned(), " ".to_owned(), "Be kind.".to_owned()],
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: Arc::new([
            tool("Orders__get", "Gets an order.", json!({"id": {"type": "string"}})),
            tool("Orders__list", "", json!({})),
        ]),
        tool_choice: ToolChoice::Auto,
        // What agents have when their authors say nothing.
        inference: InferenceConfig {
            max_tokens: Some(2048),
            temperature: Some(0.0),
            top_p: Some(1.0),
            top_k: Some(250),
            stop_sequences: vec!["END".to_owned()],
            ..InferenceConfig::default()
        },
        additional_fields: None,
        caching: Caching::Automatic,
    }
}

fn usage<P: Provider>() -> Usage {
    let (write, hour) = if P::CAN.cache_writes { (200, 50) } else { (0, 0) };
    Usage {
        input_tokens: 17,
        output_tokens: 9,
        cache_read_input_tokens: 1_000,
        cache_write_input_tokens: write,
        cache_write_hour_input_tokens: hour,
    }
}

fn said<P: Provider>(stop: StopReason, blocks: Vec<Block>) -> Said {
    Said { blocks, stop, usage: usage::<P>() }
}

fn calls(ids: &[(&'static str, &'static str)]) -> Vec<Block> {
    ids.iter()
        .map(|(id, order)| Block::Call(id, "Orders__get", json!({"id": order, "n": 2, "x": {"y": [1.5, null]}})))
        .collect()
}

fn results(answers: &[(&str, &str, ToolResultStatus)]) -> Message {
    let block = |(id, text, status): &(&str, &str, ToolResultStatus)| {
        let content = vec![ToolResultContent::Text((*text).to_owned())];
        ContentBlock::ToolResult(ToolResult { tool_use_id: (*id).to_owned(), content, status: *status })
    };
    Message { role: Role::User, content: answers.iter().map(block).collect() }
}

/// Asks whole and in pieces, and wants the same; gives the reply and the deltas.
async fn ask_both<P: Provider>(
    provider: P,
    request: &ModelRequest,
    said: Said,
) -> (ModelReply, Vec<Delta>, Vec<Value>) {
    let standin = Standin::start(provider, [Play::Says(said.clone()), Play::Says(said)]).await;
    let model = model(provider, &standin);
    let whole = model.converse(request, None).await.unwrap_or_else(|error| panic!("{}: {error}", P::NAME));
    let deltas = CollectedDeltas::new();
    let streamed = model.converse(request, Some(&deltas)).await.unwrap_or_else(|error| panic!("{}: {error}", P::NAME));
    assert_eq!(whole, streamed, "{}", P::NAME);
    let answered_by = whole.answered_by.as_ref().unwrap();
    assert_eq!((answered_by.provider.as_str(), answered_by.model.as_str()), (P::NAME, P::MODEL));
    (whole, deltas.all(), standin.asked())
}

/// Deltas of one kind joined, as a listener would see the blocks.
fn joined(deltas: &[Delta]) -> Vec<Delta> {
    let mut blocks: Vec<Delta> = Vec::new();
    for delta in deltas {
        match (blocks.last_mut(), delta) {
            (Some(Delta::Text(text)), Delta::Text(more)) | (Some(Delta::Reasoning(text)), Delta::Reasoning(more)) => {
                text.push_str(more);
            }
            (Some(Delta::ToolUseInput { tool_use_id, json }), Delta::ToolUseInput { tool_use_id: id, json: more })
                if tool_use_id == id =>
            {
                json.push_str(more);
            }
            _ => blocks.push(delta.clone()),
        }
    }
    blocks
}

mod cases {
    use super::*;

    pub async fn words_and_usage<P: Provider>(provider: P) {
        let text = "Good day, Größe, 日本. \u{1F600}";
        let (reply, deltas, asked) = ask_both(
            provider,
            &request(vec![Message::user("hi")]),
            said::<P>(StopReason::EndTurn, vec![Block::Text(text)]),
        )
        .await;
        assert_eq!(reply.message, Message::assistant(text));
        assert_eq!((reply.stop_reason, reply.usage), (StopReason::EndTurn, usage::<P>()));
        assert_eq!(joined(&deltas), [Delta::Text(text.to_owned())]);
        assert!(deltas.len() > 1, "it comes in pieces");
        assert_eq!(asked.len(), 2);
    }

    pub async fn several_tools_at_once<P: Provider>(provider: P) {
        let mut blocks = vec![Block::Text("I look.")];
        blocks.extend(calls(&[("call_a", "A-1"), ("call_b", "A-2")]));
        let mut messages = vec![Message::user("Both orders?")];
        let (reply, deltas, _) =
            ask_both(provider, &request(messages.clone()), said::<P>(StopReason::ToolUse, blocks)).await;
        assert_eq!(reply.stop_reason, StopReason::ToolUse);
        let uses: Vec<&ToolUse> = reply.message.tool_uses().collect();
        let input = |order: &str| json!({"id": order, "n": 2, "x": {"y": [1.5, null]}});
        assert_eq!(
            uses.iter().map(|one| (one.tool_use_id.as_str(), &one.input)).collect::<Vec<_>>(),
            [("call_a", &input("A-1")), ("call_b", &input("A-2")),]
        );
        let started = |id: &str| Delta::ToolUseStarted { tool_use_id: id.into(), name: "Orders__get".into() };
        let heard = joined(&deltas);
        assert_eq!(
            (&heard[0], &heard[1], &heard[3]),
            (&Delta::Text("I look.".into()), &started("call_a"), &started("call_b"))
        );
        let Delta::ToolUseInput { json, .. } = &heard[2] else { panic!("{heard:?}") };
        assert_eq!(serde_json::from_str::<Value>(json).unwrap(), input("A-1"));
        // The results go back, in any order and with words after them; the second is an error.
        messages.push(reply.message);
        let mut answered =
            results(&[("call_b", "", ToolResultStatus::Error), ("call_a", "shipped", ToolResultStatus::Success)]);
        answered.content.insert(0, ContentBlock::Text("And?".to_owned()));
        messages.push(answered);
        let done = said::<P>(StopReason::EndTurn, vec![Block::Text("Done.")]);
        let (reply, ..) = ask_both(provider, &request(messages), done).await;
        assert_eq!(reply.message.text(), "Done.");
    }

    pub async fn thinking_goes_back_as_it_came<P: Provider>(provider: P) {
        if !P::CAN.seals {
            return;
        }
        let mut blocks = match P::NAME {
            "gemini" => vec![Block::Thinking("Let me see…", ""), Block::Thinking("", "seal+1/=")],
            _ => vec![Block::Thinking("Let me see…", "seal+1/=")],
        };
        if P::CAN.redacted {
            blocks.push(Block::Redacted("c2VjcmV0"));
        }
        blocks.extend(calls(&[("call_a", "A-1")]));
        let mut first = request(vec![Message::user("hi")]);
        if P::NAME != "gemini" {
            first.additional_fields =
                json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}).as_object().cloned();
        }
        let (reply, deltas, _) = ask_both(provider, &first, said::<P>(StopReason::ToolUse, blocks)).await;
        assert!(deltas.contains(&Delta::ReasoningSignature("seal+1/=".into())), "{deltas:?}");
        assert_eq!(deltas.contains(&Delta::ReasoningRedacted("c2VjcmV0".into())), P::CAN.redacted);
        // Through the journal and back.
        let kept: Message = serde_json::from_value(serde_json::to_value(&reply.message).unwrap()).unwrap();
        assert_eq!(kept, reply.message);
        let next = ModelRequest {
            messages: vec![
                Arc::new(Message::user("hi")),
                Arc::new(kept),
                Arc::new(results(&[("call_a", "shipped", ToolResultStatus::Success)])),
            ],
            ..first.clone()
        };
        let done = said::<P>(StopReason::EndTurn, vec![Block::Text("Done.")]);
        let (_, _, asked) = ask_both(provider, &next, done.clone()).await;
        let body = asked[0].to_string();
        assert!(body.contains("seal+1/="), "{body}");
        assert_eq!(body.contains("Let me see…"), P::NAME != "gemini");
        assert_eq!(body.contains("c2VjcmV0"), P::CAN.redacted);
        // What belongs to others is not shown to them, and thinking that is lost is not asked for in the midst of a turn.
        let mut foreign = next;
        let mut message = foreign.messages[1].as_ref().clone();
        for block in &mut message.content {
            if let ContentBlock::ReasoningContent(reasoning) = block {
                reasoning.origin = Some("other".to_owned());
            }
        }
        foreign.messages[1] = Arc::new(message);
        let (_, _, asked) = ask_both(provider, &foreign, done).await;
        assert!(!asked[0].to_string().contains("seal+1/="));
    }

    pub async fn tools_that_must_be_used<P: Provider>(provider: P) {
        for (choice, expected) in [
            (
                ToolChoice::Any,
                match P::NAME {
                    "anthropic" => json!({"type": "any"}),
                    "bedrock" => json!({"any": {}}),
                    "gemini" => json!({"functionCallingConfig": {"mode": "ANY"}}),
                    _ => json!("required"),
                },
            ),
            (
                ToolChoice::Tool("Orders__get".into()),
                match P::NAME {
                    "anthropic" => json!({"type": "tool", "name": "Orders__get"}),
                    "bedrock" => json!({"tool": {"name": "Orders__get"}}),
                    "gemini" => {
                        json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["Orders__get"]}})
                    }
                    _ => json!({"type": "function", "function": {"name": "Orders__get"}}),
                },
            ),
        ] {
            let request = ModelRequest { tool_choice: choice, ..request(vec![Message::user("hi")]) };
            let (_, _, asked) =
                ask_both(provider, &request, said::<P>(StopReason::ToolUse, calls(&[("a", "A-1")]))).await;
            let body = &asked[0];
            let written = match P::NAME {
                "bedrock" => &body["toolConfig"]["toolChoice"],
                "gemini" => &body["toolConfig"],
                _ => &body["tool_choice"],
            };
            assert_eq!(*written, expected);
        }
    }

    fn file(name: &str, media_type: &str, data: &[u8], is_text: bool) -> File {
        File {
            name: name.into(),
            media_type: media_type.into(),
            hash: String::new(),
            bytes: data.len() as u64,
            is_text,
            data: Some(data.into()),
        }
    }

    pub async fn pictures_and_documents<P: Provider>(provider: P) {
        let picture = file("photo_1.png", "image/png", b"\x89PNG data", false);
        let paper = file("Q3 report_final.v2.pdf", "application/pdf", b"%PDF data", false);
        let table = file("prices.csv", "text/csv", b"a,b\n1,2", true);
        let shown = Message {
            role: Role::User,
            content: vec![
                ContentBlock::Image(picture.clone()),
                ContentBlock::Document(paper),
                ContentBlock::Document(table),
            ],
        };
        let used = Message {
            role: Role::Assistant,
            content: vec![ContentBlock::ToolUse(ToolUse {
                tool_use_id: "call_a".into(),
                name: "Orders__get".into(),
                input: Value::String("{broken".into()),
            })],
        };
        let content = vec![ToolResultContent::Json(json!({"ok": true})), ToolResultContent::Image(picture)];
        let result = ToolResult { tool_use_id: "call_a".into(), content, status: ToolResultStatus::Success };
        let answered = Message { role: Role::User, content: vec![ContentBlock::ToolResult(result)] };
        let mut request = request(vec![shown, used, answered]);
        let done = said::<P>(StopReason::EndTurn, vec![Block::Text("A cat.")]);
        let (_, _, asked) = ask_both(provider, &request, done).await;
        let body = asked[0].to_string();
        for data in ["iVBORyBkYXRh", "JVBERiBkYXRh"] {
            let found = body.matches(data).count();
            assert_eq!(found, if data.starts_with("iVB") { 2 } else { 1 }, "{body}");
        }
        // What is not there is not sent.
        let mut message = request.messages[0].as_ref().clone();
        if let ContentBlock::Image(file) = &mut message.content[0] {
            file.data = None;
        }
        request.messages[0] = Arc::new(message);
        let standin = Standin::start(provider, []).await;
        let error = model(provider, &standin).converse(&request, None).await.unwrap_err();
        assert_eq!((error.kind, standin.asked().len()), (ModelErrorKind::Invalid, 0));
    }

    pub async fn answers_by_schema<P: Provider>(provider: P) {
        let schema =
            json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "minLength": 2}}});
        let mut request = request(vec![Message::user("hi")]);
        request.inference.answer_schema = Some(Arc::new(schema));
        let answer = said::<P>(StopReason::EndTurn, vec![Block::Text(r#"{"id":"A-1"}"#)]);
        let (reply, _, asked) = ask_both(provider, &request, answer).await;
        assert_eq!(reply.message.text(), r#"{"id":"A-1"}"#);
        let written = match P::NAME {
            "anthropic" => &asked[0]["output_config"]["format"]["schema"],
            "bedrock" => &asked[0]["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"],
            "gemini" => &asked[0]["generationConfig"]["responseJsonSchema"],
            _ => &asked[0]["response_format"]["json_schema"]["schema"],
        };
        assert!(written.to_string().contains("required"), "{}: {}", P::NAME, asked[0]);
    }

    pub async fn reasons_to_stop<P: Provider>(provider: P) {
        let mut reasons = vec![StopReason::EndTurn, StopReason::MaxTokens, StopReason::ContentFiltered];
        if P::CAN.stop_sequences {
            reasons.extend([StopReason::StopSequence, StopReason::ModelContextWindowExceeded]);
        }
        for reason in reasons {
            let answer = said::<P>(reason, vec![Block::Text("So")]);
            let (reply, ..) = ask_both(provider, &request(vec![Message::user("hi")]), answer).await;
            assert_eq!(reply.stop_reason, reason);
            if P::NAME == "anthropic" && reason == StopReason::StopSequence {
                assert_eq!(reply.stop_sequence.as_deref(), Some("END"));
            }
        }
    }

    /// A session goes on with another model, or without its tools: ids, blanks and blocks of others are made to fit.
    pub async fn histories_of_other_models<P: Provider>(provider: P) {
        let long = format!("chatcmpl|{}", "x".repeat(90));
        let used = |id: &str| Message {
            role: Role::Assistant,
            content: vec![
                ContentBlock::Text(" \n".into()),
                ContentBlock::ToolUse(ToolUse { tool_use_id: id.into(), name: "gone".into(), input: Value::Null }),
            ],
        };
        let empty = Message { role: Role::Assistant, content: Vec::new() };
        let messages = vec![
            Message::user("one"),
            used(&long),
            results(&[(&long, "ok", ToolResultStatus::Success)]),
            Message::assistant("Done. "),
            Message::user("two"),
            empty,
            Message::user("three"),
        ];
        let mut request = request(messages);
        request.tools = Arc::new([]);
        request.inference = InferenceConfig::default();
        if P::NAME == "openai" {
            // Two messages of a side are fine there, and an answer without words is one.
            request.messages.truncate(5);
        }
        let done = said::<P>(StopReason::EndTurn, vec![Block::Text("Yes.")]);
        ask_both(provider, &request, done).await;
    }

    pub async fn points_of_the_caller<P: Provider>(provider: P) {
        if !P::CAN.cache_points {
            return;
        }
        let caching = Caching::Given(vec![CachePoint { after: CachePlace::System(1), for_an_hour: true }]);
        let request = ModelRequest { caching, ..request(vec![Message::user("hi")]) };
        let done = said::<P>(StopReason::EndTurn, vec![Block::Text("Yes.")]);
        let (_, _, asked) = ask_both(provider, &request, done).await;
        // Two tools and the first block of the system prompt.
        assert_eq!(provider.prefix(&asked[0]).1, [3]);
        assert!(asked[0].to_string().contains("1h"));
    }

    /// On step 2 and later of a turn at most 15 % of what does not change is sent outside of cached prefixes. What the
    /// provider has to be told is marked; the others keep the longest beginning that they have seen.
    pub async fn little_is_sent_outside_of_what_is_cached<P: Provider>(provider: P) {
        const STEPS: usize = 8;
        let mut messages =
            vec![Message::user("Earlier words. "), Message::assistant("Earlier answer."), Message::user("hi")];
        let mut caches: Vec<Vec<String>> = Vec::new();
        let mut outside: Vec<f64> = Vec::new();
        for step in 0..STEPS {
            let mut request = request(messages.clone());
            request.system[0] = "You help customers of a shop, kindly and quickly. ".repeat(40);
            // Many calls in one step, so that a provider that looks back over a few blocks finds none of ours.
            let ids: Vec<(String, String)> =
                (0..12).map(|number| (format!("call_{step}_{number}"), format!("A-{number}"))).collect();
            let done = said::<P>(StopReason::EndTurn, vec![Block::Text("Yes.")]);
            let (_, _, asked) = ask_both(provider, &request, done).await;
            let (parts, ends) = provider.prefix(&asked[0]);
            let size = |parts: &[String]| parts.iter().map(String::len).sum::<usize>();
            // A cache is found where it ends at a mark of this request or within twenty blocks before one.
            let is_found = |cache: &&Vec<String>| {
                let reachable =
                    !P::CAN.cache_points || ends.iter().any(|end| (cache.len()..=cache.len() + 20).contains(end));
                reachable && parts.len() >= cache.len() && parts[..cache.len()] == cache[..]
            };
            let cached = caches.iter().filter(is_found).map(|cache| size(cache)).max().unwrap_or(0);
            if step > 0 {
                // Static: all but the results and calls of the last step.
                let fresh = 1 + ids.len();
                let fixed =
                    size(&parts[..parts.len().saturating_sub(if P::NAME == "openai" { fresh } else { 2 * ids.len() })]);
                outside.push(fixed.saturating_sub(cached) as f64 / fixed as f64);
            }
            match P::CAN.cache_points {
                true => caches.extend(ends.iter().map(|end| parts[..*end].to_vec())),
                false => caches.push(parts),
            }
            let call = |(id, order): &(String, String)| {
                let input = json!({"id": order});
                ContentBlock::ToolUse(ToolUse { tool_use_id: id.clone(), name: "Orders__get".into(), input })
            };
            let answers: Vec<(&str, &str, ToolResultStatus)> = ids
                .iter()
                .map(|(id, _)| (id.as_str(), "{\"status\":\"shipped\"}", ToolResultStatus::Success))
                .collect();
            messages.push(Message { role: Role::Assistant, content: ids.iter().map(call).collect() });
            messages.push(results(&answers));
        }
        let worst = outside.iter().copied().fold(0.0, f64::max);
        println!("{}: outside of cached prefixes on step 2 and later: {outside:.3?}", P::NAME);
        assert!(worst <= 0.15, "{}: {outside:?}", P::NAME);
    }

    pub async fn refusals<P: Provider>(provider: P) {
        use ModelErrorKind::{AccessDenied, Invalid, NotFound, Throttled, TooLong, Unavailable};
        for (status, kind, message, expected) in [
            (400, "invalid", "no such parameter", Invalid),
            (400, "too_long", "prompt is too long: 9 tokens > 8 maximum", TooLong),
            (401, "key", "bad key secret-key", AccessDenied),
            (404, "model", "no such model", NotFound),
            (429, "rate", "slow down", Throttled),
            (500, "internal", "oops", Unavailable),
            (529, "overloaded", "overloaded", Unavailable),
        ] {
            let is_passing = matches!(expected, Throttled | Unavailable);
            let attempts = if is_passing { 3 } else { 1 };
            let plays = vec![provider.refusal(status, kind, message); attempts];
            let standin = Standin::start(provider, plays).await;
            let error =
                model(provider, &standin).converse(&request(vec![Message::user("hi")]), None).await.unwrap_err();
            assert_eq!((error.kind, standin.asked().len()), (expected, attempts), "{}: {error}", P::NAME);
            assert!(error.message.starts_with(&format!("model `{}`: ", P::MODEL)), "{error}");
            assert!(P::NAME == "bedrock" || !error.message.contains("secret-key"), "{error}");
        }
        // A wait that is asked for is kept, and then it goes on.
        let mut busy = provider.refusal(429, "rate", "slow down");
        if let Play::Refuses(_, headers, _) = &mut busy {
            headers.push(("retry-after", "0".to_owned()));
        }
        let standin =
            Standin::start(provider, [busy, Play::Says(said::<P>(StopReason::EndTurn, vec![Block::Text("Yes.")]))])
                .await;
        let reply = model(provider, &standin).converse(&request(vec![Message::user("hi")]), None).await.unwrap();
        assert_eq!(reply.message.text(), "Yes.");
    }

    /// A fault that passes is made good, one that stays is told; what was heard is not taken back.
    pub async fn answers_that_go_wrong<P: Provider>(provider: P) {
        let mut blocks = vec![Block::Text("I look for your order, which takes a moment.")];
        blocks.extend(calls(&[("call_a", "A-1")]));
        let good = said::<P>(StopReason::ToolUse, blocks);
        let request = request(vec![Message::user("hi")]);
        for fault in [Fault::Garbage, Fault::EndsEarly, Fault::Breaks] {
            for streamed in [false, true] {
                let heard_something = streamed && fault != Fault::Garbage;
                let deltas = CollectedDeltas::new();
                let sink = streamed.then_some(&deltas as &dyn DeltaSink);
                let standin =
                    Standin::start(provider, [Play::Wrong(good.clone(), fault), Play::Says(good.clone())]).await;
                let outcome = model(provider, &standin).converse(&request, sink).await;
                match heard_something {
                    true => {
                        let error = outcome.expect_err("what was heard cannot be taken back");
                        let kinds = [ModelErrorKind::Unavailable, ModelErrorKind::BadReply];
                        assert!(kinds.contains(&error.kind), "{} {fault:?}: {error}", P::NAME);
                        assert_eq!(standin.asked().len(), 1);
                    }
                    false => {
                        let reply = outcome.unwrap_or_else(|error| panic!("{} {fault:?} {streamed}: {error}", P::NAME));
                        assert_eq!(reply.message.tool_uses().count(), 1);
                        assert_eq!(standin.asked().len(), 2);
                    }
                }
            }
        }
        let standin = Standin::start(provider, vec![Play::Wrong(good.clone(), Fault::EndsEarly); 3]).await;
        let error = model(provider, &standin).converse(&request, None).await.unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::BadReply);
    }

    /// No answer, and an answer that stops in the middle.
    pub async fn silence<P: Provider>(provider: P) {
        let good = said::<P>(StopReason::EndTurn, vec![Block::Text("I look for your order, which takes a moment.")]);
        let request = request(vec![Message::user("hi")]);
        for (fault, streamed) in
            [(Fault::Silent, false), (Fault::Silent, true), (Fault::Stalls, false), (Fault::Stalls, true)]
        {
            let standin = Standin::start(provider, vec![Play::Wrong(good.clone(), fault); 2]).await;
            let mut endpoint = endpoint(provider, &standin);
            endpoint.time.first_token = Duration::from_millis(150);
            endpoint.time.between_tokens = Duration::from_millis(150);
            endpoint.time.total = if streamed { Duration::from_secs(60) } else { Duration::from_millis(150) };
            endpoint.care.retries.count_max = 1;
            let deltas = CollectedDeltas::new();
            let sink = streamed.then_some(&deltas as &dyn DeltaSink);
            let error = provider.serve(endpoint).converse(&request, sink).await.unwrap_err();
            assert_eq!(error.kind, ModelErrorKind::TimedOut, "{} {fault:?} {streamed}: {error}", P::NAME);
            // A silence before the first word is tried once more; a time that is up is up.
            let attempts = if streamed && fault == Fault::Silent { 2 } else { 1 };
            assert_eq!(standin.asked().len(), attempts, "{} {fault:?} {streamed}", P::NAME);
        }
    }
}
