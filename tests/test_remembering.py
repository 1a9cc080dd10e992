"""Memory at work: sessions that end are summed up, and later ones know."""

import datetime
import json
import urllib.error
import urllib.request

from script import say, script, turn
from server import outcrop as run
from test_phases import PARSER, parser, prompts
from world import eventually, invoke, make_agent

SUMMING_UP = "<conversation>"
QUICK = '[memory]\nsweep_interval = "20ms"\nretry_delay = "5ms"\n'
REMEMBERS = {"memoryConfiguration": {"enabledMemoryTypes": ["SESSION_SUMMARY"]}}
ENDED = "Session is terminated as 'endSession' flag is set in request."


def topics(**each):
    return say("<summary>" + "".join(f'<topic name="{name}">{text}</topic>' for name, text in each.items()) + "</summary>")


class Memory:
    """What is remembered under one memory id."""

    def __init__(self, outcrop, agent, memory_id="anna"):
        self.outcrop, self.agent, self.id = outcrop, agent, memory_id

    def read(self, **more):
        answer = self.outcrop.runtime().get_agent_memory(**{
            "agentId": self.agent.id, "agentAliasId": self.agent.alias_id, "memoryId": self.id, "memoryType": "SESSION_SUMMARY", **more})
        return [each["sessionSummary"] for each in answer["memoryContents"]]

    def texts(self):
        return [(each["sessionId"], each["summaryText"]) for each in self.read()]

    def own(self, method="GET", path="", body=None):
        """A request to the server's own path of this memory: status and document."""
        url = f"{self.outcrop.url}/outcrop/agents/{self.agent.id}/aliases/{self.agent.alias_id}/memories{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def pending(self):
        return self.own(path=f"/{self.id}")[1]["pending"]

    def say(self, text, session, memory_id=None, **more):
        return invoke(self.outcrop.runtime(), self.agent, text, session=session, memoryId=memory_id or self.id, **more)

    def end(self, session, **more):
        return self.say("end", session, endSession=True, **more)


def remembered(turn_):
    """What the orchestration was told of earlier sessions."""
    told = turn_.prompts[0]["system"].split("<memory>\n")
    return told[1].split("\n</memory>")[0] if len(told) > 1 else None


def test_a_session_that_ends_is_remembered_by_the_next(outcrop):
    outcrop.start(script(
        turn(topics(paint="They take the blue one.", door="It is green."), when=SUMMING_UP),
        turn(say("Blue it is."), when="blue"),
        turn(say("It was blue."), when="last time"),
    ), settings=QUICK)
    agent = make_agent(outcrop.control(), **REMEMBERS)
    memory, others = Memory(outcrop, agent), Memory(outcrop, agent, "bert")
    first = memory.say("I take the blue paint.", "s-1")
    assert (first.answer, first.response["memoryId"], remembered(first)) == ("Blue it is.", "anna", None)
    assert memory.read() == [] and memory.pending() == [], "it is not over yet"
    ended = memory.end("s-1")
    assert (ended.answer, ended.response["memoryId"]) == (ENDED, "anna")
    summary, = eventually(memory.read)
    assert (summary["memoryId"], summary["sessionId"]) == ("anna", "s-1")
    assert summary["summaryText"] == "paint: They take the blue one.\ndoor: It is green."
    kept = summary["sessionExpiryTime"] - summary["sessionStartTime"]
    assert datetime.timedelta(days=29, hours=23) < kept < datetime.timedelta(days=30, minutes=5), "thirty days when nobody says"
    assert memory.pending() == []

    second = memory.say("What was it last time?", "s-2")
    day = summary["sessionStartTime"].astimezone(datetime.timezone.utc).date()
    assert remembered(second) == f"Conversation of {day}:\n- paint: They take the blue one.\n- door: It is green."
    # Another user, a caller without a memory id, another alias: each knows nothing of it.
    assert remembered(others.say("What was it last time?", "s-3")) is None
    runtime = outcrop.runtime()
    assert remembered(invoke(runtime, agent, "What was it last time?", session="s-4")) is None
    agent.alias_id, alias_id = "TSTALIASID", agent.alias_id
    assert remembered(memory.say("What was it last time?", "s-5")) is None
    agent.alias_id = alias_id
    # The id of a session that is over begins another one.
    again = memory.say("I take the blue paint.", "s-1")
    assert len(again.prompts[0]["messages"]) == 1 and remembered(again)
    # Summed up under the same name, it loses nothing of the first.
    memory.end("s-1")
    eventually(lambda: memory.read()[0]["sessionStartTime"] > summary["sessionStartTime"])
    assert memory.texts() == [("s-1", "paint: They take the blue one.\ndoor: It is green.")]
    # A session without words is nothing to remember, and neither is one that nobody has a memory id for.
    memory.end("never-begun")
    invoke(runtime, agent, "end", session="s-4", endSession=True)
    others.end("s-3")
    assert eventually(lambda: others.texts() if others.texts() else None) == [("s-3", "paint: They take the blue one.\ndoor: It is green.")]
    assert len(memory.read()) == 1


def test_how_much_and_how_long_is_the_agents_to_say(outcrop):
    outcrop.start(script(
        {"when": "number one", "when_regex": SUMMING_UP, "steps": [topics(one="The first.")]},
        {"when": "number two", "when_regex": SUMMING_UP, "steps": [topics(two="The second.")]},
        turn(say("Fine."), when="number"),
    ), settings=QUICK)
    configuration = {"enabledMemoryTypes": ["SESSION_SUMMARY"], "storageDays": 1, "sessionSummaryConfiguration": {"maxRecentSessions": 1}}
    agent = make_agent(outcrop.control(), memoryConfiguration=configuration)
    memory = Memory(outcrop, agent)
    for number, session in (("one", "s-1"), ("two", "s-2")):
        memory.say(f"This is number {number}.", session)
        memory.end(session)
        eventually(lambda: session in dict(memory.texts()))
    assert memory.texts() == [("s-2", "two: The second."), ("s-1", "one: The first.")]
    assert all(each["sessionExpiryTime"] - each["sessionStartTime"] < datetime.timedelta(days=1, minutes=5) for each in memory.read())
    told = remembered(memory.say("And number three?", "s-3"))
    assert told.endswith("- two: The second.") and "The first" not in told
    # What comes next is told of both, as far as its prompt asks.
    plain = make_agent(outcrop.control(), name="forgetful")
    forgetful = Memory(outcrop, plain)
    forgetful.say("This is number one.", "s-1")
    forgetful.end("s-1")
    off = make_agent(outcrop.control(), name="switched-off", **REMEMBERS, **prompts(MEMORY_SUMMARIZATION={"promptState": "DISABLED"}))
    switched_off = Memory(outcrop, off)
    switched_off.say("This is number one.", "s-1")
    switched_off.end("s-1")
    assert (forgetful.pending(), switched_off.pending()) == ([], []), "neither has anything to do"


def test_a_parser_of_the_author_reads_the_summary(outcrop):
    reads = parser('return {"topicwiseSummaries": [{"topic": "their words", "summary": said.upper()}]}')
    outcrop.start(script(turn(say("all about boots"), when="Note it:"), turn(say("Hello."))), {"parser": reads}, settings=QUICK)
    template = "Note it: $conversation$ Before: $past_conversation_summary$"
    agent = make_agent(outcrop.control(), **REMEMBERS, **prompts(parser=True, MEMORY_SUMMARIZATION=template))
    memory = Memory(outcrop, agent)
    memory.say("Boots!", "s-1")
    memory.end("s-1")
    assert eventually(memory.texts) == [("s-1", "their words: ALL ABOUT BOOTS")]
    assert PARSER.endswith("parser")


def test_a_summary_that_fails_is_tried_again_and_then_given_up(outcrop, tmp_path):
    reads = parser(f"""
        with open({str(tmp_path / "calls")!r}, "a+") as calls:
            calls.write("x")
            calls.seek(0)
            count = len(calls.read())
        if count == 1 or count > 3:
            raise ValueError("not today")
        return {{"topicwiseSummaries": [{{"topic": "greeting", "summary": said}}]}} if count == 3 else {{"summary": said}}
    """)
    outcrop.start(script(turn(say("They said hello."), when="Note it:"), turn(say("Hello."))), {"parser": reads},
                  settings=QUICK + "attempts_max = 3\n")
    agent = make_agent(outcrop.control(), **REMEMBERS, **prompts(parser=True, MEMORY_SUMMARIZATION="Note it: $conversation$"))
    memory = Memory(outcrop, agent)
    memory.say("Hello", "s-1")
    memory.end("s-1")
    assert eventually(memory.texts) == [("s-1", "greeting: They said hello.")]
    memory.say("Hello", "s-2")
    memory.end("s-2")
    eventually(lambda: not memory.pending())
    assert memory.texts() == [("s-1", "greeting: They said hello.")]
    log = outcrop.server.log.read_text()
    assert "topicwiseSummaries" in log and "session s-2 of agent" in log
    assert "could not be summed up in 3 attempts and is given up" in log and "not today" in log
    metrics = urllib.request.urlopen(f"{outcrop.url}/metrics", timeout=20).read().decode()
    assert 'outcrop_memory_jobs_total{outcome="GivenUp"} 1' in metrics and 'outcrop_memory_jobs_total{outcome="Failed"} 4' in metrics


def test_a_job_outlives_the_process(outcrop):
    def play(*steps):
        return script(turn(*steps, when=SUMMING_UP), turn(say("Hello."), when="Hello"))

    outcrop.start(play({**topics(x="Too late."), "delay": "60s"}), settings=QUICK)
    agent = make_agent(outcrop.control(), **REMEMBERS)
    memory = Memory(outcrop, agent)
    memory.say("Hello", "s-1")
    memory.end("s-1")
    eventually(lambda: memory.pending() and memory.pending()[0]["attempts"] == 1)
    # kill -9 while the model is asked: found again at the next start.
    outcrop.server.restart()
    if outcrop.database:
        # Another process might be at it still, so the job is held until its time is over, minutes from now: that is now.
        assert memory.pending()[0]["attempts"] == 1
        outcrop.sql("UPDATE memory_job SET leased_until = 1")
    eventually(lambda: memory.pending()[0]["attempts"] == 2)
    # SIGTERM: no waiting for the model, and the attempt does not count.
    assert outcrop.server.terminate(seconds=20) == 0
    (outcrop.folder / "script.yaml").write_text(play(topics(greeting="They said hello.")))
    outcrop.server.start()
    assert eventually(memory.texts) == [("s-1", "greeting: They said hello.")]


def test_what_is_forgotten_while_it_waits_stays_forgotten(outcrop):
    # Both take the same time, so that the first, which is begun first, is over when the second is written.
    slow = {"delay": "800ms"}
    outcrop.start(script(
        {"when_regex": "(?s)<conversation>.*number one.*</conversation>", "steps": [{**topics(one="One."), **slow}]},
        turn({**topics(two="Two."), **slow}, when=SUMMING_UP),
        turn(say("Hello.")),
    ), settings=QUICK)
    agent = make_agent(outcrop.control(), **REMEMBERS)
    memory = Memory(outcrop, agent)
    memory.say("number one", "s-1")
    memory.end("s-1")
    eventually(memory.pending)
    outcrop.runtime().delete_agent_memory(agentId=agent.id, agentAliasId=agent.alias_id, memoryId="anna")
    assert memory.read() == [] and memory.pending() == []
    memory.say("number two", "s-2")
    memory.end("s-2")
    assert [session for session, _ in eventually(memory.texts)] == ["s-2"]


def test_memories_are_looked_at_and_put_right(outcrop):
    outcrop.start(script(turn(topics(paint="Blue.", door="Green."), when=SUMMING_UP), turn(say("Yes."))), settings=QUICK)
    agent = make_agent(outcrop.control(), **REMEMBERS)
    memory = Memory(outcrop, agent)
    for session in ("s-1", "s-2"):
        memory.say("Blue paint.", session)
        memory.end(session)
        eventually(lambda: len(memory.read()) == int(session[-1]))
    assert memory.own()[1]["memories"] == [{
        "memoryId": "anna", "sessions": 2, "lastSessionStartTime": memory.own(path="/anna")[1]["sessions"][0]["sessionStartTime"]}]

    status, before = memory.own(path="/anna/s-1")
    assert (status, before["summaryText"]) == (200, "paint: Blue.\ndoor: Green.")
    assert memory.own("PUT", "/anna/s-1", {"summaryText": "They want red."}) == (200, {**before, "summaryText": "They want red."})
    edited = [{"topic": "paint", "summary": "Red."}, {"topic": "", "summary": "They like trains."}]
    assert memory.own("PUT", "/anna/s-1", {"topics": edited})[1]["summaryText"] == "paint: Red.\nThey like trains."
    assert "They like trains." in remembered(memory.say("Now?", "s-3"))
    # By hand also for a session that was never summed up; by name as everywhere.
    agent_id, agent.id = agent.id, "support-bot"
    assert memory.own("PUT", "/bert/s-9", {"summaryText": "Likes tea."})[0] == 200
    agent.id = agent_id
    assert [each["memoryId"] for each in memory.own(path="?after=anna")[1]["memories"]] == ["bert"]

    refusals = [
        ("PUT", "/anna/s-1", {"summaryText": "  "}, 400, "at least one character"),
        ("PUT", "/anna/s-1", {"summaryText": "x" * 8001}, 400, "at most 8000"),
        ("PUT", "/anna/s-1", {}, 400, "either summaryText or topics"),
        ("PUT", "/anna/s-1", {"topics": [{"topic": "a", "summary": " "}]}, 400, "needs a summary"),
        ("PUT", "/anna/s-1", {"text": "x"}, 400, "unknown field"),
        ("PUT", "/anna/s-1", ["x"], 400, ""),
        ("PUT", "/anna", {"summaryText": "x"}, 404, "No operation"),
        ("GET", "/a%20b", None, 400, "memory id"),
        ("GET", "/anna/x", None, 400, "session id"),
        ("GET", "/anna/s-8", None, 404, "doesn't exist"),
    ]
    for method, path, body, expected, words in refusals:
        status, answer = memory.own(method, path, body)
        assert status == expected and words in answer["message"], (path, status, answer)
    nobody = Memory(outcrop, type(agent)("NOBODY0000", "TSTALIASID"))
    assert nobody.own(path="/anna")[0] == 404

    assert memory.own("DELETE", "/anna/s-1") == (200, {"deleted": 1})
    assert memory.own("DELETE", "/anna/s-1") == (200, {"deleted": 0})
    assert [session for session, _ in memory.texts()] == ["s-2"]
    assert memory.own("DELETE", "/anna") == (200, {"deleted": 1})
    assert memory.texts() == []


def test_the_command_line_shows_and_changes_memories(outcrop):
    outcrop.start(script(turn(say("Yes."))), settings=QUICK)
    make_agent(outcrop.control(), **REMEMBERS)

    def command(*arguments, stdin=None, code=0):
        done = run("memory", *arguments, "--endpoint", outcrop.url, stdin=stdin)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    assert "remembers nothing yet" in command("list")
    edited = command("edit", "support-bot/PROD", "anna", "s-1", "--topic", "paint=Blue.", "--topic", "door=Green.")
    assert edited.startswith("s-1  began ") and edited.endswith("\n  paint: Blue.\n  door: Green.\n")
    assert command("edit", "support-bot/PROD", "anna", "s-2", "--text", "-", stdin="They like trains.\n").endswith("  They like trains.\n")
    assert command("list").startswith("anna  2 sessions, the last began ")
    assert [each["memoryId"] for each in json.loads(command("list", "support-bot", "--json"))["memories"]] == ["anna"]
    shown = command("show", "support-bot", "anna")
    assert "s-1  began" in shown and "  They like trains." in shown and "\x1b" not in shown
    assert json.loads(command("show", "support-bot", "anna", "s-1", "--json"))["summaryText"] == "paint: Blue.\ndoor: Green."
    assert command("delete", "support-bot", "anna", "s-1") == "forgot 1 session\n"
    assert "nothing is remembered of session `s-1` under `anna`" in command("show", "support-bot", "anna", "s-1", code=1)
    assert json.loads(command("delete", "support-bot", "anna", "--json")) == {"deleted": 1}
    assert command("show", "support-bot", "anna") == "nothing is remembered under anna\n"
    assert "no agent `nobody`" in command("show", "nobody", "anna", code=1)
    assert "ValidationException" in command("show", "support-bot", "a b", code=1)
    assert "--text" in command("edit", "support-bot", "anna", "s-1", code=2)
