"""Turns that are broken off: by the client, by kill -9, by SIGTERM."""

from script import call, say, script, turn
from world import eventually, function, group, handler, invoke, make_agent

ORDERS = group("OrderTools", function("get_order_status", order_id="string"))


def gated(folder):
    """A handler that notes its call and then waits until the test opens the gate."""
    return handler(f"""
        place = {str(folder)!r}
        with open(os.path.join(place, "calls"), "a") as calls:
            calls.write(arguments["order_id"] + "\\n")
        while not os.path.exists(os.path.join(place, "gate")):
            time.sleep(0.005)
        return {{"order_id": arguments["order_id"], "status": "shipped"}}
    """)


ASK = script(
    turn(call("get_order_status", order_id="A-1"), say("A-1 has shipped."), when="A-1"),
    turn(say("As I said."), when="again"),
)


def begin(outcrop, agent, text):
    """Begins a turn and reads until the function has been called; gives the stream."""
    response = outcrop.runtime().invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", inputText=text, enableTrace=True)
    for event in response["completion"]:
        if "invocationInput" in event["trace"]["trace"].get("orchestrationTrace", {}):
            return response["completion"]
    raise AssertionError("the function was not called")


def test_a_client_that_hangs_up_does_not_lose_the_turn(outcrop, tmp_path):
    outcrop.start(ASK, {"order-tools": gated(tmp_path)})
    agent = make_agent(outcrop.control(), ORDERS)
    begin(outcrop, agent, "Where is A-1?").close()
    (tmp_path / "gate").touch()

    def history():
        asked = str(invoke(outcrop.runtime(), agent, "Say it again.", session="s-1").prompts[0])
        return asked if "A-1 has shipped." in asked else None

    assert '"status": "shipped"' in eventually(history).replace("\\", "")
    assert (tmp_path / "calls").read_text() == "A-1\n"


def test_a_session_goes_on_after_kill_9(outcrop, tmp_path):
    (tmp_path / "gate").touch()
    outcrop.start(ASK, {"order-tools": gated(tmp_path)})
    agent = make_agent(outcrop.control(), ORDERS)
    first = invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1")
    assert first.answer == "A-1 has shipped."
    outcrop.server.restart()
    second = invoke(outcrop.runtime(), agent, "Say it again.", session="s-1")
    assert second.answer == "As I said."
    asked = str(second.prompts[0])
    assert "Where is A-1?" in asked and "A-1 has shipped." in asked and "shipped" in asked


def test_kill_9_in_the_middle_of_a_turn(outcrop, tmp_path):
    outcrop.start(ASK, {"order-tools": gated(tmp_path)})
    agent = make_agent(outcrop.control(), ORDERS)
    begin(outcrop, agent, "Where is A-1?")
    eventually((tmp_path / "calls").exists)
    outcrop.server.restart()
    (tmp_path / "gate").touch()
    # The session is free again, and what the function was asked is not asked behind the caller's back.
    assert invoke(outcrop.runtime(), agent, "Say it again.", session="s-1").answer == "As I said."
    assert (tmp_path / "calls").read_text() == "A-1\n"


def test_sigterm_lets_a_turn_reach_a_boundary(outcrop, tmp_path):
    outcrop.start(ASK, {"order-tools": gated(tmp_path)})
    agent = make_agent(outcrop.control(), ORDERS)
    begin(outcrop, agent, "Where is A-1?")
    eventually((tmp_path / "calls").exists)
    (tmp_path / "gate").touch()
    assert outcrop.server.terminate() == 0
    outcrop.server.start()
    assert invoke(outcrop.runtime(), agent, "Say it again.", session="s-1").answer == "As I said."
