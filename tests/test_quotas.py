"""Quotas: settings that a server's owner may lower or raise, and errors that name them."""

import pytest

from world import FUNCTION, RETURN_CONTROL, create, function, group, make_agent, prepare, refused

API = """
openapi: 3.0.0
info: { title: t, version: "1" }
paths:
  /a:
    get: { description: a, responses: { "200": { description: ok } } }
    post: { description: b, responses: { "200": { description: ok } } }
"""


def start(outcrop, **quotas):
    lines = ["[quotas]", *(f"{name} = {count}" for name, count in quotas.items())]
    return outcrop.start(settings="\n".join(lines)).control()


def check_refused(setting, limit, call, **arguments):
    status, code, message = refused(call, **arguments)
    assert (status, code) == (402, "ServiceQuotaExceededException")
    assert f"at most {limit}" in message and f"quotas.{setting}" in message, message


def place(agent_id):
    return {"agentId": agent_id, "agentVersion": "DRAFT"}


def test_agents(outcrop):
    control = start(outcrop, agents=2)
    one = create(control, "one")
    create(control, "two")
    check_refused("agents", 2, control.create_agent, agentName="three")
    control.delete_agent(agentId=one)
    create(control, "three")
    check_refused("agents", 2, control.create_agent, agentName="four")
    # They are counted again when the server starts again.
    outcrop.server.restart()
    check_refused("agents", 2, outcrop.control().create_agent, agentName="four")


def test_action_groups_and_what_is_in_them(outcrop):
    control = start(outcrop, action_groups_per_agent=4, enabled_action_groups_per_agent=3, apis_per_agent=4, functions_per_action_group=2,
                    parameters_per_function=2)
    agent_id = create(control)

    def make(name, *functions, **more):
        return control.create_agent_action_group(**place(agent_id), **group(name, *functions), **more)["agentActionGroup"]["actionGroupId"]

    status, code, message = refused(
        control.create_agent_action_group, **place(agent_id), **group("x", function("f"), function("g", a="string", b="string", c="string")))
    assert (status, code) == (402, "ServiceQuotaExceededException")
    assert message.startswith("functionSchema.functions.2.member.parameters: ") and "quotas.parameters_per_function" in message
    check_refused("functions_per_action_group", 2, control.create_agent_action_group, **place(agent_id),
                  **group("x", function("f"), function("g"), function("h")))

    one = make("one", function("f"), function("g"))
    make("two", function("f"))
    both = {"actionGroupName": "api", "actionGroupExecutor": {"lambda": FUNCTION}, "apiSchema": {"payload": API}}
    check_refused("apis_per_agent", 4, control.create_agent_action_group, **place(agent_id), **both)
    # Disabled groups are not offered to the model and count for nothing but themselves.
    api = control.create_agent_action_group(**place(agent_id), **both, actionGroupState="DISABLED")["agentActionGroup"]["actionGroupId"]
    check_refused("apis_per_agent", 4, control.update_agent_action_group, **place(agent_id), actionGroupId=api, **both)
    control.update_agent_action_group(**place(agent_id), actionGroupId=one, **group("one", function("f")))
    control.update_agent_action_group(**place(agent_id), actionGroupId=api, **both)
    check_refused("enabled_action_groups_per_agent", 3, control.create_agent_action_group, **place(agent_id), actionGroupName="x")
    make("four", actionGroupState="DISABLED")
    check_refused("action_groups_per_agent", 4, control.create_agent_action_group, **place(agent_id), actionGroupName="x", actionGroupState="DISABLED")
    assert len(control.list_agent_action_groups(**place(agent_id))["actionGroupSummaries"]) == 4
    prepare(control, agent_id)


def test_aliases_versions_collaborators_and_tags(outcrop):
    control = start(outcrop, aliases_per_agent=2, versions_per_agent=2, collaborators_per_agent=1, tags_per_resource=2)
    agent = make_agent(control, tags={"a": "1", "b": "2"})
    item = {"agentId": agent.id, "agentAliasId": agent.alias_id}
    control.create_agent_alias(agentId=agent.id, agentAliasName="two")
    check_refused("aliases_per_agent", 2, control.create_agent_alias, agentId=agent.id, agentAliasName="three")
    check_refused("versions_per_agent", 2, control.update_agent_alias, **item, agentAliasName="PROD")
    control.update_agent_alias(**item, agentAliasName="PROD", routingConfiguration=[{"agentVersion": "2"}])
    control.delete_agent_version(agentId=agent.id, agentVersion="1")
    control.update_agent_alias(**item, agentAliasName="PROD")

    arn = control.get_agent_alias(**item)["agentAlias"]["agentAliasArn"]
    control.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    check_refused("tags_per_resource", 2, control.tag_resource, resourceArn=arn, tags={"c": "3"})

    boss = create(control, "boss", agentCollaboration="SUPERVISOR")
    body = {**place(boss), "agentDescriptor": {"aliasArn": arn}, "collaborationInstruction": "Ask."}
    control.associate_agent_collaborator(**body, collaboratorName="one")
    check_refused("collaborators_per_agent", 1, control.associate_agent_collaborator, **body, collaboratorName="two")


def test_defaults_are_generous(control):
    """Far beyond AWS's numbers, and no setting asked for."""
    agent_id = create(control)
    functions = [function(f"f{number}", **{f"p{index}": "string" for index in range(20)}) for number in range(40)]
    for number in range(30):
        control.create_agent_action_group(**place(agent_id), **group(f"group-{number}", *functions[: 1 + number], executor=RETURN_CONTROL))
    prepare(control, agent_id)
    for number in range(20):
        control.create_agent_alias(agentId=agent_id, agentAliasName=f"alias-{number}")


def test_prompts(outcrop):
    control = start(outcrop, prompts=1)
    prompt_id = control.create_prompt(name="one")["id"]
    check_refused("prompts", 1, control.create_prompt, name="two")
    control.delete_prompt(promptIdentifier=prompt_id)
    control.create_prompt(name="two")


@pytest.mark.parametrize("setting", ["agents", "tags_per_resource"])
def test_none_at_all(outcrop, setting):
    control = start(outcrop, **{setting: 0})
    check_refused(setting, 0, control.create_agent, agentName="one", tags={"a": "1"})
    assert control.list_agents()["agentSummaries"] == []


def test_versions_of_a_prompt(outcrop):
    control = start(outcrop, versions_per_prompt=2)
    prompt = {"promptIdentifier": control.create_prompt(name="greet")["id"]}
    for _ in range(2):
        control.create_prompt_version(**prompt)
    check_refused("versions_per_prompt", 2, control.create_prompt_version, **prompt)
    control.delete_prompt(**prompt, promptVersion="1")
    assert control.create_prompt_version(**prompt)["version"] == "3"
