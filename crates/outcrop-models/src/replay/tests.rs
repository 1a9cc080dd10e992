use super::*;
use crate::ScriptedModel;
use outcrop_ports::{
    CachePlace, CachePoint, Caching, ContentBlock, InferenceConfig, Message, Reasoning, Role, ToolChoice, ToolResult,
    ToolResultContent, ToolResultStatus, ToolSpec, ToolUse,
};
use serde_json::json;

const SCRIPT: &str = "
turns:
  - when: order
    steps:
      - {think: I look., call: {tool: get_order, input: {id: A-1}}, usage: {input: 12, output: 3}}
      - say: 'It is {{last_result}}.'
  - when: ''
    steps: [{say: 'You said: {{input}}'}]
";

fn clean() -> Clean {
    Arc::new(|value: &mut Value| {
        let text = value.to_string();
        if text.contains("hunter2") {
            *value = serde_json::from_str(&text.replace("hunter2", "••••")).expect("JSON");
        }
    })
}

fn asked(messages: Vec<Message>) -> ModelRequest {
    let tool = ToolSpec {
        name: "get_order".to_owned(),
        description: "Finds an order.".to_owned(),
        input_schema: json!({"type": "object", "properties": {"id": {"type": "string"}}}),
    };
    ModelRequest {
        model_id: "us.anthropic.claude-sonnet-4-5".to_owned(),
        system: vec!["Be kind.".to_owned()],
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: vec![tool].into(),
        tool_choice: ToolChoice::Auto,
        inference: InferenceConfig { max_tokens: Some(100), ..InferenceConfig::default() },
        additional_fields: None,
        caching: Caching::default(),
    }
}

fn with_result(id: &str, seal: &str) -> Vec<Message> {
    let tool_use = ToolUse { tool_use_id: id.to_owned(), name: "get_order".to_owned(), input: json!({"id": "A-1"}) };
    let thinking = Reasoning { signature: Some(seal.to_owned()), ..Reasoning::plain("I look.") };
    let result = ToolResult {
        tool_use_id: id.to_owned(),
        content: vec![ToolResultContent::Text("shipped".to_owned())],
        status: ToolResultStatus::Success,
    };
    let content = vec![ContentBlock::ReasoningContent(thinking), ContentBlock::ToolUse(tool_use)];
    vec![
        Message::user("Where is my order?"),
        Message { role: Role::Assistant, content },
        Message { role: Role::User, content: vec![ContentBlock::ToolResult(result)] },
    ]
}

#[derive(Default)]
struct Heard(Mutex<Vec<Delta>>);

impl DeltaSink for Heard {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        self.0.lock().unwrap().push(delta);
        Box::pin(std::future::ready(()))
    }
}

async fn ask(model: &Replay, request: &ModelRequest) -> (Result<ModelReply, ModelError>, Vec<Delta>) {
    let heard = Heard::default();
    let reply = model.converse(request, Some(&heard)).await;
    (reply, heard.0.into_inner().unwrap())
}

fn recorder(folder: &Path) -> Replay {
    let over = Arc::new(ScriptedModel::from_yaml(SCRIPT).expect("a script"));
    Replay::record(folder, over, clean()).expect("a cassette")
}

#[tokio::test]
async fn what_was_recorded_is_played_piece_by_piece_without_the_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = recorder(folder.path());
    let mut recorded = Vec::new();
    for request in [asked(vec![Message::user("Where is my order?")]), asked(with_result("id-1", "seal"))] {
        // Asked without a listener at first: it is recorded as it streams all the same.
        let whole = recorder.converse(&request, None).await.expect("an answer");
        let (reply, heard) = ask(&recorder, &request).await;
        assert_eq!(reply.expect("played"), whole);
        recorded.push((request, whole, heard));
    }
    assert_eq!(recorded[1].2.len(), 3, "word by word, as the model wrote it: {:?}", recorded[1].2);
    assert_eq!(recorder.recordings(), 2);

    let player = Replay::play(folder.path(), clean()).expect("a cassette");
    for (request, whole, pieces) in recorded {
        let (reply, heard) = ask(&player, &request).await;
        assert_eq!((reply.expect("played"), heard), (whole, pieces));
    }
    assert_eq!(player.takes("anthropic.claude-sonnet-4-5"), Takes { images: true, documents: true });
}

#[tokio::test]
async fn what_says_nothing_does_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    recorder(folder.path()).converse(&asked(with_result("id-1", "seal")), None).await.expect("an answer");
    let player = Replay::play(folder.path(), clean()).expect("a cassette");
    let mut other = asked(with_result("toolu_99", "another seal"));
    other.model_id = "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-5".to_owned();
    other.caching = Caching::Given(vec![CachePoint { after: CachePlace::System(1), for_an_hour: false }]);
    player.converse(&other, None).await.expect("the same");
}

#[tokio::test]
async fn a_miss_says_where_the_nearest_differs() {
    let folder = tempfile::tempdir().expect("a folder");
    let player = Replay::play(folder.path(), clean()).expect("a cassette");
    let told = player.converse(&asked(vec![Message::user("x")]), None).await.unwrap_err();
    assert_eq!(told.kind, ModelErrorKind::Invalid);
    assert!(told.message.contains("is empty"), "{told}");

    let recorder = recorder(folder.path());
    recorder.converse(&asked(vec![Message::user("Tell me of the weather in Rome")]), None).await.expect("an answer");
    recorder.converse(&asked(with_result("id-1", "seal")), None).await.expect("an answer");
    let player = Replay::play(folder.path(), clean()).expect("a cassette");
    let change = |change: &dyn Fn(&mut ModelRequest)| {
        let mut request = asked(with_result("id-1", "seal"));
        change(&mut request);
        request
    };
    for (request, expected) in [
        (
            asked(vec![Message::user("Tell me of the weather in Oslo")]),
            r#"messages[0].content[0].text was "…e of the weather in Rome" and is "…e of the weather in Oslo" now"#,
        ),
        (
            change(&|request| request.system[0] = "Be brief.".to_owned()),
            r#"system[0] was "Be kind." and is "Be brief." now"#,
        ),
        (change(&|request| request.inference.max_tokens = Some(9)), "inference.maxTokens was 100 and is 9 now"),
        (
            change(&|request| request.model_id = "m".to_owned()),
            r#"model was "anthropic.claude-sonnet-4-5" and is "m" now"#,
        ),
        (
            change(&|request| request.messages.push(Arc::new(Message::user("And?")))),
            "messages had 3 items and has 4 items now",
        ),
        (change(&|request| request.tool_choice = ToolChoice::Any), r#"toolChoice was "auto" and is "any" now"#),
    ] {
        let told = player.converse(&request, None).await.unwrap_err().message;
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn secrets_are_never_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = asked(vec![Message::user("My word is hunter2, remember it")]);
    let reply = recorder(folder.path()).converse(&request, None).await.expect("an answer");
    assert!(reply.message.text().contains("hunter2"), "the caller has it");
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let text = std::fs::read_to_string(file).unwrap();
    assert!(!text.contains("hunter2") && text.contains("••••"), "{text}");
    let player = Replay::play(folder.path(), clean()).expect("a cassette");
    let other = asked(vec![Message::user("My word is ••••, remember it")]);
    let (reply, heard) = ask(&player, &other).await;
    assert_eq!(reply.unwrap().message.text(), "You said: My word is ••••, remember it");
    assert_eq!(heard, [Delta::Text("You said: My word is ••••, remember it".to_owned())]);
}

#[tokio::test]
async fn the_same_request_twice_at_once_is_asked_once_and_failures_are_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let script =
        "turns: [{when: no, steps: [{fail: {kind: throttled, message: slow}}]}, {steps: [{delay: 20ms, say: once}]}]";
    let over = Arc::new(ScriptedModel::from_yaml(script).expect("a script"));
    let recorder = Replay::record(folder.path(), over, clean()).expect("a cassette");
    let request = asked(vec![Message::user("x")]);
    let (one, other) = tokio::join!(recorder.converse(&request, None), recorder.converse(&request, None));
    assert_eq!(one.unwrap(), other.unwrap());
    let refused = recorder.converse(&asked(vec![Message::user("no")]), None).await.unwrap_err();
    assert_eq!((refused.kind, recorder.recordings()), (ModelErrorKind::Throttled, 1));
}

#[test]
fn what_is_no_recording_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = |text: &str| {
        std::fs::write(folder.path().join("bad.json"), text).unwrap();
        Replay::play(folder.path(), clean()).unwrap_err().to_string()
    };
    assert!(bad("{").contains("bad.json: is no recording: EOF"));
    assert!(bad("{\"version\": 7}").contains("bad.json: is a recording of version 7"));
    assert!(bad("{\"version\": 1}").contains("bad.json: is no recording: missing field"));
    assert!(Replay::play(&folder.path().join("none"), clean()).unwrap_err().to_string().contains("none: No such file"));
}
