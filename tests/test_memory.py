"""Agent memory as it is read and deleted; what fills it comes with the summaries of sessions."""

import time

from test_control_plane import UNKNOWN, refused
from world import make_agent

DAY = 24 * 60 * 60


def remember(outcrop, agent, memory, session, began, days=30, alias=None):
    """Puts a summary into the running server's database, as its own job will: there is no call for it."""
    row = (agent.id, alias or agent.alias_id, memory, session, int(began * 1e9), int((began + days * DAY) * 1e9), f"about {session}")
    columns = "agent_id, alias_id, memory_id, session_id, started_at, expires_at, summary"
    outcrop.sql(f"INSERT INTO memory ({columns}) VALUES {row!r}")


def test_memory_is_read_newest_first_and_deleted(outcrop):
    control = outcrop.start().control()
    runtime = outcrop.runtime()
    agent = make_agent(control, memoryConfiguration={"enabledMemoryTypes": ["SESSION_SUMMARY"], "storageDays": 30})
    where = {"agentId": agent.id, "agentAliasId": agent.alias_id}
    read = lambda memory, **more: runtime.get_agent_memory(**{**where, **more}, memoryId=memory, memoryType="SESSION_SUMMARY")
    assert read("anna")["memoryContents"] == []

    began = int(time.time()) - 10 * DAY
    for number in range(4):
        remember(outcrop, agent, "anna", f"s-{number}", began + number)
    remember(outcrop, agent, "anna", "old", began, days=9)
    remember(outcrop, agent, "bert", "s-9", began)
    remember(outcrop, agent, "anna", "tested", began, alias="TSTALIASID")
    sessions = lambda answer: [each["sessionSummary"]["sessionId"] for each in answer["memoryContents"]]
    first = read("anna")["memoryContents"][0]["sessionSummary"]
    assert (first["memoryId"], first["sessionId"], first["summaryText"]) == ("anna", "s-3", "about s-3")
    assert first["sessionStartTime"].timestamp() == began + 3
    assert first["sessionExpiryTime"].timestamp() == began + 3 + 30 * DAY
    assert sessions(read("anna")) == ["s-3", "s-2", "s-1", "s-0"]
    assert sessions(read("anna", agentAliasId="TSTALIASID")) == ["tested"]
    # Names stand for ids here as everywhere.
    assert sessions(read("bert", agentId="support-bot", agentAliasId="PROD")) == ["s-9"]
    arguments = {**where, "memoryId": "anna", "memoryType": "SESSION_SUMMARY"}
    pages = list(runtime.get_paginator("get_agent_memory").paginate(**arguments, PaginationConfig={"PageSize": 3}))
    assert [sessions(page) for page in pages] == [["s-3", "s-2", "s-1"], ["s-0"]]
    token = read("anna", maxItems=1)["nextToken"]
    assert refused(runtime.get_agent_memory, **{**arguments, "memoryId": "bert"}, nextToken=token)[:2] == (400, "ValidationException")

    gone = runtime.delete_agent_memory(**where, memoryId="anna", sessionId="s-2")
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert sessions(read("anna")) == ["s-3", "s-1", "s-0"]
    runtime.delete_agent_memory(**where, memoryId="anna")
    assert (sessions(read("anna")), sessions(read("bert"))) == ([], ["s-9"])
    runtime.delete_agent_memory(**where)
    assert sessions(read("bert")) == []
    assert sessions(read("anna", agentAliasId="TSTALIASID")) == ["tested"]
    runtime.delete_agent_memory(**where, memoryId="never-used")


def test_memory_goes_with_its_alias_and_its_agent(outcrop):
    control = outcrop.start().control()
    agent = make_agent(control)
    began = int(time.time())
    remember(outcrop, agent, "anna", "s-1", began)
    remember(outcrop, agent, "anna", "s-2", began, alias="TSTALIASID")

    def rows():
        return [session for session, in outcrop.sql("SELECT session_id FROM memory ORDER BY session_id")]

    control.delete_agent_alias(agentId=agent.id, agentAliasId=agent.alias_id)
    assert rows() == ["s-2"]
    control.delete_agent(agentId=agent.id)
    assert rows() == []


def test_memory_of_nobody_is_not_found(outcrop):
    control = outcrop.start().control()
    runtime = outcrop.runtime()
    agent = make_agent(control)
    memory = {"memoryId": "anna", "memoryType": "SESSION_SUMMARY"}
    for where in ({"agentId": "AAAAAAAAAA", "agentAliasId": "TSTALIASID"}, {"agentId": agent.id, "agentAliasId": "AAAAAAAAAA"}):
        assert refused(runtime.get_agent_memory, **where, **memory) == (404, "ResourceNotFoundException", UNKNOWN)
        assert refused(runtime.delete_agent_memory, **where) == (404, "ResourceNotFoundException", UNKNOWN)
    where = {"agentId": agent.id, "agentAliasId": agent.alias_id}
    for wrong in ({"memoryId": "a b"}, {"memoryType": "LONG"}, {"maxItems": 1001}):
        status, code, message = refused(runtime.get_agent_memory, **where, **{**memory, **wrong})
        assert (status, code) == (400, "ValidationException") and next(iter(wrong)) in message
