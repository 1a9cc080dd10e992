//! Conversations that outgrow the model's window, and results that are too large to be shown.

use super::*;
use outcrop_planner::turn::{Earlier, Left, Summarized};
use outcrop_ports::{ToolResult, ToolResultContent};
use proptest::prelude::*;

/// What a session is at: what its turns left, and every message they added.
#[derive(Default)]
struct Session {
    earlier: Earlier,
    all: Vec<Arc<Message>>,
    turns: u32,
}

impl Session {
    fn begin(&self, input: &str, window: u32, limits: TurnLimits) -> Play {
        let windows = BTreeMap::from([("m".to_owned(), window)]);
        let started = Started { input_text: input.into(), windows, limits, ..Started::default() };
        Play::after(agent(), self.earlier.clone(), started)
    }

    /// Takes over what a turn leaves, by way of its form in the journal.
    fn end(&mut self, play: &Play) {
        play.transcript();
        self.turns += 1;
        let messages = play.turn.new_messages().to_vec();
        let left = serde_json::to_string(&play.turn.left()).unwrap();
        let left: Left = serde_json::from_str(&left).unwrap();
        self.earlier.push(self.turns, messages.clone(), left);
        self.all.extend(messages);
        assert_eq!(self.earlier.messages, self.all, "what is kept is never shortened");
    }
}

impl Play {
    fn summary(&mut self, outcome: Result<&str, ModelErrorKind>) -> &mut Self {
        let (started_at, at) = self.at();
        let outcome = match outcome {
            Ok(text) => Ok(ModelReply::new(Message::assistant(text), StopReason::EndTurn, Usage::default())),
            Err(kind) => Err(ModelError::new(kind, "no")),
        };
        self.feed("summary", Event::Summarized(Summarized { started_at, at, call_id: "c".into(), outcome }))
    }

    fn model_fails(&mut self, kind: ModelErrorKind) -> &mut Self {
        let (started_at, at) = self.at();
        let error = ModelError::new(kind, "too long");
        self.feed("model fails", Event::ModelFailed(ModelFailed { started_at, at, error }))
    }

    /// A reply whose usage says nothing, so that estimates stay as they are.
    fn model_silent(&mut self, content: Vec<ContentBlock>) -> &mut Self {
        let (started_at, at) = self.at();
        let message = Message { role: Role::Assistant, content };
        let reply = ModelReply::new(message, StopReason::EndTurn, Usage::default());
        self.feed("model", Event::ModelReplied(ModelReplied { started_at, at, call_id: "c".into(), reply }))
    }

    fn is_asked_for_summary(&self) -> bool {
        self.transcript.lines().last().is_some_and(|line| line.starts_with("  = summarize"))
    }

    fn shown(&self) -> Vec<String> {
        let asked = self.asked.as_ref().unwrap();
        asked.messages.iter().flat_map(|message| &message.content).map(short).collect()
    }

    fn notes(&self) -> Vec<&str> {
        self.transcript.lines().filter(|line| line.contains("Conversation shortened")).collect()
    }
}

fn short(block: &ContentBlock) -> String {
    let cut = |text: &str| text.chars().take(90).collect::<String>();
    match block {
        ContentBlock::Text(text) => cut(text),
        ContentBlock::ToolUse(one) => format!("use {}", one.name),
        ContentBlock::ToolResult(result) => format!("result {}", cut(&text_of(result))),
        other => format!("{other:?}"),
    }
}

fn text_of(result: &ToolResult) -> String {
    result.content.iter().map(ToolResultContent::words).collect()
}

fn ask(id: usize) -> Vec<ContentBlock> {
    vec![uses(&format!("t{id}"), "orders__status", json!({"id": "A-1"}))]
}

/// A turn with one tool call whose result has so many bytes.
fn turn(session: &mut Session, number: usize, bytes: usize, window: u32) -> Play {
    let mut play = session.begin(&format!("question {number}"), window, TurnLimits::default());
    while play.is_asked_for_summary() {
        play.summary(Ok(&format!("summary before question {number}")));
    }
    play.model_silent(ask(number));
    play.tool(&format!("t{number}"), answers(&format!("{number}").repeat(bytes)));
    while play.is_asked_for_summary() {
        play.summary(Ok(&format!("summary in question {number}")));
    }
    play.model_silent(vec![text(&format!("answer {number}"))]);
    session.end(&play);
    play
}

#[test]
fn oldest_results_go_first_then_the_oldest_turns_are_summed_up() {
    let mut session = Session::default();
    let mut notes = Vec::new();
    let mut last = None;
    for number in 0..9 {
        let play = turn(&mut session, number, 4_000, 9_000);
        notes.extend(play.notes().iter().map(|note| format!("{number}:{note}")));
        last = Some(play.shown());
    }
    assert_snapshot!(format!("{}\n\n{}", notes.join("\n"), last.unwrap().join("\n")));
}

#[test]
fn words_alone_are_summed_up_and_summed_up_again() {
    let mut session = Session::default();
    let (mut notes, mut shown) = (Vec::new(), Vec::new());
    for number in 0..12 {
        let words = format!("question {number} {}", "word ".repeat(400));
        let mut play = session.begin(&words, 6_000, TurnLimits::default());
        if play.is_asked_for_summary() {
            let said = if number < 9 { Ok("they spoke of words") } else { Err(ModelErrorKind::Unavailable) };
            play.summary(said);
        }
        shown = play.shown();
        play.model_silent(vec![text("yes")]);
        notes.extend(play.notes().iter().map(|note| format!("{number}:{note}")));
        session.end(&play);
    }
    assert_snapshot!(format!("{}\n\n{}", notes.join("\n"), shown.join("\n")));
}

#[test]
fn what_was_shortened_stays_as_it_is_from_step_to_step() {
    let mut session = Session::default();
    for number in 0..4 {
        turn(&mut session, number, 6_000, 1_000_000);
    }
    let mut play = session.begin("go on", 8_000, TurnLimits::default());
    assert!(!play.is_asked_for_summary(), "results are enough");
    assert_eq!(play.notes().len(), 1, "{}", play.transcript);
    let mut before = play.shown();
    for step in 10..14 {
        play.model_silent(ask(step)).tool(&format!("t{step}"), answers("fine"));
        let now = play.shown();
        assert_eq!(now[..before.len()], before, "the beginning is the same");
        before = now;
    }
    assert_eq!(play.notes().len(), 1);
}

#[test]
fn a_model_that_says_it_is_too_long_is_asked_once_more_with_less() {
    let mut session = Session::default();
    for number in 0..4 {
        turn(&mut session, number, 6_000, 1_000_000);
    }
    let limits = TurnLimits { tool_result_excerpt_bytes: Some(60_000), ..TurnLimits::default() };
    let mut play = session.begin("go on", 1_000_000, limits);
    play.model_silent(ask(9)).tool("t9", answers(&"line of a long result\n".repeat(2_000)));
    let before = play.asked.clone().unwrap();
    play.model_fails(ModelErrorKind::TooLong);
    let after = play.shown();
    let result = after.last().unwrap();
    assert!(
        result.starts_with("result The result has 44000 bytes; only its beginning and its end are shown."),
        "{after:?}"
    );
    assert!(play.asked.as_ref().unwrap().messages.len() <= before.messages.len());
    let notes = play.notes();
    assert!(notes.iter().any(|note| note.contains("the model had refused the request as too long")), "{notes:?}");
    play.model_fails(ModelErrorKind::TooLong);
    assert!(play.transcript.contains("= fail Invalid"), "once is enough: {}", play.transcript);
}

#[test]
fn a_large_result_is_read_on_also_in_the_next_turn() {
    let mut session = Session::default();
    let whole: String = (0..20_000).map(|line| format!("line {line}\n")).collect();
    let mut play = session.begin("list", 1_000_000, TurnLimits::default());
    assert!(!play.asked.as_ref().unwrap().tools.iter().any(|tool| tool.name == "outcrop_read_result"));
    play.model_silent(ask(1)).tool("t1", answers(&whole));
    let asked = play.asked.clone().unwrap();
    assert!(asked.tools.iter().any(|tool| tool.name == "outcrop_read_result"), "{asked:?}");
    let shown = serde_json::to_string(&asked.messages).unwrap();
    assert!(shown.len() < 20_000, "{}", shown.len());
    let at = shown.find("reference \\\"").unwrap() + 12;
    let reference = shown[at..at + 13].to_owned();
    play.model_silent(vec![uses(
        "t2",
        "outcrop_read_result",
        json!({"reference": reference, "search": "line 1234\n"}),
    )]);
    let read = format!(
        "read ReadResult {{ tool_use_id: \"t2\", reference: \"{reference}\", turn: None, offset: 0, length: 8192, search: Some(\"line 1234\\n\") }}"
    );
    assert!(play.transcript.contains(&read), "{}", play.transcript);
    play.tool("t2", answers("1 found")).model_silent(vec![text("There.")]);
    session.end(&play);

    let mut play = session.begin("and now?", 1_000_000, TurnLimits::default());
    play.model_silent(vec![uses(
        "t1",
        "outcrop_read_result",
        json!({"reference": reference, "offset": "7", "length": 1_000_000}),
    )]);
    assert!(play.transcript.contains("turn: Some(1), offset: 7, length: 16384, search: None"), "{}", play.transcript);
    play.tool("t1", answers("Bytes 7")).model_silent(vec![text("There.")]);
    session.end(&play);
}

/// What happens in one step of a random turn.
#[derive(Clone, Debug)]
enum Happens {
    Result(usize),
    TwoResults(usize),
    Nonsense,
    TooLong,
    Fails,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0_usize..30_000).prop_map(Happens::Result),
        2 => (0_usize..9_000).prop_map(Happens::TwoResults),
        1 => Just(Happens::Nonsense),
        2 => Just(Happens::TooLong),
        1 => Just(Happens::Fails),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is shortened: sides take turns, each use has its result, the user's words are there whole, the turn ends,
    /// and the journal leads to the same again.
    #[test]
    fn every_request_is_a_whole_conversation(
        turns in prop::collection::vec((1_usize..2_000, prop::collection::vec(happens(), 0..5)), 1..7),
        window in 2_000_u32..20_000,
        summaries in any::<bool>(),
        previous in prop::option::of(0_usize..4),
    ) {
        let mut session = Session::default();
        for (number, (words, steps)) in turns.into_iter().enumerate() {
            let words = format!("question {number} {}", "x".repeat(words));
            let windows = BTreeMap::from([("m".to_owned(), window)]);
            let prompt_creation = outcrop_planner::turn::PromptCreation { previous_turns_max: previous.filter(|_| number % 2 == 1), exclude_previous_thinking: number % 3 == 1 };
            let started = Started { input_text: words.clone(), windows, prompt_creation, ..Started::default() };
            let mut play = Play::after(agent(), session.earlier.clone(), started);
            let mut id = 0;
            for step in steps {
                settle(&mut play, summaries, &words);
                if play.turn.awaited_invocation().is_some() || play.is_over() {
                    break;
                }
                match step {
                    Happens::Result(bytes) => {
                        id += 1;
                        play.model_silent(ask(id)).tool(&format!("t{id}"), answers(&"r".repeat(bytes)));
                    }
                    Happens::TwoResults(bytes) => {
                        id += 2;
                        let both = [ask(id - 1), ask(id)].concat();
                        play.model_silent(both)
                            .tool(&format!("t{id}"), answers(&"é".repeat(bytes)))
                            .tool(&format!("t{}", id - 1), answers(&"s\n".repeat(bytes)));
                    }
                    Happens::Nonsense => {
                        id += 1;
                        play.model_silent(vec![uses(&format!("t{id}"), "none", json!({}))]);
                    }
                    Happens::TooLong => { play.model_fails(ModelErrorKind::TooLong); }
                    Happens::Fails => { play.model_fails(ModelErrorKind::Unavailable); }
                }
            }
            settle(&mut play, summaries, &words);
            if !play.is_over() {
                play.model_silent(vec![text("<thinking>so</thinking>done")]);
            }
            prop_assert!(play.is_over());
            session.end(&play);
        }
    }
}

impl Play {
    fn is_over(&self) -> bool {
        self.transcript
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("  = finish") || line.starts_with("  = fail"))
    }
}

/// Answers calls for summaries, and looks at what the model is asked then.
fn settle(play: &mut Play, summaries: bool, words: &str) {
    while play.is_asked_for_summary() {
        play.summary(if summaries { Ok("what was") } else { Err(ModelErrorKind::TooLong) });
    }
    if play.is_over() {
        return;
    }
    let asked = play.asked.as_ref().unwrap();
    assert_eq!(asked.messages[0].role, Role::User);
    check_conversation(&asked.messages);
    assert!(asked.messages.iter().any(|message| message.text().ends_with(words)), "{words:.20} is not there");
    assert!(asked.messages.iter().all(|message| !message.content.is_empty()));
}
