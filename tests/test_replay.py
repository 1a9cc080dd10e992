"""`provider = "replay"`: model calls recorded once and played again without the model."""

import json

from chat_standin import ChatStandIn, text, tool_calls
from server import outcrop as run
from walk.stage import HANDLER
from world import FUNCTION, client, function, group, invoke, make_agent, refused

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
ORDERS = group("OrderTools", function("get_order_status", order_id="string"))
KEY = "sk-proj-4f9a8b7c6d5e4f3a2b1c0d9e"


def replay(folder, **over):
    keys = {"cassette": str(folder), **over}
    return '[[model]]\nmatch = "*"\nprovider = "replay"\n' + "".join(f"{name} = {json.dumps(value)}\n" for name, value in keys.items())


def answer(request):
    if request["messages"][-1]["role"] == "tool":
        return text(["It ", "has ", "shipped."])
    if request.get("tools"):
        return tool_calls(("call_1", "OrderTools__get_order_status", {"order_id": "A-1"}), words="I look.")
    return text(["You said: ", request["messages"][-1]["content"][:200]])


def test_recorded_once_and_played_piece_by_piece_without_the_model(outcrop, tmp_path):
    cassette, functions = tmp_path / "cassette", {FUNCTION.rpartition(":")[2]: HANDLER}
    ask = [{"role": "user", "content": [{"text": "Hi there"}]}]
    streamed = lambda: [event for event in client("bedrock-runtime", outcrop.url).converse_stream(modelId=CLAUDE, messages=ask)["stream"]
                        if "metadata" not in event]
    with ChatStandIn(answer) as standin:
        recording = replay(cassette, record=True, over="openai", base_url=standin.url, model="upstream", api_key_env="KEY")
        outcrop.start(functions=functions, settings=recording, environment={"KEY": KEY})
        agent = make_agent(outcrop.control(), ORDERS, foundationModel=CLAUDE)
        turn = invoke(outcrop.runtime(), agent, "Where is my order?")
        pieces = streamed()
        asked = len(standin.requests)
        assert streamed() == pieces and len(standin.requests) == asked == 3, "what is known is not asked again"
        assert standin.requests[0]["authorization"] == f"Bearer {KEY}"
    assert [event["contentBlockDelta"]["delta"]["text"] for event in pieces if "contentBlockDelta" in event] == ["You said: ", "Hi there"]
    files = sorted(cassette.iterdir())
    assert len(files) == 3 and not any(KEY in file.read_text() for file in files)

    # Without the model, its address and its key; the keys of who was recorded may stand there still.
    outcrop.server.terminate()
    (outcrop.folder / "data/outcrop.db").unlink()
    outcrop.start(functions=functions, settings=recording.replace("record = true", "record = false"))
    agent = make_agent(outcrop.control(), ORDERS, foundationModel=CLAUDE)
    assert invoke(outcrop.runtime(), agent, "Where is my order?").transcript == turn.transcript
    assert streamed() == pieces
    status, code, message = refused(client("bedrock-runtime", outcrop.url).converse, modelId=CLAUDE,
                                    messages=[{"role": "user", "content": [{"text": "Hi everybody"}]}])
    assert (status, code) == (400, "ValidationException")
    assert 'messages[0].content[0].text was "Hi there" and is "Hi everybody" now' in message and "record = true" in message
    total = json.loads(run("cost", "--json", "--endpoint", outcrop.url).stdout)["total"]
    assert (total["costUsd"], total["unpricedCalls"]) == (0.0, 0), "who is not asked is not paid"


def test_secrets_are_blanked(outcrop, tmp_path):
    cassette = tmp_path / "cassette"
    words = f"My key is {KEY}, keep it"
    with ChatStandIn(lambda request: text(["You said: ", request["messages"][-1]["content"]])) as standin:
        outcrop.start(settings=replay(cassette, record=True, over="openai", base_url=standin.url, model="m"))
        runtime = client("bedrock-runtime", outcrop.url)
        said = runtime.converse(modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": words}]}])
        assert KEY in said["output"]["message"]["content"][0]["text"], "the caller has it all the same"
    recorded, = cassette.iterdir()
    assert KEY not in recorded.read_text() and "My key is ••••, keep it" in recorded.read_text()
    other = [{"role": "user", "content": [{"text": words.replace("4f9a", "0000")}]}]
    played = runtime.converse(modelId=CLAUDE, messages=other)["output"]["message"]["content"][0]["text"]
    assert played == "You said: My key is ••••, keep it"


def test_recording_a_script(outcrop, tmp_path):
    script = tmp_path / "script.yaml"
    script.write_text('{"turns": [{"steps": [{"say": "Hello."}]}]}')
    outcrop.start(settings=replay(tmp_path / "cassette", record=True, over="scripted", script=str(script)))
    ask = {"modelId": CLAUDE, "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    assert client("bedrock-runtime", outcrop.url).converse(**ask)["output"]["message"]["content"] == [{"text": "Hello."}]
    assert "replay, 0 recorded calls" in outcrop.server.tail()


def test_a_folder_that_is_not_there(tmp_path):
    config = tmp_path / "outcrop.toml"
    config.write_text(replay(tmp_path / "none"))
    done = run("config", "check", "--config", config)
    assert done.returncode == 2 and "No such file" in done.stderr
