"""Requests that come again: after a kill, from a client that lost its connection, beside one that is being answered."""

import json
import socket
import threading
import urllib.error
import urllib.request

import pytest

from script import call, calls, say, script, turn
from test_collaboration import MODEL, configured, described
from world import Turn, client, eventually, function, group, handler, invoke, make_agent, results

ORDERS = group("OrderTools", function("get_order_status", order_id="string"), function("pay", order_id="string"))
RECOVERED = "The server ended in the middle of this turn, which is taken up again."


def gated(folder):
    """A handler that notes each call with its key, and waits with those whose order has a gate until it is opened."""
    return handler(f"""
        place = {str(folder)!r}
        custom = event["__custom"]
        with open(os.path.join(place, "calls"), "a") as calls:
            calls.write(name + " " + arguments.get("order_id", "") + " " + custom["outcrop:idempotency-key"] + "\\n")
        while os.path.exists(os.path.join(place, "gate-" + name)):
            time.sleep(0.005)
        return {{"done": name, "order_id": arguments.get("order_id")}}
    """).replace("    name = event.get", "    event['__custom'] = context.client_context.custom\n    name = event.get")


class Place:
    """The receiver's side: what was called, and gates that calls wait at."""

    def __init__(self, folder):
        self.folder = folder

    def shut(self, name):
        (self.folder / f"gate-{name}").touch()

    def open(self, name):
        (self.folder / f"gate-{name}").unlink()

    @property
    def calls(self):
        path = self.folder / "calls"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def names(self):
        return [each[0] for each in self.calls]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def begin(outcrop, agent, text, until, session="s-1", runtime=None, **more):
    """Begins a turn in a thread, which reads for as long as the server lives; gives its events when `until` holds."""
    events = []

    def read():
        try:
            response = (runtime or outcrop.runtime()).invoke_agent(
                agentId=agent.id, agentAliasId=agent.alias_id, sessionId=session, inputText=text, enableTrace=True, **more)
            for event in response["completion"]:
                events.append(event)
        except Exception as error:  # The server goes away in its middle.
            events.append({"error": error})

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    eventually(until)
    return events, thread


def shown(turn):
    """A turn in short, without what differs between attempts."""
    return [line for line in turn.transcript if not line.startswith("reprompt: " + RECOVERED)]


BOTH = script(
    turn(calls(call("get_order_status", order_id="A-1"), call("pay", order_id="A-2")), say("Paid."), when="A-1"),
    turn(say("As I said."), when="again"),
)


@pytest.mark.parametrize("tag, again", [({}, []), ({"outcrop:idempotent": "pay"}, ["pay"]),
                                        ({"outcrop:idempotency-key": "OrderTools.pay"}, ["pay"]),
                                        ({"outcrop:idempotent": "all"}, ["pay"])])
def test_a_call_without_a_result_is_repeated_only_if_it_may_be(outcrop, place, tag, again):
    place.shut("pay")
    outcrop.start(BOTH, {"order-tools": gated(place.folder)})
    agent = make_agent(outcrop.control(), ORDERS, tags=tag)
    events, _ = begin(outcrop, agent, "Where is A-1?", lambda: len(place.calls) == 2)
    # The one that has answered is in the journal when its observation is shown.
    eventually(lambda: any("observation" in step for step in Turn(list(events)).steps))
    before = list(events)
    outcrop.server.kill()
    place.open("pay")
    outcrop.server.start()
    attached = invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1")
    assert attached.answer == "Paid."
    assert place.names[2:] == again and sorted(place.names[:2]) == ["get_order_status", "pay"]
    keys = {}
    for name, _, key in place.calls:
        keys.setdefault(name, set()).add(key)
    assert len(keys["pay"]) == 1, "called again under the same key"
    # What was shown is shown again, and then that it was taken up.
    whole = attached.events
    seen = [event for event in before if "trace" in event]
    assert [event["trace"]["trace"] for event in whole if "trace" in event][: len(seen)] == [event["trace"]["trace"] for event in seen]
    told = [line for line in attached.transcript if RECOVERED in line]
    assert len(told) == 1 and ("Called again: OrderTools.pay" if again else "unknown outcome: OrderTools.pay") in told[0]
    asked = json.dumps(attached.prompts[-1])
    assert ("whether it did its work is unknown" in asked) == (not again)
    # The session goes on.
    assert invoke(outcrop.runtime(), agent, "Say it again.", session="s-1").answer == "As I said."


def test_openapi_says_what_may_be_called_again(outcrop, place):
    operation = lambda method, **more: {method: {"description": "Does it.", "operationId": f"{method}_it", "responses": {"200": {"description": "ok"}}, **more}}
    paths = {
        "/post": operation("post"), "/post-key": operation("post", **{"x-outcrop-idempotency-key": True}),
        "/get": operation("get"), "/get-not": operation("get", **{"x-outcrop-idempotent": False}),
        "/put": operation("put"), "/delete": operation("delete"), "/patch": operation("patch"),
    }
    document = {"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": paths}
    for path, operations in paths.items():
        for members in operations.values():
            members["operationId"] = path.strip("/").replace("-", "_")
    for path in paths:
        place.shut(path.strip("/"))
    names = [path.strip("/").replace("-", "_") for path in paths]
    source = gated(place.folder).replace("name + ", "name.strip('/') + ").replace('"gate-" + name', '"gate-" + name.strip("/")')
    outcrop.start(script(turn(calls(*[call(name) for name in names]), say("Done."))), {"order-tools": source})
    api = {"actionGroupName": "Api", "actionGroupExecutor": {"lambda": ORDERS["actionGroupExecutor"]["lambda"]},
           "apiSchema": {"payload": json.dumps(document)}}
    agent = make_agent(outcrop.control(), api)
    begin(outcrop, agent, "Do it.", lambda: len(place.calls) == len(paths))
    outcrop.server.kill()
    for path in paths:
        place.open(path.strip("/"))
    outcrop.server.start()
    assert invoke(outcrop.runtime(), agent, "Do it.", session="s-1").answer == "Done."
    assert sorted(line[0] for line in place.calls[len(paths):]) == ["delete", "get", "post-key", "put"]


def test_the_worker_brings_a_turn_to_its_boundary_and_it_waits(outcrop, place):
    place.shut("pay")
    outcrop.start(BOTH, {"order-tools": gated(place.folder)})
    agent = make_agent(outcrop.control(), ORDERS, tags={"outcrop:idempotent": "all"})
    begin(outcrop, agent, "Where is A-1?", lambda: len(place.calls) == 2)
    outcrop.server.kill()
    place.open("pay")
    outcrop.server.start()
    eventually(lambda: place.names.count("pay") == 2)
    # Its model is not asked before somebody wants the answer.
    attached = invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1")
    assert attached.answer == "Paid." and place.names.count("pay") == 2
    assert sum(RECOVERED in line for line in attached.transcript) == 1


def test_turns_may_be_finished_without_a_client(outcrop, place):
    place.shut("pay")
    outcrop.start(BOTH, {"order-tools": gated(place.folder)}, settings='[recovery]\nturns = "finish"\n')
    agent = make_agent(outcrop.control(), ORDERS)
    begin(outcrop, agent, "Where is A-1?", lambda: len(place.calls) == 2)
    outcrop.server.kill()
    place.open("pay")
    outcrop.server.start()
    eventually(lambda: "FINISHED" in turns(outcrop, "s-1"))
    calls_made = len(place.calls)
    # Nobody has read its end: the same words find it. Once they have, they begin a turn of their own.
    assert invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1").answer == "Paid."
    assert len(place.calls) == calls_made
    assert invoke(outcrop.runtime(), agent, "Where is A-1?", session="s-1").answer == "Paid."
    assert len(place.calls) == calls_made + 2


def turns(outcrop, session):
    """How the turns of a session stand."""
    try:
        with urllib.request.urlopen(f"{outcrop.url}/outcrop/sessions/{session}") as answer:
            return [each["status"] for each in json.load(answer)["turnList"]]
    except urllib.error.HTTPError:
        return []


class Breaker:
    """Stands between client and server, and breaks the first connection off without an answer as soon as it may."""

    def __init__(self, url, may_break):
        self.target, self.may_break, self.connections, self.ids = url.removeprefix("http://").split(":"), may_break, 0, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.socket.accept()
            self.connections += 1
            server = socket.create_connection(self.target)
            threading.Thread(target=self.pipe, args=(client, server, True), daemon=True).start()
            if self.connections == 1:
                eventually(self.may_break)
                # Another thread reads it: closing alone would wait for that.
                client.shutdown(socket.SHUT_RDWR)
                client.close()
                continue
            threading.Thread(target=self.pipe, args=(server, client, False), daemon=True).start()

    def pipe(self, source, sink, is_request):
        try:
            while data := source.recv(65536):
                if is_request:
                    self.ids += [line.split(b":")[1].strip() for line in data.split(b"\r\n") if line.lower().startswith(b"amz-sdk-invocation-id")]
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.mark.parametrize("is_over", [False, True], ids=["under way", "over"])
def test_an_sdk_retry_attaches(outcrop, place, is_over):
    """botocore tries again by itself when its connection breaks, and says that it is the same call."""
    if not is_over:
        place.shut("pay")
    outcrop.start(BOTH, {"order-tools": gated(place.folder)})
    agent = make_agent(outcrop.control(), ORDERS)
    breaker = Breaker(outcrop.url, lambda: turns(outcrop, "s-1") == ["FINISHED"] if is_over else len(place.calls) == 2)
    runtime = client("bedrock-agent-runtime", breaker.url, retries={"total_max_attempts": 3, "mode": "standard"})
    threading.Thread(target=lambda: (eventually(lambda: len(breaker.ids) == 2), is_over or place.open("pay")), daemon=True).start()
    answered = invoke(runtime, agent, "Where is A-1?", session="s-1")
    assert len(breaker.ids) == 2 and len(set(breaker.ids)) == 1
    assert answered.answer == "Paid." and answered.transcript.count("model") == 2
    assert sorted(place.names) == ["get_order_status", "pay"] and turns(outcrop, "s-1") == ["FINISHED"]


def test_a_client_that_lost_its_connection_follows(outcrop, place):
    place.shut("pay")
    outcrop.start(BOTH, {"order-tools": gated(place.folder)})
    agent = make_agent(outcrop.control(), ORDERS)
    response = outcrop.runtime().invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", inputText="Where is A-1?", enableTrace=True)
    stream = response["completion"]
    next(iter(stream))
    eventually(lambda: len(place.calls) == 2)
    stream.close()
    # One that does not want to see the trace has its stream's head; one that does has seen the beginning.
    ask = lambda trace: outcrop.runtime().invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", inputText="Where is A-1?", enableTrace=trace)
    quiet, loud = ask(False)["completion"], iter(ask(True)["completion"])
    first = next(loud)
    place.open("pay")
    loud, quiet = Turn([first, *loud]), Turn(list(quiet))
    assert loud.answer == quiet.answer == "Paid."
    assert not quiet.parts and loud.transcript.count("model") == 2
    assert sorted(place.names) == ["get_order_status", "pay"]
    assert turns(outcrop, "s-1") == ["FINISHED"]


def test_other_words_close_a_turn_that_was_cut_off(outcrop, place):
    place.shut("pay")
    outcrop.start(BOTH, {"order-tools": gated(place.folder)})
    agent = make_agent(outcrop.control(), ORDERS)
    begin(outcrop, agent, "Where is A-1?", lambda: len(place.calls) == 2)
    outcrop.server.kill()
    place.open("pay")
    outcrop.server.start()
    asked = invoke(outcrop.runtime(), agent, "Say it again.", session="s-1")
    assert asked.answer == "As I said." and "is unknown" in json.dumps(asked.prompts[0])
    assert sorted(place.names) == ["get_order_status", "pay"]


CONTROL = group("Mine", function("book", day="string"), executor={"customControl": "RETURN_CONTROL"})


def test_results_of_a_return_of_control_come_again(outcrop, place):
    place.shut("pay")
    outcrop.start(script(turn(call("book", day="Monday"), call("pay", order_id="A-2"), say("Booked and paid."), when="book")),
                  {"order-tools": gated(place.folder)})
    agent = make_agent(outcrop.control(), ORDERS, CONTROL)
    first = invoke(outcrop.runtime(), agent, "Please book.", session="s-1")
    # The same words again, while it waits: control is returned again.
    assert invoke(outcrop.runtime(), agent, "Please book.", session="s-1").control == first.control
    state = results(first.control, book="Room 7")
    thread = threading.Thread(target=lambda: quietly(lambda: invoke(outcrop.runtime(), agent, session="s-1", sessionState=state)), daemon=True)
    thread.start()
    eventually(lambda: len(place.calls) == 1)
    outcrop.server.kill()
    place.open("pay")
    outcrop.server.start()
    again = invoke(outcrop.runtime(), agent, session="s-1", sessionState=state)
    assert again.answer == "Booked and paid." and place.names == ["pay"]
    # Only what belongs to this request is shown.
    assert not any("return control" in line for line in again.transcript)


def quietly(do):
    try:
        do()
    except Exception:
        pass


def test_a_collaborators_turn_goes_on(outcrop, place):
    place.shut("pay")
    outcrop.start(
        script(
            turn(call("AgentCommunication__sendMessage", recipient="Payer", content="Pay A-2 now."), say("It is paid."), when="Please settle"),
            turn(call("get_order_status", order_id="A-2"), call("pay", order_id="A-2"), say("Paid A-2."), when="Pay A-2"),
        ),
        {"order-tools": gated(place.folder)},
    )
    boss = dict(
        foundationModel=MODEL, instruction="You settle what is open, with the help of others.", agentCollaboration="SUPERVISOR",
        collaborators=[described("Payer", "You pay for orders and look after them, nothing else.", ORDERS)],
        collaboratorConfigurations=[configured("Payer", "Whatever has to be paid.")],
        sessionId="s-1", inputText="Please settle it.", enableTrace=True,
    )
    ask = lambda: Turn(list(outcrop.runtime().invoke_inline_agent(**boss)["completion"]))
    thread = threading.Thread(target=lambda: quietly(ask), daemon=True)
    thread.start()
    eventually(lambda: len(place.calls) == 2)
    outcrop.server.kill()
    place.open("pay")
    outcrop.server.start()
    attached = ask()
    assert attached.answer == "It is paid."
    assert place.names == ["get_order_status", "pay"], "nothing is done again"
    of_payer = [event["trace"] for event in attached.events if event.get("trace", {}).get("collaboratorName") == "Payer"]
    told = json.dumps(of_payer, default=str)
    assert told.count('"function": "get_order_status"') == 1 and told.count("modelInvocationInput") == 3, "its recorded part is shown, once"
    assert RECOVERED in told and "whether it did its work is unknown" in told


def test_streams_and_inline_agents_attach(outcrop, place):
    place.shut("pay")
    outcrop.start(BOTH, {"order-tools": gated(place.folder)})
    runtime = outcrop.runtime()
    asked = dict(
        foundationModel="anthropic.claude-opus-4-7", instruction="You help customers of a small shop with their orders, kindly.",
        sessionId="s-1", inputText="Where is A-1?", enableTrace=True, actionGroups=[ORDERS],
        streamingConfigurations={"streamFinalResponse": True},
    )
    thread = threading.Thread(target=lambda: quietly(lambda: list(runtime.invoke_inline_agent(**asked)["completion"])), daemon=True)
    thread.start()
    eventually(lambda: len(place.calls) == 2)
    outcrop.server.kill()
    place.open("pay")
    outcrop.server.start()
    attached = Turn(list(outcrop.runtime().invoke_inline_agent(**asked)["completion"]))
    assert attached.answer == "Paid." and sorted(place.names) == ["get_order_status", "pay"]
