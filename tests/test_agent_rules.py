"""Rules between members, states and parts of agents, as callers meet them."""

import concurrent.futures
import uuid

import pytest

from world import (
    FUNCTION, INSTRUCTION, RETURN_CONTROL, ROLE, create, function, group, invoke, make_agent, make_guardrail, prepare,
    refusal, refused,
)

EXECUTOR = "arn:aws:lambda:us-west-2:111111111111:function:decide"


def place(agent_id, version="DRAFT"):
    return {"agentId": agent_id, "agentVersion": version}


def get(control, agent_id):
    return control.get_agent(agentId=agent_id)["agent"]


def fields(answer):
    """Code and the members an error is about."""
    return answer["Error"]["Code"], [each["name"] for each in answer.get("fieldList", [])]


def update(control, agent_id, **members):
    body = {"agentName": "support-bot", "foundationModel": "m", "instruction": INSTRUCTION, "agentResourceRoleArn": ROLE, **members}
    return control.update_agent(agentId=agent_id, **body)["agent"]


PROMPTS = "promptOverrideConfiguration.promptConfigurations"
LONG = {"promptType": "ORCHESTRATION", "promptCreationMode": "OVERRIDDEN", "basePromptTemplate": "$instruction$"}
AGENT_RULES = {
    "custom without executor": ({"orchestrationType": "CUSTOM_ORCHESTRATION"}, "customOrchestration.executor"),
    "custom with empty executor": (
        {"orchestrationType": "CUSTOM_ORCHESTRATION", "customOrchestration": {}}, "customOrchestration.executor"),
    "guardrail version alone": ({"guardrailConfiguration": {"guardrailVersion": "1"}}, "guardrailConfiguration.guardrailIdentifier"),
    "a prompt twice": ({"promptOverrideConfiguration": {"promptConfigurations": [LONG, LONG]}}, f"{PROMPTS}.2.member.promptType"),
    "a prompt of no type": (
        {"promptOverrideConfiguration": {"promptConfigurations": [{"promptState": "ENABLED"}]}}, f"{PROMPTS}.1.member.promptType"),
    "overridden by nothing": (
        {"promptOverrideConfiguration": {"promptConfigurations": [{"promptType": "ORCHESTRATION", "promptCreationMode": "OVERRIDDEN"}]}},
        f"{PROMPTS}.1.member.basePromptTemplate"),
    "a model for one prompt": (
        {"promptOverrideConfiguration": {"promptConfigurations": [{**LONG, "foundationModel": "m"}]}}, f"{PROMPTS}.1.member.foundationModel"),
    "a parser that is none": (
        {"promptOverrideConfiguration": {"promptConfigurations": [{**LONG, "parserMode": "OVERRIDDEN"}]}},
        "promptOverrideConfiguration.overrideLambda"),
    "a parser for nothing": (
        {"promptOverrideConfiguration": {"promptConfigurations": [LONG], "overrideLambda": EXECUTOR}},
        "promptOverrideConfiguration.overrideLambda"),
    "eleven prompts": (
        {"promptOverrideConfiguration": {"promptConfigurations": [LONG] * 11}}, "promptOverrideConfiguration.promptConfigurations"),
    "five stop sequences": (
        {"promptOverrideConfiguration": {"promptConfigurations": [{**LONG, "inferenceConfiguration": {"stopSequences": list("abcde")}}]}},
        f"{PROMPTS}.1.member.inferenceConfiguration.stopSequences"),
    "two memory types": (
        {"memoryConfiguration": {"enabledMemoryTypes": ["SESSION_SUMMARY", "SESSION_SUMMARY"]}}, "memoryConfiguration.enabledMemoryTypes"),
    "an unknown memory type": (
        {"memoryConfiguration": {"enabledMemoryTypes": ["DREAMS"]}}, "memoryConfiguration.enabledMemoryTypes.1.member"),
    "memory for too long": (
        {"memoryConfiguration": {"enabledMemoryTypes": ["SESSION_SUMMARY"], "storageDays": 366}}, "memoryConfiguration.storageDays"),
    "a role of another form": ({"agentResourceRoleArn": "arn:aws:iam::111111111111:user/me"}, "agentResourceRoleArn"),
    "a key of another form": ({"customerEncryptionKeyArn": "alias/mine"}, "customerEncryptionKeyArn"),
    "a guardrail of another form": (
        {"guardrailConfiguration": {"guardrailIdentifier": "Not/One", "guardrailVersion": "1"}}, "guardrailConfiguration.guardrailIdentifier"),
    "an idle time of a minute less": ({"idleSessionTTLInSeconds": 5401}, "idleSessionTTLInSeconds"),
    "a name of another form": ({"agentName": "two words"}, "agentName"),
}


@pytest.mark.parametrize("rule", AGENT_RULES)
def test_rules_of_agents(control, rule):
    members, field = AGENT_RULES[rule]
    agent_id = create(control)
    for call in (control.create_agent, lambda **body: update(control, agent_id, **body)):
        body = {"agentName": "other", **members}
        assert fields(refusal(call, **body)) == ("ValidationException", [field])
    # What is refused changes nothing.
    assert get(control, agent_id)["agentName"] == "support-bot" and len(control.list_agents()["agentSummaries"]) == 1


def test_configurations_are_kept_shown_and_versioned(outcrop):
    control = outcrop.start().control()
    guardrail = {"guardrailIdentifier": make_guardrail(outcrop.url), "guardrailVersion": "DRAFT"}
    agent_id = create(control, guardrailConfiguration=guardrail, memoryConfiguration={"enabledMemoryTypes": ["SESSION_SUMMARY"]},
                      orchestrationType="CUSTOM_ORCHESTRATION", customOrchestration={"executor": {"lambda": EXECUTOR}})
    agent = get(control, agent_id)
    memory = {"enabledMemoryTypes": ["SESSION_SUMMARY"], "storageDays": 30, "sessionSummaryConfiguration": {"maxRecentSessions": 20}}
    assert (agent["memoryConfiguration"], agent["guardrailConfiguration"]) == (memory, guardrail)
    assert (agent["orchestrationType"], agent["customOrchestration"]) == ("CUSTOM_ORCHESTRATION", {"executor": {"lambda": EXECUTOR}})
    prepare(control, agent_id)
    control.create_agent_alias(agentId=agent_id, agentAliasName="live")
    version = control.get_agent_version(agentId=agent_id, agentVersion="1")["agentVersion"]
    assert (version["memoryConfiguration"], version["guardrailConfiguration"]) == (memory, guardrail)
    assert "orchestrationType" not in version and "clientToken" not in version and "preparedAt" not in version
    assert control.list_agents()["agentSummaries"][0]["guardrailConfiguration"] == guardrail
    summaries = control.list_agent_versions(agentId=agent_id)["agentVersionSummaries"]
    assert [(each["agentVersion"], each["agentStatus"], each["guardrailConfiguration"]) for each in summaries] == [
        ("DRAFT", "PREPARED", guardrail), ("1", "PREPARED", guardrail)]

    # A full replacement: what is left out is gone.
    cleared = update(control, agent_id, guardrailConfiguration={})
    for member in ("memoryConfiguration", "guardrailConfiguration", "customOrchestration"):
        assert member not in cleared
    assert (cleared["orchestrationType"], cleared["agentCollaboration"]) == ("DEFAULT", "DISABLED")
    kept = update(control, agent_id, memoryConfiguration={
        "enabledMemoryTypes": ["SESSION_SUMMARY"], "storageDays": 7, "sessionSummaryConfiguration": {"maxRecentSessions": 3}})
    assert kept["memoryConfiguration"]["sessionSummaryConfiguration"] == {"maxRecentSessions": 3}


def test_prompt_configurations_are_always_whole(control):
    agent_id = create(control)
    shown = lambda: {each["promptType"]: each for each in get(control, agent_id)["promptOverrideConfiguration"]["promptConfigurations"]}
    defaults = shown()
    assert {name: each["promptState"] for name, each in defaults.items()} == {
        "PRE_PROCESSING": "DISABLED", "ORCHESTRATION": "ENABLED", "KNOWLEDGE_BASE_RESPONSE_GENERATION": "ENABLED", "POST_PROCESSING": "DISABLED"}
    for each in defaults.values():
        assert each["basePromptTemplate"] and (each["promptCreationMode"], each["parserMode"]) == ("DEFAULT", "DEFAULT")
        assert each["inferenceConfiguration"] == {"temperature": 0.0, "topP": 1.0, "topK": 250, "maximumLength": 2048, "stopSequences": []}

    # With mode DEFAULT a template and settings take no effect; the state and the parser do.
    update(control, agent_id, promptOverrideConfiguration={"overrideLambda": EXECUTOR, "promptConfigurations": [
        {"promptType": "PRE_PROCESSING", "promptState": "ENABLED", "basePromptTemplate": "mine", "inferenceConfiguration": {"topK": 1}},
        {"promptType": "ORCHESTRATION", "promptCreationMode": "DEFAULT", "parserMode": "OVERRIDDEN"},
        {"promptType": "POST_PROCESSING", "promptCreationMode": "OVERRIDDEN", "promptState": "DISABLED"},
    ]})
    after = shown()
    assert after["PRE_PROCESSING"] == {**defaults["PRE_PROCESSING"], "promptState": "ENABLED"}
    assert after["ORCHESTRATION"] == {**defaults["ORCHESTRATION"], "parserMode": "OVERRIDDEN"}
    assert after["POST_PROCESSING"] == {"promptType": "POST_PROCESSING", "promptCreationMode": "OVERRIDDEN", "promptState": "DISABLED"}
    # Memory and routing have prompts of their own. AWS's model lacks the last, and clients send it.
    update(control, agent_id, memoryConfiguration={"enabledMemoryTypes": ["SESSION_SUMMARY"]}, agentCollaboration="SUPERVISOR_ROUTER",
           promptOverrideConfiguration={"promptConfigurations": [
               {"promptType": "ROUTING_CLASSIFIER", "promptCreationMode": "OVERRIDDEN", "basePromptTemplate": "route", "foundationModel": "small"}]})
    assert set(shown()) == {*defaults, "MEMORY_SUMMARIZATION", "ROUTING_CLASSIFIER"}
    assert shown()["ROUTING_CLASSIFIER"]["foundationModel"] == "small"


def test_every_change_of_the_draft_asks_for_another_prepare(control):
    """Clients compare times: whatever changed after `preparedAt` is not prepared."""
    agent_id = create(control)
    made = control.create_agent_action_group(**place(agent_id), **group("One", function("look")))["agentActionGroup"]
    item = {**place(agent_id), "actionGroupId": made["actionGroupId"]}
    for change in (
        lambda: control.create_agent_action_group(**place(agent_id), **group("Two", function("look")))["agentActionGroup"]["updatedAt"],
        lambda: control.update_agent_action_group(**item, **group("One", function("see")))["agentActionGroup"]["updatedAt"],
        lambda: control.delete_agent_action_group(**item, skipResourceInUseCheck=True) and None,
        lambda: update(control, agent_id)["updatedAt"],
    ):
        prepared = prepare(control, agent_id)
        groups = control.list_agent_action_groups(**place(agent_id))["actionGroupSummaries"]
        assert all(each["updatedAt"] <= prepared["preparedAt"] for each in [prepared, *groups])
        changed_at = change()
        agent = get(control, agent_id)
        assert (agent["agentStatus"], agent["preparedAt"]) == ("NOT_PREPARED", prepared["preparedAt"])
        assert agent["updatedAt"] > agent["preparedAt"] and (changed_at is None or changed_at > agent["preparedAt"])
        # What was prepared stays what the test alias runs, and a version cannot be cut from what was not.
        assert refused(control.create_agent_alias, agentId=agent_id, agentAliasName="live") == (
            400, "ValidationException", "Create operation can't be performed on AgentAlias when Agent is in Not Prepared state.")


def test_a_failed_prepare_says_why_and_a_change_clears_it(control):
    agent_id = create(control)
    control.create_agent_action_group(**place(agent_id), actionGroupName="bare", functionSchema={"functions": [function("look")]})
    failed = prepare(control, agent_id, status="FAILED")
    assert "bare" in failed["failureReasons"][0] and failed["recommendedActions"]
    assert refused(control.create_agent_alias, agentId=agent_id, agentAliasName="live")[2].endswith("when Agent is in Failed state.")
    [bare] = control.list_agent_action_groups(**place(agent_id))["actionGroupSummaries"]
    control.update_agent_action_group(**place(agent_id), actionGroupId=bare["actionGroupId"], **group("bare", function("look")))
    agent = get(control, agent_id)
    assert agent["agentStatus"] == "NOT_PREPARED" and "failureReasons" not in agent and "recommendedActions" not in agent
    prepare(control, agent_id)


def test_names_clash_within_their_place(control):
    one, two = create(control, "one"), create(control, "two")
    assert refused(update, control=control, agent_id=two, agentName="one")[:2] == (409, "ConflictException")
    update(control, two, agentName="two")
    made = {name: control.create_agent_action_group(**place(one), **group(name, function("look")))["agentActionGroup"]["actionGroupId"]
            for name in ("a", "b")}
    control.create_agent_action_group(**place(two), **group("a", function("look")))
    clash = (409, "ConflictException", "An action group with the name a already exists for the agent.")
    assert refused(control.update_agent_action_group, **place(one), actionGroupId=made["b"], **group("a", function("look"))) == clash
    prepare(control, one)
    live = control.create_agent_alias(agentId=one, agentAliasName="live")["agentAlias"]["agentAliasId"]
    control.create_agent_alias(agentId=one, agentAliasName="next")
    clash = (409, "ConflictException", "An alias with the name next already exists for the agent.")
    assert refused(control.create_agent_alias, agentId=one, agentAliasName="next") == clash
    assert refused(control.update_agent_alias, agentId=one, agentAliasId=live, agentAliasName="next") == clash
    for call, more in ((control.create_agent_alias, {}), (control.update_agent_alias, {"agentAliasId": live})):
        assert refused(call, agentId=one, agentAliasName="AgentTestAlias", **more)[:2] == (409, "ConflictException")
    # What clashed cut no version.
    assert [each["agentVersion"] for each in control.list_agent_versions(agentId=one)["agentVersionSummaries"]] == ["DRAFT", "2", "1"]


SIGNED = {"parentActionGroupSignature": "AMAZON.UserInput"}
GROUP_RULES = {
    "both schemas": ({**group("x", function("f")), "apiSchema": {"payload": "openapi: 3.0.0"}}, "functionSchema"),
    "one function twice": (group("x", function("f"), function("g"), function("f")), "functionSchema.functions.3.member.name"),
    "a signature with a description": ({"actionGroupName": "x", "description": "d", **SIGNED}, "description"),
    "a signature with an executor": ({"actionGroupName": "x", "actionGroupExecutor": RETURN_CONTROL, **SIGNED}, "actionGroupExecutor"),
    "a signature with an API": ({"actionGroupName": "x", "apiSchema": {"payload": "{}"}, **SIGNED}, "apiSchema"),
    "a signature with functions": ({"actionGroupName": "x", "functionSchema": {"functions": []}, **SIGNED}, "functionSchema"),
    "parameters of a signature that has none": (
        {"actionGroupName": "x", "parentActionGroupSignatureParams": {"type": "t"}, **SIGNED}, "parentActionGroupSignatureParams"),
    "parameters of no signature": (
        {**group("x", function("f")), "parentActionGroupSignatureParams": {"type": "t"}}, "parentActionGroupSignatureParams"),
    "an unknown signature": (
        {"actionGroupName": "x", "parentActionGroupSignature": "AMAZON.Telepathy"}, "parentActionGroupSignature"),
    "a function of another form": (group("x", function("two words")), "functionSchema.functions.1.member.name"),
    "a parameter of another type": (group("x", function("f", a="object")), "functionSchema.functions.1.member.parameters.a.member.type"),
    "an object without a key": (
        {"actionGroupName": "x", "actionGroupExecutor": RETURN_CONTROL, "apiSchema": {"s3": {"s3BucketName": "bucket"}}}, "apiSchema.s3"),
    "a function ARN of another form": ({**group("x", function("f")), "actionGroupExecutor": {"lambda": "order-tools"}}, "actionGroupExecutor.lambda"),
}


@pytest.mark.parametrize("rule", GROUP_RULES)
def test_rules_of_action_groups(control, rule):
    members, field = GROUP_RULES[rule]
    agent_id = create(control)
    kept = control.create_agent_action_group(**place(agent_id), **group("kept", function("f")))["agentActionGroup"]
    for call, more in ((control.create_agent_action_group, {}), (control.update_agent_action_group, {"actionGroupId": kept["actionGroupId"]})):
        assert fields(refusal(call, **place(agent_id), **more, **members)) == ("ValidationException", [field])
    assert control.get_agent_action_group(**place(agent_id), actionGroupId=kept["actionGroupId"])["agentActionGroup"] == kept


def test_built_in_groups(control):
    agent_id = create(control)
    made = {}
    for name, signature, more in (
        ("ask", "AMAZON.UserInput", {}), ("code", "AMAZON.CodeInterpreter", {}),
        ("computer", "ANTHROPIC.Computer", {"parentActionGroupSignatureParams": {"type": "computer_20241022", "display_width_px": "1024"}}),
        ("bash", "ANTHROPIC.Bash", {}),
    ):
        answer = control.create_agent_action_group(**place(agent_id), actionGroupName=name, parentActionGroupSignature=signature, **more)
        made[name] = answer["agentActionGroup"]
        # The answer has another name for it than the request.
        assert made[name]["parentActionSignature"] == signature
        assert made[name].get("parentActionGroupSignatureParams") == more.get("parentActionGroupSignatureParams")
    for signature in ("AMAZON.UserInput", "AMAZON.CodeInterpreter"):
        again = {"actionGroupName": "again", "parentActionGroupSignature": signature}
        assert refused(control.create_agent_action_group, **place(agent_id), **again)[:2] == (409, "ConflictException")
        assert refused(control.update_agent_action_group, **place(agent_id), actionGroupId=made["bash"]["actionGroupId"], **again)[:2] == (
            409, "ConflictException")
    # It is not in its own way.
    off = control.update_agent_action_group(
        **place(agent_id), actionGroupId=made["ask"]["actionGroupId"], actionGroupName="ask", parentActionGroupSignature="AMAZON.UserInput",
        actionGroupState="DISABLED")
    assert off["agentActionGroup"]["actionGroupState"] == "DISABLED"


def test_what_is_written_is_the_draft(outcrop):
    """The service says so by the pattern of agentVersion. boto3 would not send such a request."""
    control = outcrop.start().control(parameter_validation=False)
    agent = make_agent(control, group("OrderTools", function("look")))
    [summary] = control.list_agent_action_groups(**place(agent.id, "1"))["actionGroupSummaries"]
    item = {**place(agent.id, "1"), "actionGroupId": summary["actionGroupId"]}
    for call, more in (
        (control.create_agent_action_group, {**place(agent.id, "1"), **group("x", function("f"))}),
        (control.update_agent_action_group, {**item, **group("x", function("f"))}),
        (control.delete_agent_action_group, {**item, "skipResourceInUseCheck": True}),
    ):
        answer = refusal(call, **more)
        assert answer["Error"]["Code"] == "ValidationException" and {each["name"] for each in answer["fieldList"]} == {"agentVersion"}
        assert "Member must satisfy regular expression pattern: DRAFT" in answer["Error"]["Message"]
    for call in (control.get_agent_version, control.delete_agent_version):
        assert fields(refusal(call, **place(agent.id))) == ("ValidationException", ["agentVersion"])
    # Exactly one member of a union.
    executors = ({}, {"lambda": FUNCTION, "customControl": "RETURN_CONTROL"})
    for executor in executors:
        answer = refusal(control.create_agent_action_group, **place(agent.id), actionGroupName="x", actionGroupExecutor=executor,
                         functionSchema={"functions": []})
        assert fields(answer) == ("ValidationException", ["actionGroupExecutor"])
    for schema in ({}, {"payload": "x", "s3": {"s3BucketName": "bucket", "s3ObjectKey": "key"}}):
        answer = refusal(control.create_agent_action_group, **place(agent.id), actionGroupName="x", apiSchema=schema)
        assert fields(answer) == ("ValidationException", ["apiSchema"])


def test_aliases_lead_where_they_are_told(outcrop):
    control = outcrop.start().control()
    agent = make_agent(control)
    item = {"agentId": agent.id, "agentAliasId": agent.alias_id}
    alias = lambda: control.get_agent_alias(**item)["agentAlias"]
    first = alias()
    draft = [{"agentVersion": "DRAFT"}]
    assert fields(refusal(control.create_agent_alias, agentId=agent.id, agentAliasName="x", routingConfiguration=draft)) == (
        "ValidationException", ["routingConfiguration"])
    two = [{"agentVersion": "1"}] * 2
    assert fields(refusal(control.update_agent_alias, **item, agentAliasName="PROD", routingConfiguration=two)) == (
        "ValidationException", ["routingConfiguration"])
    assert refused(control.update_agent_alias, **item, agentAliasName="PROD", routingConfiguration=[{"agentVersion": "9"}])[0] == 404
    assert alias() == first

    # The same route again is no new period; the invocation state stays when it is not given.
    same = {"agentAliasName": "PROD", "routingConfiguration": [{"agentVersion": "1"}]}
    control.update_agent_alias(**item, **same, description="d", aliasInvocationState="REJECT_INVOCATIONS")
    control.update_agent_alias(**item, **same)
    changed = alias()
    assert changed["aliasInvocationState"] == "REJECT_INVOCATIONS" and "description" not in changed
    assert changed["agentAliasHistoryEvents"] == first["agentAliasHistoryEvents"]
    answer = refusal(lambda: invoke(outcrop.runtime(), agent, "hello"))
    assert answer["Error"]["Code"] == "validationException" and "REJECT_INVOCATIONS" in answer["Error"]["Message"]

    # Ten periods are remembered, the current one first and without an end.
    for _ in range(11):
        control.update_agent_alias(**item, agentAliasName="PROD")
    events = alias()["agentAliasHistoryEvents"]
    assert [each["routingConfiguration"][0]["agentVersion"] for each in events] == [str(number) for number in range(12, 2, -1)]
    assert "endDate" not in events[0] and all(each["endDate"] == later["startDate"] for later, each in zip(events, events[1:]))

    # A version that is taken away from under its alias.
    assert refused(control.delete_agent_version, agentId=agent.id, agentVersion="12")[:2] == (409, "ConflictException")
    control.delete_agent_version(agentId=agent.id, agentVersion="12", skipResourceInUseCheck=True)
    lost = alias()
    assert (lost["agentAliasStatus"], lost["routingConfiguration"]) == ("DISSOCIATED", []) and "endDate" in lost["agentAliasHistoryEvents"][0]
    summaries = control.list_agent_aliases(agentId=agent.id)["agentAliasSummaries"]
    assert [(each["agentAliasName"], each["agentAliasStatus"]) for each in summaries] == [("AgentTestAlias", "PREPARED"), ("PROD", "DISSOCIATED")]
    control.update_agent_alias(**item, agentAliasName="PROD", routingConfiguration=[{"agentVersion": "3"}], aliasInvocationState="ACCEPT_INVOCATIONS")
    assert alias()["agentAliasStatus"] == "PREPARED"
    assert invoke(outcrop.runtime(), agent, "hello").answer

    test = {"agentId": agent.id, "agentAliasId": "TSTALIASID"}
    assert fields(refusal(control.update_agent_alias, **test, agentAliasName="mine")) == ("ValidationException", ["agentAliasId"])


def test_whatever_is_unknown_is_not_found(control):
    agent = make_agent(control)
    nobody, group_body = "NOBODY0000", group("x", function("f"))
    for call, arguments in (
        (control.get_agent, {"agentId": nobody}), (control.delete_agent, {"agentId": nobody}), (control.prepare_agent, {"agentId": nobody}),
        (control.list_agent_versions, {"agentId": nobody}), (control.list_agent_aliases, {"agentId": nobody}),
        (control.create_agent_alias, {"agentId": nobody, "agentAliasName": "x"}),
        (control.get_agent_alias, {"agentId": nobody, "agentAliasId": "TSTALIASID"}),
        (control.get_agent_alias, {"agentId": agent.id, "agentAliasId": nobody}),
        (control.update_agent_alias, {"agentId": agent.id, "agentAliasId": nobody, "agentAliasName": "x"}),
        (control.delete_agent_alias, {"agentId": agent.id, "agentAliasId": nobody}),
        (control.get_agent_version, place(agent.id, "99")), (control.delete_agent_version, place(agent.id, "99")),
        (control.create_agent_action_group, {**place(nobody), **group_body}),
        (control.list_agent_action_groups, place(nobody)), (control.list_agent_action_groups, place(agent.id, "99")),
        (control.get_agent_action_group, {**place(agent.id), "actionGroupId": nobody}),
        (control.update_agent_action_group, {**place(agent.id), "actionGroupId": nobody, **group_body}),
        (control.delete_agent_action_group, {**place(agent.id), "actionGroupId": nobody}),
        (control.get_agent_knowledge_base, {**place(agent.id), "knowledgeBaseId": nobody}),
        (control.associate_agent_knowledge_base, {**place(agent.id), "knowledgeBaseId": nobody, "description": "d"}),
        (control.update_agent_knowledge_base, {**place(agent.id), "knowledgeBaseId": nobody}),
        (control.disassociate_agent_knowledge_base, {**place(agent.id), "knowledgeBaseId": nobody}),
        (control.list_agent_knowledge_bases, place(nobody)),
        (control.list_agent_collaborators, place(nobody)),
    ):
        assert refused(call, **arguments)[:2] == (404, "ResourceNotFoundException"), call.__name__
    assert get(control, agent.id)["agentStatus"] == "PREPARED", "what is not there changes nothing"


def test_parts_of_agents_go_by_their_names(control):
    agent = make_agent(control, group("OrderTools", function("look")))
    by_name = {"agentId": "support-bot", "agentVersion": "1", "actionGroupId": "OrderTools"}
    assert control.get_agent_action_group(**by_name)["agentActionGroup"]["agentId"] == agent.id


def test_client_tokens(control):
    """The same request is done once, and answered with what it made as that is now."""
    token = lambda: str(uuid.uuid4())
    one = {"agentName": "one", "tags": {"team": "north", "cost": "17"}, "clientToken": token()}
    first = control.create_agent(**one)["agent"]
    update(control, first["agentId"], agentName="renamed", description="changed")
    again = control.create_agent(**one)["agent"]
    assert (again["agentId"], again["agentName"], again["description"]) == (first["agentId"], "renamed", "changed")
    assert refused(control.create_agent, **{**one, "tags": {"team": "south"}})[:2] == (409, "ConflictException")

    grouped = {**place(first["agentId"]), **group("tools", function("look")), "clientToken": token()}
    made = control.create_agent_action_group(**grouped)["agentActionGroup"]
    assert control.create_agent_action_group(**grouped)["agentActionGroup"] == made
    assert refused(control.create_agent_action_group, **{**grouped, "description": "d"})[:2] == (409, "ConflictException")

    prepare(control, first["agentId"])
    aliased = {"agentId": first["agentId"], "agentAliasName": "live", "tags": {"stage": "live"}, "clientToken": token()}
    made = control.create_agent_alias(**aliased)["agentAlias"]
    again = control.create_agent_alias(**aliased)["agentAlias"]
    assert (again["agentAliasId"], again["agentAliasStatus"], again["routingConfiguration"]) == (
        made["agentAliasId"], "PREPARED", [{"agentVersion": "1"}])
    assert refused(control.create_agent_alias, **{**aliased, "agentAliasName": "other"})[:2] == (409, "ConflictException")
    assert len(control.list_agent_versions(agentId=first["agentId"])["agentVersionSummaries"]) == 2, "a repeated request cuts no version"

    # What is gone is made again.
    control.delete_agent(agentId=first["agentId"], skipResourceInUseCheck=True)
    assert control.create_agent(**one)["agent"]["agentId"] != first["agentId"]


def test_a_token_outlives_the_schema_it_came_with(outcrop):
    control = outcrop.start().control()
    bucket = outcrop.folder / "data" / "objects" / "schemas"
    bucket.mkdir(parents=True)
    (bucket / "api.yaml").write_text("openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths: {}\n")
    request = {**place(create(control)), "actionGroupName": "api", "actionGroupExecutor": RETURN_CONTROL, "clientToken": str(uuid.uuid4()),
               "apiSchema": {"s3": {"s3BucketName": "schemas", "s3ObjectKey": "api.yaml"}}}
    made = control.create_agent_action_group(**request)["agentActionGroup"]
    (bucket / "api.yaml").unlink()
    assert control.create_agent_action_group(**request)["agentActionGroup"] == made


def test_two_requests_at_once_with_one_token_make_one_resource(control):
    request = {"agentName": "once", "tags": {"a": "1"}, "clientToken": str(uuid.uuid4())}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = {answer["agent"]["agentId"] for answer in pool.map(lambda _: control.create_agent(**request), range(16))}
    assert len(made) == 1 and len(control.list_agents()["agentSummaries"]) == 1


def test_tags_come_and_go_with_their_resource(control):
    agent = make_agent(control, tags={"team": "north"})
    agent_arn = get(control, agent.id)["agentArn"]
    made = control.create_agent_alias(agentId=agent.id, agentAliasName="tagged", tags={"stage": "live"})["agentAlias"]
    tags = lambda arn: control.list_tags_for_resource(resourceArn=arn)["tags"]
    assert (tags(agent_arn), tags(made["agentAliasArn"])) == ({"team": "north"}, {"stage": "live"})
    test_arn = made["agentAliasArn"].replace(made["agentAliasId"], "TSTALIASID")
    control.tag_resource(resourceArn=test_arn, tags={"a": ""})
    assert tags(test_arn) == {"a": ""}

    control.tag_resource(resourceArn=agent_arn, tags={f"key-{number}": "v" for number in range(49)})
    assert refused(control.tag_resource, resourceArn=agent_arn, tags={"one": "more"})[:2] == (402, "ServiceQuotaExceededException")
    assert len(tags(agent_arn)) == 50
    control.tag_resource(resourceArn=agent_arn, tags={"team": "south"})
    assert refused(control.create_agent, agentName="many", tags={f"key-{number}": "v" for number in range(51)})[:2] == (
        402, "ServiceQuotaExceededException")

    for arn in (
        agent_arn.replace(agent.id, "NOBODY0000"), agent_arn.replace("us-east-1", "eu-west-1"), agent_arn.replace("000000000000", "999999999999"),
        agent_arn.replace("arn:aws:", "arn:aws-cn:"), agent_arn.replace(":agent/", ":flow/"), made["agentAliasArn"].replace(agent.id, "NOBODY0000"),
    ):
        for call, more in ((control.list_tags_for_resource, {}), (control.tag_resource, {"tags": {"a": "1"}}), (control.untag_resource, {"tagKeys": ["a"]})):
            assert refused(call, resourceArn=arn, **more)[:2] == (404, "ResourceNotFoundException"), arn
    for arn in ("support-bot-of-the-shop", "arn:aws:s3:::a-bucket-of-mine", agent_arn.replace("000000000000", "12"), agent_arn.split("/")[0]):
        assert fields(refusal(control.tag_resource, resourceArn=arn, tags={"a": "1"})) == ("ValidationException", ["resourceArn"]), arn
    for bad in ({"aws:mine": "1"}, {"bad!": "1"}, {"a": "é"}, {"a": "x" * 257}, {"x" * 129: "1"}):
        assert refused(control.tag_resource, resourceArn=test_arn, tags=bad)[:2] == (400, "ValidationException"), bad

    control.delete_agent_alias(agentId=agent.id, agentAliasId=made["agentAliasId"])
    assert refused(control.list_tags_for_resource, resourceArn=made["agentAliasArn"])[0] == 404
    control.delete_agent(agentId=agent.id, skipResourceInUseCheck=True)
    assert refused(control.list_tags_for_resource, resourceArn=agent_arn)[0] == 404


def test_deleting_takes_everything_along(control):
    agent = make_agent(control, group("OrderTools", function("look")))
    control.delete_agent(agentId=agent.id, skipResourceInUseCheck=True)
    for call, arguments in (
        (control.get_agent_alias, {"agentId": agent.id, "agentAliasId": agent.alias_id}), (control.get_agent_version, place(agent.id, "1")),
        (control.list_agent_action_groups, place(agent.id, "1")), (control.list_agent_action_groups, place(agent.id)),
    ):
        assert refused(call, **arguments)[0] == 404
    # Its name is free again, and enabled groups, versions and the test alias alone are in nobody's way.
    again = make_agent(control, group("OrderTools", function("look")))
    control.delete_agent_alias(agentId=again.id, agentAliasId=again.alias_id)
    control.delete_agent(agentId=again.id)
