"""Models that throttle, stall, cut their JSON short, stream garbage, end early or are not there: a turn never hangs and is never lost."""

import json
import threading
import time
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import EventStreamError

from test_inline import MODEL, invoke_inline
from world import INSTRUCTION, RETURN_CONTROL, Turn, function, group, invoke, make_agent, results

CALENDAR = group("ClientSideTools", function("open_calendar", date="string"), executor=RETURN_CONTROL)

# Short enough for a test, long enough for a busy machine.
PATIENCE = 'first_token_timeout = "1s"\nbetween_token_timeout = "1s"\ntotal_timeout = "3s"\nretry_delay = "10ms"\nbreaker_failures = 0\n'


def openai(text, call=None):
    """A streamed answer and a whole one."""
    calls = [{"index": 0, "id": "call_1", "type": "function", "function": {"name": call[0], "arguments": json.dumps(call[1])}}] if call else None
    reason = "tool_calls" if call else "stop"
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    message = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
    whole = {"choices": [{"index": 0, "finish_reason": reason, "message": message}], "usage": usage}
    words = [{"choices": [{"index": 0, "delta": {"content": word + " "}, "finish_reason": None}]} for word in text.split()]
    last = {"choices": [{"index": 0, "delta": {"tool_calls": calls} if calls else {}, "finish_reason": reason}], "usage": usage}
    return [*words, last], whole


def anthropic(text, call=None):
    content = [{"type": "text", "text": text}] + ([{"type": "tool_use", "id": "toolu_1", "name": call[0], "input": call[1]}] if call else [])
    reason = "tool_use" if call else "end_turn"
    usage = {"input_tokens": 12, "output_tokens": 3}
    whole = {"type": "message", "role": "assistant", "content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}
    events = [{"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}]
    events.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    events += [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word + " "}} for word in text.split()]
    events.append({"type": "content_block_stop", "index": 0})
    events.append({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage})
    return [*events, {"type": "message_stop"}], whole


def gemini(text, call=None):
    parts = [{"text": text}] + ([{"functionCall": {"id": "c1", "name": call[0], "args": call[1]}}] if call else [])
    usage = {"promptTokenCount": 12, "candidatesTokenCount": 3, "totalTokenCount": 15}
    whole = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}], "usageMetadata": usage}
    words = [{"candidates": [{"content": {"role": "model", "parts": [{"text": word + " "}]}}]} for word in text.split()]
    return [*words, {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage}], whole


def bedrock(text, call=None):
    content = [{"text": text}] + ([{"toolUse": {"toolUseId": "tooluse_1", "name": call[0], "input": call[1]}}] if call else [])
    usage = {"inputTokens": 12, "outputTokens": 3, "totalTokens": 15}
    whole = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use" if call else "end_turn",
             "usage": usage, "metrics": {"latencyMs": 1}}
    return None, whole


PROVIDERS = {"openai": openai, "anthropic": anthropic, "gemini": gemini, "bedrock": bedrock}


class Hostile:
    """A model over HTTP that plays one behaviour after the other; the last one stays."""

    def __init__(self, provider):
        self.make = PROVIDERS[provider]
        self.plays = []
        self.asked = []
        self.ended = threading.Event()

    def play(self, *plays):
        self.plays = list(plays)

    def answer(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        self.asked.append(body)
        play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        streamed = body.get("stream") or "stream" in handler.path
        kind, rest = play[0], play[1:]
        if kind == "status":
            return self.send(handler, json.dumps({"error": {"message": f"status {rest[0]}, said the model"}}).encode(), status=rest[0])
        events, whole = self.make(*(rest or ("Good day to you and to everybody else here.",)))
        if streamed and events:
            data = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
        else:
            data, streamed = json.dumps(whole).encode(), False
        if kind == "silence":
            return self.ended.wait(30)
        if kind == "garbage":
            data = b"data: {\"cut\": \n\n<html>502</html>\n\n" if streamed else b"<html>502</html>"
        if kind in ("early", "stall", "cut"):
            data = data[: len(data) // 2]
        self.send(handler, data, "text/event-stream" if streamed else "application/json", stall=kind == "stall", cut=kind == "cut")

    def send(self, handler, data, content_type="application/json", status=200, stall=False, cut=False):
        handler.send_response(status)
        handler.send_header("content-type", content_type)
        handler.send_header("content-length", str(len(data) + (100 if stall or cut else 0)))
        handler.end_headers()
        handler.wfile.write(data)
        handler.wfile.flush()
        if stall:
            self.ended.wait(30)
        if cut:
            handler.close_connection = True


@contextmanager
def hostile(provider="openai"):
    model = Hostile(provider)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            try:
                model.answer(self)
            except OSError:
                self.close_connection = True

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    model.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield model
    finally:
        model.ended.set()
        server.shutdown()
        server.server_close()


def served_by(hostile, provider="openai", match="*", **more):
    lines = ["[[model]]", f'match = "{match}"', f'provider = "{provider}"', f'base_url = "{hostile.url}"', PATIENCE]
    if provider != "openai":
        lines.append('api_key_env = "KEY"')
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in more.items())])


def ends(runtime, text="Hello.", seconds=30, **more):
    """Runs a turn to its end: the events until then, and the error it ended with."""
    began = time.monotonic()
    asked = {"foundationModel": MODEL, "instruction": INSTRUCTION, "enableTrace": True, "inputText": text, **more}
    asked.setdefault("sessionId", str(uuid.uuid4()))
    response = runtime.invoke_inline_agent(**asked)
    events, error = [], None
    try:
        for event in response["completion"]:
            events.append(event)
    except EventStreamError as raised:
        error = raised.response["Error"]
    assert time.monotonic() - began < seconds, "it hung"
    return Turn(events), error


def failures(made):
    return [part["failureTrace"]["failureReason"] for part in made.parts if "failureTrace" in part]


FAULTS = {
    "throttled": (("status", 429), "throttlingException", "status 429"),
    "down": (("status", 503), "dependencyFailedException|badGatewayException", "status 503"),
    "refused": (("status", 401), "accessDeniedException", "status 401"),
    "wrong": (("status", 400), "validationException", "status 400"),
    "silent": (("silence",), "dependencyFailedException|badGatewayException", "time"),
    "stalled": (("stall",), "dependencyFailedException|badGatewayException", "time|came"),
    "garbage": (("garbage",), "dependencyFailedException|badGatewayException", "cannot read|stream"),
    "ended early": (("early",), "dependencyFailedException|badGatewayException", "cannot read|broke off|stream"),
    "cut": (("cut",), "dependencyFailedException|badGatewayException", "broke|connection"),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_every_fault_ends_the_turn_with_its_cause_and_the_session_goes_on(outcrop, provider, streamed):
    streaming = {"streamingConfigurations": {"streamFinalResponse": True}} if streamed else {}
    with hostile(provider) as model:
        outcrop.start(settings=served_by(model, provider, model="m", retries=1), environment={"KEY": "k-secret"})
        runtime = outcrop.runtime()
        for name, (play, code, cause) in FAULTS.items():
            session = str(uuid.uuid4())
            model.play(("says",))
            ends(runtime, "Remember the word banana.", sessionId=session, **streaming)
            model.play(play)
            made, error = ends(runtime, "Say something.", sessionId=session, **streaming)
            assert error and error["Code"] in code.split("|"), (name, error)
            told = failures(made)
            assert told and any(part in told[-1] for part in cause.split("|")), (name, told)
            assert "k-secret" not in json.dumps(told)
            # The session knows what was said before, and answers.
            model.play(("says",))
            again, error = ends(runtime, "Which word?", sessionId=session, **streaming)
            assert error is None and "Good day to you" in again.answer, (name, error)
            assert "banana" in json.dumps(model.asked[-1]), name


@pytest.mark.parametrize("fault", ["throttled", "down", "garbage", "ended early", "cut"])
def test_a_fault_that_passes_is_not_noticed(outcrop, fault):
    with hostile() as model:
        outcrop.start(settings=served_by(model))
        model.play(FAULTS[fault][0], FAULTS[fault][0], ("says",))
        made = invoke_inline(outcrop.runtime(), "Hello.")
        assert made.answer == "Good day to you and to everybody else here." and not failures(made)
        assert len(model.asked) == 3


def test_an_answer_that_breaks_off_while_it_is_shown_follows_whole(outcrop):
    with hostile() as model:
        outcrop.start(settings=served_by(model))
        model.play(("stall",), ("says", "Something else altogether."))
        made, error = ends(outcrop.runtime(), streamingConfigurations={"streamFinalResponse": True})
        assert error is None
        assert made.answer.startswith("Good day to you") and made.answer.endswith("\nSomething else altogether."), made.answer


def test_fallbacks_are_asked_in_order(outcrop):
    with hostile() as first, hostile("anthropic") as second, hostile("gemini") as third:
        settings = "\n".join([
            served_by(second, "anthropic", match="backup-a"),
            served_by(third, "gemini", match="backup-b"),
            served_by(first, fallback=["backup-a", "backup-b"], retries=0),
        ])
        outcrop.start(settings=settings, environment={"KEY": "k"})
        runtime = outcrop.runtime()
        first.play(("status", 503))
        second.play(("status", 429))
        third.play(("says", "The third answers."))
        made = invoke_inline(runtime, "Hello.", session="s-1")
        assert made.answer == "The third answers."
        assert (len(first.asked), len(second.asked) > 0, len(third.asked)) == (1, True, 1)
        assert second.asked[0]["model"] == "backup-a"
        # What is wrong with the request is wrong everywhere.
        first.play(("status", 400))
        _, error = ends(runtime)
        assert error["Code"] == "validationException" and len(third.asked) == 1
        # All causes are told.
        first.play(("status", 503))
        third.play(("status", 503))
        made, error = ends(runtime)
        assert all(part in failures(made)[-1] for part in ("status 503", "backup-a", "status 429", "backup-b")), failures(made)
        # The first is asked again when it is well.
        first.play(("says", "The first is back."))
        assert invoke_inline(runtime, "Hello.").answer == "The first is back."


def test_results_of_the_caller_are_not_lost_to_a_model_that_fails(outcrop):
    with hostile() as model:
        outcrop.start(settings=served_by(model, retries=0))
        runtime = outcrop.runtime()
        model.play(("says", "I open it.", ("ClientSideTools__open_calendar", {"date": "Monday"})))
        first = invoke_inline(runtime, "Open it.", session="s-1", actionGroups=[CALENDAR])
        state = results(first.control, open_calendar="opened")
        model.play(("status", 503))
        with pytest.raises(EventStreamError):
            invoke_inline(runtime, session="s-1", actionGroups=[CALENDAR], inlineSessionState=state)
        outcrop.server.restart()
        model.play(("says", "It is open."))
        made = invoke_inline(outcrop.runtime(), session="s-1", actionGroups=[CALENDAR], inlineSessionState=state)
        assert made.answer == "It is open."
        assert "opened" in json.dumps(model.asked[-1])


def test_a_provider_that_only_fails_is_left_alone(outcrop):
    with hostile() as model:
        settings = served_by(model, retries=0).replace("breaker_failures = 0", 'breaker_failures = 2\nbreaker_pause = "1h"')
        outcrop.start(settings=settings)
        model.play(("status", 503))
        for _ in range(4):
            made, error = ends(outcrop.runtime())
            assert error
        assert len(model.asked) == 2 and "left alone" in failures(made)[-1]


def test_work_beside_the_loop_has_models_of_its_own(outcrop):
    """By configuration for all agents, by a tag for one."""
    with hostile() as large, hostile() as small, hostile() as tagged:
        settings = "\n".join([
            '[models]\npost_processing = "small"',
            served_by(small, match="small"), served_by(tagged, match="tagged"), served_by(large),
        ])
        outcrop.start(settings=settings)
        for model, word in ((large, "large"), (small, "small"), (tagged, "tagged")):
            model.play(("says", f"<final_response>By the {word} one.</final_response>"))
        control = outcrop.control()
        prompts = {"promptConfigurations": [{"promptType": "POST_PROCESSING", "promptCreationMode": "DEFAULT", "promptState": "ENABLED"}]}
        agent = make_agent(control, promptOverrideConfiguration=prompts)
        made = invoke(outcrop.runtime(), agent, "Hello.")
        assert (len(large.asked), len(small.asked), len(tagged.asked)) == (1, 1, 0), made.transcript
        arn = control.get_agent(agentId=agent.id)["agent"]["agentArn"]
        control.tag_resource(resourceArn=arn, tags={"outcrop:model.post-processing": "tagged", "outcrop:model.orchestration": "small"})
        invoke(outcrop.runtime(), agent, "Hello.")
        assert (len(large.asked), len(small.asked), len(tagged.asked)) == (1, 2, 1)
        with pytest.raises(control.exceptions.ValidationException, match="names no work of a model"):
            control.tag_resource(resourceArn=arn, tags={"outcrop:model.lunch": "small"})
