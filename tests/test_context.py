"""Conversations that outgrow the window, results too large to be shown, and files of the caller's."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import EventStreamError

import world
from script import call, calls, fail, say, script, turn
from test_inline import MODEL, invoke_inline, refused
from world import RETURN_CONTROL, function, group, handler, invoke, make_agent, results

LIST = group("OrderTools", function("list_orders"), function("get_order", order_id="string"))
CALENDAR = group("ClientSideTools", function("list_dates"), executor=RETURN_CONTROL)
# About 200 kB.
WHOLE = "".join(f"order {number}: {'shipped' if number % 2 else 'waiting'}\n" for number in range(10_000))
SHOP = handler("""
if name == "list_orders":
    return "".join(f"order {number}: {'shipped' if number % 2 else 'waiting'}\\n" for number in range(10_000))
return "x" * int(arguments["order_id"])
""")


def reference(text):
    """The reference of a result: FNV-1a of it, 48 bits."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"r{value >> 16:012x}"


def read(**what):
    return call("outcrop_read_result", reference=reference(WHOLE), **what)


def shortened(made):
    return [part["customOrchestrationTrace"]["event"]["text"] for part in made.parts if "customOrchestrationTrace" in part]


def windowed(outcrop, tokens, **more):
    """Settings of a scripted model with a window."""
    lines = ["[[model]]", 'match = "*"', 'provider = "scripted"', f"script = {json.dumps(str(outcrop.folder / 'script.yaml'))}"]
    return "\n".join([*lines, f"context_tokens = {tokens}", *(f"{key} = {value}" for key, value in more.items())])


@contextmanager
def endpoint(answer):
    """A Chat Completions endpoint; `answer` gives status and JSON for a request. Gives its address and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append(request)
            status, body = answer(request)
            body = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def completion(text):
    return 200, {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}]}


def served_by(url, **more):
    return "\n".join(["[[model]]", 'match = "*"', 'provider = "openai"', f'base_url = "{url}"', *(f"{key} = {json.dumps(value)}" for key, value in more.items())])


def test_a_large_result_is_read_on_by_search_and_by_place_in_later_turns_too(outcrop):
    place = WHOLE.index("order 5000:")
    outcrop.start(
        script(
            turn(call("list_orders"), read(search="order 7777:"), read(offset=place, length=44), say("It is {{last_result}}"), when="all orders"),
            turn(read(search="order 42:"), say("It is {{last_result}}"), when="once more"),
            turn(call("outcrop_read_result", reference="r000000000000"), say("It is {{last_result}}"), when="another"),
        ),
        {"order-tools": SHOP},
    )
    agent = make_agent(outcrop.control(), LIST)
    made = invoke(outcrop.runtime(), agent, "Look through all orders.", session="s-1")
    assert made.observations[0] == WHOLE, "the trace has the whole"
    shown = made.prompts[1]["messages"][-1]["content"][0]["toolResult"]["content"][0]["text"]
    assert len(shown) < 17_000 and shown.startswith("The result has 198890 bytes; only its beginning and its end are shown. Read on with outcrop_read_result")
    assert shown.endswith("order 9999: shipped\n") and f'reference "{reference(WHOLE)}"' in shown
    assert made.observations[1] == f"1 found, and no more from byte 0 on.\n--- at byte {WHOLE.index('order 7777:')}\norder 7777: shipped"
    assert made.answer == f"It is Bytes {place} to {place + 40} of 198890. Read on from offset {place + 40}.\norder 5000: waiting\norder 5001: shipped"
    assert f"lambda: outcrop.outcrop_read_result(reference={reference(WHOLE)} search=order 7777: offset=0 length=8192)" in made.transcript
    for _ in range(2):
        made = invoke(outcrop.runtime(), agent, "And once more, please.", session="s-1")
        assert made.answer == f"It is 1 found, and no more from byte 0 on.\n--- at byte {WHOLE.index('order 42:')}\norder 42: waiting"
        outcrop.server.restart()
    made = invoke(outcrop.runtime(), agent, "And another.", session="s-1")
    assert "There is no result r000000000000 any more, or there never was." in made.answer
    # A session of its own knows nothing of it, and is not offered the tool.
    with pytest.raises(EventStreamError, match="outcrop_read_result"):
        invoke(outcrop.runtime(), agent, "And once more, please.", session="s-2")


def test_a_large_result_of_the_callers_is_read_on(outcrop):
    outcrop.start(script(turn(call("list_dates"), read(search="order 9998"), say("{{last_result}}"))))
    agent = make_agent(outcrop.control(), CALENDAR)
    runtime = outcrop.runtime()
    first = invoke(runtime, agent, "Which dates?", session="s-1")
    outcrop.server.restart()
    made = invoke(outcrop.runtime(), agent, session="s-1", sessionState=results(first.control, list_dates=WHOLE))
    assert made.observations[0] == WHOLE
    assert made.answer.endswith("order 9998: waiting")


def test_results_give_way_then_turns_are_summed_up_and_the_trace_says_so(outcrop):
    outcrop.start(
        script(
            turn(say("The user asked for parcels; the first was 6000 long."), when="<conversation>"),
            turn(call("get_order", order_id="6000"), say("It is long."), when="order"),
            turn(say("It is a talk."), when="talk"),
        ),
        {"order-tools": SHOP},
        settings=windowed(outcrop, 9_000),
    )
    agent = make_agent(outcrop.control(), LIST)
    told = []
    for number in range(5):
        made = invoke(outcrop.runtime(), agent, f"order {number}", session="s-1")
        assert made.answer == "It is long."
        told += shortened(made)
    assert told and all("replaced by stand-ins" in one and "summed up" not in one for one in told), told
    prompt = json.dumps(made.prompts[-1])
    assert "is no longer shown." in prompt and prompt.count("x" * 6000) < 5
    told = []
    for number in range(7):
        made = invoke(outcrop.runtime(), agent, f"talk {number} " + "word " * 1_500, session="s-1")
        assert made.answer == "It is a talk."
        told += shortened(made)
        if number == 4:
            outcrop.server.restart()
    assert any("Oldest turns summed up or left out" in one for one in told), told
    assert len(told) <= 3, "not at every turn"
    assert "the first was 6000 long" in json.dumps(made.prompts[-1]), "the summary is what the model sees, also after a restart"
    assert "order 0" not in json.dumps(made.prompts[-1])
    asked = [step["modelInvocationInput"]["type"] for step in made.steps if "modelInvocationInput" in step]
    assert asked[-1] == "ORCHESTRATION"


def test_turns_that_cannot_be_summed_up_are_left_out(outcrop):
    outcrop.start(
        script(turn(fail("unavailable", "no summary today"), when="<conversation>"), turn(say("Yes."), when="talk")),
        settings=windowed(outcrop, 6_000),
    )
    agent = make_agent(outcrop.control())
    failures = []
    for number in range(6):
        made = invoke(outcrop.runtime(), agent, f"talk {number} " + "word " * 1_000, session="s-1")
        assert made.answer == "Yes."
        failures += [part["failureTrace"]["failureReason"] for part in made.parts if "failureTrace" in part]
    assert any("could not be summed up: no summary today" in one for one in failures), failures
    assert "Earlier parts of this conversation are left out" in json.dumps(made.prompts[-1])


def test_a_server_that_finds_it_too_long_is_asked_with_less(outcrop):
    def answer(request):
        if "You shorten conversations" in request["messages"][0]["content"]:
            return completion("They talked.")
        if sum(len(json.dumps(each)) for each in request["messages"]) > 20_000:
            message = "This model's maximum context length is 4096 tokens. However, your messages resulted in more."
            return 400, {"error": {"message": message, "type": "invalid_request_error", "code": "context_length_exceeded"}}
        return completion("Yes.")

    with endpoint(answer) as (url, asked):
        outcrop.start(settings=served_by(url, model="my-own"))
        runtime = outcrop.runtime()
        told = []
        for number in range(8):
            made = invoke_inline(runtime, f"talk {number} " + "word " * 1_000, session="s-1")
            assert made.answer == "Yes."
            told += shortened(made)
        assert told and "the model had refused the request as too long" in told[0], told
        assert sum("maximum context length" in str(part) for part in made.parts) == 0, "what was learned is kept"
        # One question alone is too long: then there is nothing to leave out.
        with pytest.raises(EventStreamError, match="maximum context length"):
            invoke_inline(runtime, "word " * 5_000, session="s-2")


def chat_file(name, data, media_type="text/plain"):
    source = {"sourceType": "BYTE_CONTENT", "byteContent": {"mediaType": media_type, "data": data}}
    return {"name": name, "source": source, "useCase": "CHAT"}


def s3_file(name, uri, use_case="CHAT"):
    return {"name": name, "source": {"sourceType": "S3", "s3Location": {"uri": uri}}, "useCase": use_case}


def test_files_are_shown_to_the_model(outcrop):
    outcrop.start(script(turn(say("{{files}}"), when="say"), turn(say("Fine."), when="thanks")))
    s3 = world.client("s3", outcrop.url)
    s3.create_bucket(Bucket="docs", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="docs", Key="in/policy.md", Body="# Returns\nWithin 30 days.".encode())
    agent = make_agent(outcrop.control())
    state = {"files": [
        chat_file("a.csv", b"order,total\nA-1,12\n", "text/csv"),
        s3_file("policy.md", "s3://docs/in/policy.md"),
        chat_file("p.png", b"\x89PNG\r\n\x1a\n123", "image/png"),
    ]}
    made = invoke(outcrop.runtime(), agent, "What do they say?", session="s-1", sessionState=state)
    expected = "a.csv (text/csv): order,total\nA-1,12\n\npolicy.md (text/markdown): # Returns\nWithin 30 days.\np.png (image/png): 11 bytes"
    assert made.answer == expected
    content = made.prompts[0]["messages"][0]["content"]
    assert [next(iter(block)) for block in content] == ["document", "document", "image", "text"]
    assert content[0]["document"]["name"] == "a.csv" and "data" not in content[0]["document"]
    # They are part of the conversation, also after a restart; what they hold is kept once.
    outcrop.server.restart()
    made = invoke(outcrop.runtime(), agent, "Many thanks.", session="s-1")
    assert [next(iter(block)) for block in made.prompts[0]["messages"][0]["content"]] == ["document", "document", "image", "text"]
    assert made.answer == "Fine."


def test_an_endpoint_gets_files_in_its_own_words(outcrop):
    with endpoint(lambda request: completion("Seen.")) as (url, asked):
        outcrop.start(settings=served_by(url, model="gpt-4o"))
        runtime = outcrop.runtime()
        files = [chat_file("n.json", b'{"a": 1}', "application/json"), chat_file("p.gif", b"GIF89a", "image/gif")]
        assert invoke_inline(runtime, "Look.", session="s-1", inlineSessionState={"files": files}).answer == "Seen."
        outcrop.server.restart()
        assert invoke_inline(outcrop.runtime(), "Again.", session="s-1").answer == "Seen."
        for request in asked:
            first = next(each for each in request["messages"] if each["role"] == "user")["content"]
            assert first == [
                {"type": "text", "text": '<document name="n.json">\n{"a": 1}\n</document>'},
                {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlh"}},
                {"type": "text", "text": "Look."},
            ]
        error = refused(outcrop.runtime(), inlineSessionState={"files": [chat_file("p.pdf", b"%PDF-1.7", "application/pdf")]})
        assert error["Code"] == "validationException" and "documents = true" in error["Message"], error


def test_the_offline_planner_quotes_a_file(outcrop):
    outcrop.start(settings='[[model]]\nmatch = "*"\nprovider = "offline"')
    state = {"files": [chat_file("policy.txt", b"Returns policy\nGoods may be returned within 30 days.\nShipping is free above 50 EUR.\n")]}
    runtime = outcrop.runtime()
    made = invoke_inline(runtime, "Is shipping free?", session="s-1", inlineSessionState=state)
    assert made.answer == "policy.txt says: Shipping is free above 50 EUR."
    assert invoke_inline(runtime, "Within how many days may goods be returned?", session="s-1").answer == "policy.txt says: Goods may be returned within 30 days."


@pytest.mark.parametrize(("files", "message"), [
    ([chat_file(f"{number}.txt", b"x") for number in range(6)], "at most 5 files"),
    ([chat_file("a.txt", b"x" * 6_000_000), chat_file("b.txt", b"x" * 6_000_000)], "b.txt cannot be used: the files of a request have at most 10485760 bytes together"),
    ([{**chat_file("a.csv", b"x"), "useCase": "CODE_INTERPRETER"}], "the code interpreter is not built yet"),
    ([s3_file("a.txt", "s3://docs/none.txt")], "there is no object s3://docs/none.txt"),
    ([chat_file("a.exe", b"MZ", "application/x-msdownload")], "application/x-msdownload is none of: txt,"),
    ([chat_file("a.txt", b"\xff\xfe\x00")], "must be UTF-8 text"),
    ([{"name": "a.txt", "source": {"sourceType": "S3"}, "useCase": "CHAT"}], "its source has no s3Location"),
])
def test_files_that_cannot_be_used_are_told(outcrop, files, message):
    outcrop.start(script(turn(say("Fine."))))
    error = refused(outcrop.runtime(), inlineSessionState={"files": files})
    assert error["Code"] == "validationException" and message in error["Message"], error
