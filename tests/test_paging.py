"""Lists in pages: newest change first, and whatever nobody touches is seen exactly once, whoever else writes meanwhile."""

import pytest

from world import INSTRUCTION, ROLE, create, function, group, prepare, refusal, refused


class Agents:
    """The list of all agents."""

    name, summaries = "list_agents", "agentSummaries"
    scope = {}

    def __init__(self, control):
        self.control = control

    def make(self, number):
        return create(self.control, f"agent-{number}")

    def touch(self, item):
        self.control.update_agent(agentId=item, agentName=item, foundationModel="m", instruction=INSTRUCTION, agentResourceRoleArn=ROLE)

    def drop(self, item):
        self.control.delete_agent(agentId=item)

    def id(self, summary):
        return summary["agentId"]


class ActionGroups:
    name, summaries = "list_agent_action_groups", "actionGroupSummaries"

    def __init__(self, control):
        self.control = control
        self.scope = {"agentId": create(control), "agentVersion": "DRAFT"}

    def make(self, number):
        made = self.control.create_agent_action_group(**self.scope, **group(f"group-{number}", function("f")))
        return made["agentActionGroup"]["actionGroupId"]

    def touch(self, item):
        self.control.update_agent_action_group(**self.scope, actionGroupId=item, **group(item, function("g")))

    def drop(self, item):
        self.control.delete_agent_action_group(**self.scope, actionGroupId=item, skipResourceInUseCheck=True)

    def id(self, summary):
        return summary["actionGroupId"]


class Aliases:
    name, summaries = "list_agent_aliases", "agentAliasSummaries"

    def __init__(self, control):
        self.control = control
        self.scope = {"agentId": create(control)}
        prepare(control, self.scope["agentId"])

    def make(self, number):
        return self.control.create_agent_alias(**self.scope, agentAliasName=f"alias-{number}")["agentAlias"]["agentAliasId"]

    def touch(self, item):
        self.control.update_agent_alias(**self.scope, agentAliasId=item, agentAliasName=item)

    def drop(self, item):
        self.control.delete_agent_alias(**self.scope, agentAliasId=item)

    def id(self, summary):
        return summary["agentAliasId"]


class Collaborators:
    name, summaries = "list_agent_collaborators", "agentCollaboratorSummaries"

    def __init__(self, control):
        self.control = control
        helper = create(control, "helper")
        prepare(control, helper)
        self.scope = {"agentId": create(control, "boss", agentCollaboration="SUPERVISOR"), "agentVersion": "DRAFT"}
        agent_arn = control.get_agent(agentId=helper)["agent"]["agentArn"]
        self.body = {"agentDescriptor": {"aliasArn": agent_arn.replace(":agent/", ":agent-alias/") + "/TSTALIASID"}, "collaborationInstruction": "Ask."}

    def make(self, number):
        made = self.control.associate_agent_collaborator(**self.scope, **self.body, collaboratorName=f"helper-{number}")
        return made["agentCollaborator"]["collaboratorId"]

    def touch(self, item):
        self.control.update_agent_collaborator(**self.scope, **self.body, collaboratorId=item, collaboratorName=item)

    def drop(self, item):
        self.control.disassociate_agent_collaborator(**self.scope, collaboratorId=item)

    def id(self, summary):
        return summary["collaboratorId"]


LISTS = [Agents, ActionGroups, Aliases, Collaborators]


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_pages_hold_while_others_write(control, kind, size):
    items = kind(control)
    made = [items.make(number) for number in range(14)]
    untouched, others = set(made[::2]), made[1::2]
    fresh = iter(range(100, 200))
    seen, token = [], None
    while True:
        page = getattr(control, items.name)(**items.scope, maxResults=size, **({"nextToken": token} if token else {}))
        assert 0 < len(page[items.summaries]) <= size
        seen += [items.id(each) for each in page[items.summaries]]
        if "nextToken" not in page:
            break
        token = page["nextToken"]
        items.make(next(fresh))
        if others:
            items.touch(others[0])
            items.drop(others.pop())
    # Some of the others were shown before they went or changed; nobody else twice or not at all.
    assert {each for each in untouched if seen.count(each) != 1} == set()

    whole = [items.id(each) for each in getattr(control, items.name)(**items.scope, maxResults=1000)[items.summaries]]
    assert whole == [items.id(each) for page in control.get_paginator(items.name).paginate(**items.scope, PaginationConfig={"PageSize": size})
                     for each in page[items.summaries]]


@pytest.mark.parametrize("kind", LISTS)
def test_the_last_change_comes_first(control, kind):
    items = kind(control)
    made = [items.make(number) for number in range(5)]
    listed = lambda: [each for each in map(items.id, getattr(control, items.name)(**items.scope)[items.summaries]) if each in made]
    assert listed() == made[::-1]
    items.touch(made[1])
    assert listed() == [made[1], made[4], made[3], made[2], made[0]]


def test_tokens_are_for_the_list_that_gave_them(control):
    agents = Agents(control)
    one, two = agents.make(1), agents.make(2)
    for number in range(3):
        for agent_id in (one, two):
            control.create_agent_action_group(agentId=agent_id, agentVersion="DRAFT", **group(f"group-{number}", function("f")))
    token = control.list_agent_action_groups(agentId=one, agentVersion="DRAFT", maxResults=1)["nextToken"]
    calls = [
        (control.list_agents, {}), (control.list_agent_versions, {"agentId": one}), (control.list_agent_aliases, {"agentId": one}),
        (control.list_agent_action_groups, {"agentId": two, "agentVersion": "DRAFT"}),
        (control.list_agent_collaborators, {"agentId": one, "agentVersion": "DRAFT"}),
        (control.list_agent_knowledge_bases, {"agentId": one, "agentVersion": "DRAFT"}),
    ]
    for call, scope in calls:
        for bad in (token, "nonsense", token[:-1], "v", "v-1", "%", "x" * 2048):
            answer = refusal(call, **scope, nextToken=bad)
            assert answer["Error"]["Code"] == "ValidationException" and answer["fieldList"][0]["name"] == "nextToken", (call.__name__, bad)
        for bad in ("two words", "x" * 2049):
            assert refused(call, **scope, nextToken=bad)[:2] == (400, "ValidationException")
        assert refused(call, **scope, maxResults=1001)[:2] == (400, "ValidationException")


def test_a_page_has_a_hundred_items_unless_more_are_asked_for(control):
    agent_id = create(control)
    for number in range(101):
        control.create_agent_action_group(agentId=agent_id, agentVersion="DRAFT", **group(f"group-{number}", function("f")))
    page = lambda **more: control.list_agent_action_groups(agentId=agent_id, agentVersion="DRAFT", **more)
    assert len(page()["actionGroupSummaries"]) == 100 and "nextToken" in page()
    whole = page(maxResults=1000)
    assert len(whole["actionGroupSummaries"]) == 101 and "nextToken" not in whole
