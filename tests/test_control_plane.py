"""The life of agents, action groups, versions, aliases and tags, as boto3 and Terraform see it."""

import concurrent.futures
import uuid

from world import FUNCTION, INSTRUCTION, RETURN_CONTROL, ROLE, create, function, group, make_agent, refused, settled

UNKNOWN = "Failed to retrieve resource because it doesn't exist. Retry the request with a different resource identifier."


def test_an_agent_from_creation_to_the_end(control):
    made = control.create_agent(
        agentName="shipping-desk", foundationModel="qwen3:8b", instruction=INSTRUCTION, agentResourceRoleArn=ROLE,
        description="Parcels.", idleSessionTTLInSeconds=900, tags={"team": "north"},
    )
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    agent = made["agent"]
    assert agent["agentStatus"] == "CREATING"
    assert agent["agentVersion"] == "DRAFT"
    assert agent["agentId"].isalnum() and len(agent["agentId"]) == 10 and agent["agentId"].upper() == agent["agentId"]
    assert agent["agentArn"].endswith(f":agent/{agent['agentId']}")
    assert "tags" not in agent

    get = lambda: control.get_agent(agentId=agent["agentId"])
    ready = settled(get, ("agent", "agentStatus"), "NOT_PREPARED")["agent"]
    assert (ready["agentName"], ready["description"], ready["idleSessionTTLInSeconds"]) == ("shipping-desk", "Parcels.", 900)
    # Terraform reads these without looking whether they are there.
    assert ready["promptOverrideConfiguration"]["promptConfigurations"]
    assert "preparedAt" not in ready

    prepared = control.prepare_agent(agentId=agent["agentId"])
    assert (prepared["agentStatus"], prepared["agentVersion"]) == ("PREPARING", "DRAFT")
    after = settled(get, ("agent", "agentStatus"), "PREPARED")["agent"]
    assert after["preparedAt"] >= after["updatedAt"]

    # An update replaces the whole: what is left out is cleared.
    updated = control.update_agent(
        agentId=agent["agentId"], agentName="shipping-desk", foundationModel="qwen3:8b", instruction=INSTRUCTION, agentResourceRoleArn=ROLE
    )
    assert updated["agent"]["agentStatus"] == "UPDATING"
    assert updated["ResponseMetadata"]["HTTPStatusCode"] == 202
    cleared = settled(get, ("agent", "agentStatus"), "NOT_PREPARED")["agent"]
    assert "description" not in cleared and cleared["idleSessionTTLInSeconds"] == 600

    gone = control.delete_agent(agentId=agent["agentId"])
    assert (gone["agentStatus"], gone["ResponseMetadata"]["HTTPStatusCode"]) == ("DELETING", 202)
    assert refused(control.get_agent, agentId=agent["agentId"])[:2] == (404, "ResourceNotFoundException")


def test_an_agent_without_role_and_model_is_made_and_fails_when_prepared(control):
    agent_id = control.create_agent(agentName="bare")["agent"]["agentId"]
    ready = settled(lambda: control.get_agent(agentId=agent_id), ("agent", "agentStatus"), "NOT_PREPARED")["agent"]
    assert ready["agentResourceRoleArn"].startswith("arn:aws:iam::")
    control.prepare_agent(agentId=agent_id)
    failed = settled(lambda: control.get_agent(agentId=agent_id), ("agent", "agentStatus"), "FAILED")["agent"]
    assert failed["failureReasons"]


def test_two_agents_cannot_have_one_name(control):
    create(control, "twin")
    assert refused(control.create_agent, agentName="twin") == (
        409, "ConflictException", "Cannot create a new agent as an agent with the same name already exists.")


def test_a_client_token_makes_a_create_happen_once(control):
    token = str(uuid.uuid4())
    first = control.create_agent(agentName="once", clientToken=token)["agent"]
    again = control.create_agent(agentName="once", clientToken=token)["agent"]
    assert again["agentId"] == first["agentId"]
    assert first["clientToken"] == token
    assert refused(control.create_agent, agentName="other", clientToken=token)[:2] == (409, "ConflictException")
    assert len(control.list_agents()["agentSummaries"]) == 1


def test_action_groups(control):
    agent_id = create(control)
    place = {"agentId": agent_id, "agentVersion": "DRAFT"}
    made = control.create_agent_action_group(**place, **group("OrderTools", function("get_order_status", order_id="string")), description="Orders.")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 200
    made = made["agentActionGroup"]
    assert (made["actionGroupState"], made["agentVersion"]) == ("ENABLED", "DRAFT")
    assert made["actionGroupExecutor"] == {"lambda": FUNCTION}

    item = {**place, "actionGroupId": made["actionGroupId"]}
    read = control.get_agent_action_group(**item)["agentActionGroup"]
    assert {name: read[name] for name in made if name != "updatedAt"} == {name: made[name] for name in made if name != "updatedAt"}
    assert list(read["functionSchema"]["functions"][0]["parameters"]) == ["order_id"]

    # Order is the author's: the model sees parameters as they were written.
    wide = function("book", zulu="string", alpha="integer", mike="boolean")
    control.create_agent_action_group(**place, **group("Booking", wide, executor=RETURN_CONTROL))
    summaries = control.list_agent_action_groups(**place)["actionGroupSummaries"]
    assert {each["actionGroupName"] for each in summaries} == {"OrderTools", "Booking"}
    booking = next(each["actionGroupId"] for each in summaries if each["actionGroupName"] == "Booking")
    read = control.get_agent_action_group(**place, actionGroupId=booking)["agentActionGroup"]
    assert list(read["functionSchema"]["functions"][0]["parameters"]) == ["zulu", "alpha", "mike"]

    same = group("OrderTools", function("x"))
    assert refused(control.create_agent_action_group, **place, **same)[:2] == (409, "ConflictException")

    in_use = "ActionGroup with name OrderTools cannot be deleted when it is Enabled. Either use SkipResourceInUseCheckOnDelete flag or mark it as Disabled."
    assert refused(control.delete_agent_action_group, **item) == (409, "ConflictException", in_use)
    off = control.update_agent_action_group(**item, **group("OrderTools", function("y")), actionGroupState="DISABLED")["agentActionGroup"]
    assert off["actionGroupState"] == "DISABLED" and "description" not in off
    assert control.delete_agent_action_group(**item)["ResponseMetadata"]["HTTPStatusCode"] == 204
    control.delete_agent_action_group(**place, actionGroupId=booking, skipResourceInUseCheck=True)
    assert control.list_agent_action_groups(**place)["actionGroupSummaries"] == []


def test_a_change_of_an_action_group_asks_for_another_prepare(control):
    agent = make_agent(control, group("OrderTools", function("get_order_status")))
    status = lambda: control.get_agent(agentId=agent.id)["agent"]["agentStatus"]
    assert status() == "PREPARED"
    control.create_agent_action_group(agentId=agent.id, agentVersion="DRAFT", **group("More", function("x")))
    assert status() == "NOT_PREPARED"


def test_versions_are_cut_by_aliases(control):
    agent = make_agent(control, group("OrderTools", function("get_order_status")))
    alias = control.get_agent_alias(agentId=agent.id, agentAliasId=agent.alias_id)["agentAlias"]
    assert alias["routingConfiguration"] == [{"agentVersion": "1"}]
    assert alias["aliasInvocationState"] == "ACCEPT_INVOCATIONS"
    assert len(alias["agentAliasHistoryEvents"]) == 1 and "endDate" not in alias["agentAliasHistoryEvents"][0]
    assert settled(lambda: control.get_agent(agentId=agent.id), ("agent", "agentStatus"), "PREPARED")

    # A version is an immutable copy, action groups and all.
    version = control.get_agent_version(agentId=agent.id, agentVersion="1")["agentVersion"]
    assert (version["version"], version["agentStatus"], version["agentName"]) == ("1", "PREPARED", "support-bot")
    groups = control.list_agent_action_groups(agentId=agent.id, agentVersion="1")["actionGroupSummaries"]
    assert [each["actionGroupName"] for each in groups] == ["OrderTools"]
    control.update_agent(agentId=agent.id, agentName="renamed", foundationModel="x.y", instruction=INSTRUCTION, agentResourceRoleArn=ROLE)
    settled(lambda: control.get_agent(agentId=agent.id), ("agent", "agentStatus"), "NOT_PREPARED")
    assert control.get_agent_version(agentId=agent.id, agentVersion="1")["agentVersion"]["agentName"] == "support-bot"

    # An alias update without a route cuts the next version; with one it moves.
    control.prepare_agent(agentId=agent.id)
    settled(lambda: control.get_agent(agentId=agent.id), ("agent", "agentStatus"), "PREPARED")
    item = {"agentId": agent.id, "agentAliasId": agent.alias_id}
    get = lambda: control.get_agent_alias(**item)
    assert control.update_agent_alias(**item, agentAliasName="PROD")["agentAlias"]["agentAliasStatus"] == "UPDATING"
    moved = settled(get, ("agentAlias", "agentAliasStatus"), "PREPARED")["agentAlias"]
    assert moved["routingConfiguration"] == [{"agentVersion": "2"}]
    control.update_agent_alias(**item, agentAliasName="PROD", routingConfiguration=[{"agentVersion": "1"}])
    back = settled(get, ("agentAlias", "agentAliasStatus"), "PREPARED")["agentAlias"]
    assert [each["routingConfiguration"][0]["agentVersion"] for each in back["agentAliasHistoryEvents"]] == ["1", "2", "1"]

    listed = [each["agentVersion"] for each in control.list_agent_versions(agentId=agent.id)["agentVersionSummaries"]]
    assert sorted(listed) == ["1", "2", "DRAFT"]
    unknown = {"agentId": agent.id, "agentAliasName": "x", "routingConfiguration": [{"agentVersion": "9"}]}
    assert refused(control.create_agent_alias, **unknown)[:2] == (404, "ResourceNotFoundException")


def test_a_created_alias_shows_an_empty_route_until_its_version_exists(control):
    agent = make_agent(control)
    made = control.create_agent_alias(agentId=agent.id, agentAliasName="STAGING")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert made["agentAlias"]["agentAliasStatus"] == "CREATING"
    assert made["agentAlias"]["routingConfiguration"] == [{}]


def test_the_test_alias_is_always_there(control):
    agent = make_agent(control)
    aliases = {each["agentAliasId"]: each for each in control.list_agent_aliases(agentId=agent.id)["agentAliasSummaries"]}
    assert set(aliases) == {"TSTALIASID", agent.alias_id}
    assert aliases["TSTALIASID"]["agentAliasName"] == "AgentTestAlias"
    assert aliases["TSTALIASID"]["routingConfiguration"] == [{"agentVersion": "DRAFT"}]
    assert control.get_agent_alias(agentId=agent.id, agentAliasId="TSTALIASID")["agentAlias"]["agentAliasStatus"] == "PREPARED"
    status, code, message = refused(control.delete_agent_alias, agentId=agent.id, agentAliasId="TSTALIASID")
    assert (status, code) == (400, "ValidationException")
    assert r"Member must satisfy regular expression pattern: (?!\bTSTALIASID\b)[0-9a-zA-Z]+" in message


def test_what_is_in_use_stays(control):
    agent = make_agent(control)
    assert refused(control.delete_agent, agentId=agent.id) == (
        409, "ConflictException", f"Could not delete Agent with ID {agent.id}, since it has active aliases")
    version = {"agentId": agent.id, "agentVersion": "1"}
    assert refused(control.delete_agent_version, **version)[:2] == (409, "ConflictException")
    control.delete_agent_alias(agentId=agent.id, agentAliasId=agent.alias_id)
    assert refused(control.get_agent_alias, agentId=agent.id, agentAliasId=agent.alias_id)[0] == 404
    assert control.delete_agent_version(**version)["agentStatus"] == "DELETING"
    # Numbers are not given twice.
    control.create_agent_alias(agentId=agent.id, agentAliasName="next")
    assert "2" in [each["agentVersion"] for each in control.list_agent_versions(agentId=agent.id)["agentVersionSummaries"]]
    control.delete_agent(agentId=agent.id, skipResourceInUseCheck=True)
    assert refused(control.get_agent, agentId=agent.id) == (404, "ResourceNotFoundException", UNKNOWN)


def test_an_alias_wants_a_prepared_agent(control):
    agent_id = create(control)
    status, code, message = refused(control.create_agent_alias, agentId=agent_id, agentAliasName="PROD")
    assert (status, code) == (400, "ValidationException")
    assert "operation can't be performed" in message


def test_pages(control):
    made = {create(control, f"agent-{number}") for number in range(7)}
    assert {each["agentId"] for each in control.list_agents()["agentSummaries"]} == made
    pages = list(control.get_paginator("list_agents").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["agentSummaries"]) for page in pages] == [3, 3, 1]
    assert {each["agentId"] for page in pages for each in page["agentSummaries"]} == made
    assert "nextToken" not in pages[-1]
    assert refused(control.list_agents, nextToken="nonsense")[:2] == (400, "ValidationException")
    summary = pages[0]["agentSummaries"][0]
    assert (summary["agentStatus"], summary["latestAgentVersion"]) == ("NOT_PREPARED", "DRAFT")


def test_tags(control):
    agent_id = create(control, tags={"team": "north", "cost:centre": "17"})
    arn = control.get_agent(agentId=agent_id)["agent"]["agentArn"]
    tags = lambda: control.list_tags_for_resource(resourceArn=arn)["tags"]
    assert tags() == {"team": "north", "cost:centre": "17"}
    control.tag_resource(resourceArn=arn, tags={"team": "south", "stage": "test"})
    control.untag_resource(resourceArn=arn, tagKeys=["cost:centre", "absent"])
    assert tags() == {"team": "south", "stage": "test"}
    nobody = arn[:-10] + "ABCDEFGHIJ"
    assert refused(control.list_tags_for_resource, resourceArn=nobody)[:2] == (404, "ResourceNotFoundException")
    assert refused(control.tag_resource, resourceArn=arn, tags={"outcrop:nonsense": "1"})[:2] == (400, "ValidationException")


def test_names_stand_for_ids(control):
    # boto3 itself refuses alias ids under ten characters on this side, so the short ones are for InvokeAgent.
    agent = make_agent(control, alias="production", tags={"outcrop:names": "AGENT123ABC"})
    for name in ("support-bot", "AGENT123ABC"):
        assert control.get_agent(agentId=name)["agent"]["agentId"] == agent.id
    assert control.get_agent_alias(agentId="support-bot", agentAliasId="production")["agentAlias"]["agentAliasId"] == agent.alias_id
    # An id that is gone can be a name again, also just after it was one.
    control.get_agent(agentId=agent.id)
    control.delete_agent(agentId=agent.id, skipResourceInUseCheck=True)
    assert refused(control.get_agent, agentId=agent.id)[:2] == (404, "ResourceNotFoundException")
    heir = create(control, name=agent.id)
    assert control.get_agent(agentId=agent.id)["agent"]["agentId"] == heir


def test_openapi_documents_are_checked_when_the_group_is_made(control):
    agent_id = create(control)
    place = {"agentId": agent_id, "agentVersion": "DRAFT", "actionGroupExecutor": {"lambda": FUNCTION}}
    document = """
openapi: 3.0.0
info: { title: Depots, version: "1" }
paths:
  /depots/{depotId}:
    get:
      operationId: getDepot
      description: Where a depot is.
      parameters:
        - { name: depotId, in: path, description: The depot., required: true, schema: { type: string } }
      responses:
        "200": { description: It., content: { application/json: { schema: { type: object } } } }
"""
    made = control.create_agent_action_group(**place, actionGroupName="Depots", apiSchema={"payload": document})["agentActionGroup"]
    assert made["apiSchema"]["payload"] == document
    for name, payload in (("garbage", "{"), ("no-paths", "openapi: 3.0.0\ninfo: { title: x, version: '1' }\n"), ("not-openapi", '{"tools": []}')):
        status, code, message = refused(control.create_agent_action_group, **place, actionGroupName=name, apiSchema={"payload": payload})
        assert (status, code) == (400, "ValidationException"), name
        assert name in message
    schema = {"functionSchema": {"functions": [function("x")]}, "apiSchema": {"payload": document}}
    assert refused(control.create_agent_action_group, **place, actionGroupName="both", **schema)[:2] == (400, "ValidationException")


def test_state_survives_kill_9(outcrop):
    control = outcrop.start().control()
    agent = make_agent(control, group("OrderTools", function("get_order_status")), tags={"team": "north"})
    before = control.get_agent(agentId=agent.id)["agent"]
    outcrop.server.restart()
    control = outcrop.control()
    assert control.get_agent(agentId=agent.id)["agent"] == before
    assert control.list_tags_for_resource(resourceArn=before["agentArn"])["tags"] == {"team": "north"}
    assert control.get_agent_version(agentId=agent.id, agentVersion="1")["agentVersion"]["version"] == "1"


def test_deeply_nested_documents_are_refused_and_break_nothing(control):
    def nested(levels):
        value = {}
        for _ in range(levels):
            value = {"a": value}
        return {"promptConfigurations": [{"promptType": "ORCHESTRATION", "promptCreationMode": "OVERRIDDEN",
                                          "basePromptTemplate": "x", "additionalModelRequestFields": value}]}

    for levels in (70, 122, 200):
        status, code, _ = refused(control.create_agent, agentName=f"deep-{levels}", promptOverrideConfiguration=nested(levels))
        assert (status, code) == (400, "SerializationException")
    agent_id = create(control, promptOverrideConfiguration=nested(40))
    assert [each["agentId"] for each in control.list_agents()["agentSummaries"]] == [agent_id]


def test_versions_that_go_while_they_are_listed_are_all_seen(control):
    agent_id = create(control)
    control.prepare_agent(agentId=agent_id)
    for number in range(7):
        made = control.create_agent_alias(agentId=agent_id, agentAliasName=f"alias-{number}")["agentAlias"]
        control.delete_agent_alias(agentId=agent_id, agentAliasId=made["agentAliasId"])
    seen = []
    for page in control.get_paginator("list_agent_versions").paginate(agentId=agent_id, PaginationConfig={"PageSize": 3}):
        for each in page["agentVersionSummaries"]:
            seen.append(each["agentVersion"])
            if each["agentVersion"] != "DRAFT":
                control.delete_agent_version(agentId=agent_id, agentVersion=each["agentVersion"])
    assert seen == ["DRAFT", "7", "6", "5", "4", "3", "2", "1"]
    assert control.list_agents()["agentSummaries"][0]["latestAgentVersion"] == "DRAFT"


def test_many_threads_may_change_and_prepare_one_agent(control):
    agent_id = create(control)

    def change(number):
        made = control.create_agent_action_group(agentId=agent_id, agentVersion="DRAFT", **group(f"group-{number}", function("look")))
        control.prepare_agent(agentId=agent_id)
        return made["agentActionGroup"]["actionGroupId"]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = set(pool.map(change, range(24)))
    assert len(made) == 24
    assert control.get_agent(agentId=agent_id)["agent"]["agentStatus"] == "PREPARED"


def test_a_schema_whose_object_is_gone_fails_the_preparing_and_says_so(control):
    agent_id = create(control)
    s3 = {"s3": {"s3BucketName": "nowhere", "s3ObjectKey": "schema.yaml"}}
    status, code, message = refused(
        control.create_agent_action_group, agentId=agent_id, agentVersion="DRAFT", actionGroupName="Api",
        actionGroupExecutor={"lambda": FUNCTION}, apiSchema=s3,
    )
    assert (status, code) == (400, "ValidationException") and "s3://nowhere/schema.yaml" in message
    control.create_agent_action_group(
        agentId=agent_id, agentVersion="DRAFT", actionGroupName="Api", actionGroupExecutor={"lambda": FUNCTION}, apiSchema=s3,
        actionGroupState="DISABLED",
    )
    control.prepare_agent(agentId=agent_id)
    assert control.get_agent(agentId=agent_id)["agent"]["agentStatus"] == "PREPARED"
