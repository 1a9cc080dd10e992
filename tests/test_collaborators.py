"""Supervisors and those they work with: who may, what keeps an alias in use, and what a version copies."""

import uuid

import pytest

from world import INSTRUCTION, ROLE, create, make_agent, prepare, refusal, refused

REST = {"foundationModel": "m", "instruction": INSTRUCTION, "agentResourceRoleArn": ROLE}


def arn(control, agent_id, alias_id="TSTALIASID"):
    agent_arn = control.get_agent(agentId=agent_id)["agent"]["agentArn"]
    return agent_arn.replace(":agent/", ":agent-alias/") + "/" + alias_id


def supervisor(control, name="boss", mode="SUPERVISOR"):
    return create(control, name, agentCollaboration=mode)


def associate(control, agent_id, alias_arn, name="helper", **more):
    made = control.associate_agent_collaborator(
        agentId=agent_id, agentVersion="DRAFT", agentDescriptor={"aliasArn": alias_arn}, collaboratorName=name,
        collaborationInstruction="Ask it for help.", **more)
    return made["agentCollaborator"]


def place(agent_id, version="DRAFT"):
    return {"agentId": agent_id, "agentVersion": version}


def status(control, agent_id):
    return control.get_agent(agentId=agent_id)["agent"]["agentStatus"]


def test_a_collaborator_from_association_to_the_end(control):
    helper = make_agent(control, name="helper")
    boss = supervisor(control)
    made = associate(control, boss, arn(control, helper.id, helper.alias_id), relayConversationHistory="TO_COLLABORATOR")
    assert {key: made[key] for key in made if key not in ("collaboratorId", "createdAt", "lastUpdatedAt", "clientToken")} == {
        "agentId": boss, "agentVersion": "DRAFT", "agentDescriptor": {"aliasArn": arn(control, helper.id, helper.alias_id)},
        "collaboratorName": "helper", "collaborationInstruction": "Ask it for help.", "relayConversationHistory": "TO_COLLABORATOR",
    }
    item = {**place(boss), "collaboratorId": made["collaboratorId"]}
    assert control.get_agent_collaborator(**item)["agentCollaborator"] == made
    # Its name stands for its id.
    assert control.get_agent_collaborator(**{**item, "agentId": "boss", "collaboratorId": "helper"})["agentCollaborator"] == made
    [summary] = control.list_agent_collaborators(**place(boss))["agentCollaboratorSummaries"]
    assert summary == {key: value for key, value in made.items() if key != "clientToken"}

    # An update replaces the whole, and the draft has to be prepared again.
    prepared = prepare(control, boss)
    changed = control.update_agent_collaborator(
        **item, agentDescriptor={"aliasArn": arn(control, helper.id)}, collaboratorName="aide", collaborationInstruction="Ask less.")
    changed = changed["agentCollaborator"]
    assert (changed["collaboratorName"], changed["relayConversationHistory"]) == ("aide", "DISABLED")
    assert changed["createdAt"] == made["createdAt"] and changed["lastUpdatedAt"] > prepared["preparedAt"]
    assert status(control, boss) == "NOT_PREPARED"

    prepare(control, boss)
    gone = control.disassociate_agent_collaborator(**item)
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204 and status(control, boss) == "NOT_PREPARED"
    assert control.list_agent_collaborators(**place(boss))["agentCollaboratorSummaries"] == []
    for call in (control.get_agent_collaborator, control.disassociate_agent_collaborator):
        assert refused(call, **item)[:2] == (404, "ResourceNotFoundException")


def test_who_may_work_with_whom(control):
    helper = make_agent(control, name="helper")
    boss, plain, raw = supervisor(control), create(control, "plain"), create(control, "raw")

    def refused_arn(alias_arn, agent_id=boss):
        answer = refusal(
            control.associate_agent_collaborator, **place(agent_id), agentDescriptor={"aliasArn": alias_arn},
            collaboratorName="x", collaborationInstruction="x")
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer.get("fieldList", [{}])[0].get("name")

    theirs = arn(control, helper.id, helper.alias_id)
    assert refused_arn(theirs, plain) == (400, "agentCollaboration")
    assert refused_arn(arn(control, helper.id, "NOBODY0000")) == (404, None)
    assert refused_arn(theirs.replace(helper.id, "NOBODY0000")) == (404, None)
    assert refused_arn(theirs.replace("us-east-1", "eu-west-1")) == (404, None)
    assert refused_arn(theirs.replace("000000000000", "999999999999")) == (404, None)
    assert refused_arn(theirs.replace(":agent-alias/", ":agent/")) == (400, "agentDescriptor.aliasArn")
    # The test alias of an agent leads somewhere once it was prepared.
    assert refused_arn(arn(control, raw)) == (400, "agentDescriptor.aliasArn")
    assert refused_arn(arn(control, boss)) == (400, "agentDescriptor.aliasArn")
    no_arn = {"agentDescriptor": {}, "collaboratorName": "x", "collaborationInstruction": "x"}
    assert refused(control.associate_agent_collaborator, **place(boss), **no_arn)[:2] == (400, "ValidationException")
    assert refused(control.associate_agent_collaborator, **place("NOBODY0000"), **{**no_arn, "agentDescriptor": {"aliasArn": theirs}})[0] == 404

    associate(control, boss, theirs)
    assert refused(associate, control=control, agent_id=boss, alias_arn=arn(control, helper.id)) == (
        409, "ConflictException", "A collaborator with the name helper already exists for the agent.")


def test_nobody_works_with_those_above(control):
    """A chain of supervisors that would close is refused at its last link, however long it is and whatever version it runs through."""
    leaf = make_agent(control, name="leaf").id
    chain = [leaf]
    for number in range(4):
        agent_id = supervisor(control, f"link-{number}")
        associate(control, agent_id, arn(control, chain[-1]), name="below")
        prepare(control, agent_id)
        chain.append(agent_id)
    top = chain[-1]
    for lower in chain[:-1]:
        control.update_agent(agentId=lower, agentName=f"again-{lower}", agentCollaboration="SUPERVISOR", **REST)
        answer = refusal(
            control.associate_agent_collaborator, **place(lower), agentDescriptor={"aliasArn": arn(control, top)},
            collaboratorName="up", collaborationInstruction="x")
        assert answer["Error"]["Code"] == "ValidationException" and answer["fieldList"][0]["name"] == "agentDescriptor.aliasArn"
    # A version keeps what its draft gave up: an alias may be led to it at any time.
    control.create_agent_alias(agentId=top, agentAliasName="kept")
    [below] = control.list_agent_collaborators(**place(top))["agentCollaboratorSummaries"]
    control.disassociate_agent_collaborator(**place(top), collaboratorId=below["collaboratorId"])
    assert refused(associate, control=control, agent_id=leaf, alias_arn=arn(control, top))[:2] == (400, "ValidationException")
    # Side by side is no circle: two may work with the same agent.
    other = supervisor(control, "other")
    associate(control, other, arn(control, leaf), name="first")
    associate(control, other, arn(control, chain[1]), name="second")


@pytest.mark.parametrize("mode", ["SUPERVISOR", "SUPERVISOR_ROUTER"])
def test_a_supervisor_without_collaborators_is_not_prepared(control, mode):
    boss = supervisor(control, mode=mode)
    assert refused(control.prepare_agent, agentId=boss) == (
        400, "ValidationException",
        f"This agent cannot be prepared. The AgentCollaboration attribute is set to {mode} but no agent collaborators are added.")
    assert status(control, boss) == "NOT_PREPARED"


def test_versions_copy_collaborators(outcrop):
    control = outcrop.start().control()
    helper = make_agent(control, name="helper")
    boss = supervisor(control)
    made = associate(control, boss, arn(control, helper.id, helper.alias_id))
    prepare(control, boss)
    control.create_agent_alias(agentId=boss, agentAliasName="live")
    control.disassociate_agent_collaborator(**place(boss), collaboratorId=made["collaboratorId"])
    copied = control.get_agent_collaborator(**place(boss, "1"), collaboratorId=made["collaboratorId"])["agentCollaborator"]
    assert {**copied, "agentVersion": "DRAFT"} == made
    assert [each["collaboratorName"] for each in control.list_agent_collaborators(**place(boss, "1"))["agentCollaboratorSummaries"]] == ["helper"]
    assert control.get_agent_version(agentId=boss, agentVersion="1")["agentVersion"]["agentCollaboration"] == "SUPERVISOR"
    assert refused(control.list_agent_collaborators, **place(boss, "7"))[:2] == (404, "ResourceNotFoundException")
    change = {**place(boss, "1"), "collaboratorId": made["collaboratorId"], "agentDescriptor": made["agentDescriptor"],
              "collaboratorName": "x", "collaborationInstruction": "x"}
    unchecked = outcrop.control(parameter_validation=False)
    status_code, code, message = refused(unchecked.update_agent_collaborator, **change)
    assert (status_code, code) == (400, "ValidationException") and "'agentVersion'" in message


def test_an_alias_in_use_stays(control):
    helper = make_agent(control, name="helper")
    boss = supervisor(control)
    made = associate(control, boss, arn(control, helper.id, helper.alias_id))
    prepare(control, boss)
    live = control.create_agent_alias(agentId=boss, agentAliasName="live")["agentAlias"]["agentAliasId"]
    delete = lambda: refused(control.delete_agent_alias, agentId=helper.id, agentAliasId=helper.alias_id)
    assert delete()[:2] == (400, "ValidationException") and boss in delete()[2]
    # The draft lets go, then what was prepared, then the version that an alias leads to.
    control.disassociate_agent_collaborator(**place(boss), collaboratorId=made["collaboratorId"])
    assert delete()[0] == 400
    # Nothing is left to prepare with, which lets go all the same.
    assert refused(control.prepare_agent, agentId=boss)[:2] == (400, "ValidationException")
    assert delete()[0] == 400
    control.delete_agent_alias(agentId=boss, agentAliasId=live)
    control.delete_agent_alias(agentId=helper.id, agentAliasId=helper.alias_id)


def test_an_agent_in_use_stays_unless_its_owner_insists(control):
    helper = make_agent(control, name="helper")
    boss = supervisor(control)
    made = associate(control, boss, arn(control, helper.id))
    prepare(control, boss)
    control.delete_agent_alias(agentId=helper.id, agentAliasId=helper.alias_id)
    status_code, code, message = refused(control.delete_agent, agentId=helper.id)
    assert (status_code, code) == (409, "ConflictException") and boss in message
    control.delete_agent(agentId=helper.id, skipResourceInUseCheck=True)
    # What it was named for is gone, and preparing says so.
    failed = prepare(control, boss, status="FAILED")
    assert "collaborator helper" in failed["failureReasons"][0] and failed["recommendedActions"]
    control.disassociate_agent_collaborator(**place(boss), collaboratorId=made["collaboratorId"])

    # Whoever goes lets go of what it used.
    other = make_agent(control, name="other")
    associate(control, boss, arn(control, other.id, other.alias_id))
    prepare(control, boss)
    control.create_agent_alias(agentId=boss, agentAliasName="live")
    control.delete_agent(agentId=boss, skipResourceInUseCheck=True)
    control.delete_agent_alias(agentId=other.id, agentAliasId=other.alias_id)
    control.delete_agent(agentId=other.id)


def test_a_client_token_associates_once(control):
    helper = make_agent(control, name="helper")
    boss = supervisor(control)
    token = str(uuid.uuid4())
    first = associate(control, boss, arn(control, helper.id), clientToken=token)
    assert associate(control, boss, arn(control, helper.id), clientToken=token) == first
    assert refused(associate, control=control, agent_id=boss, alias_arn=arn(control, helper.id), name="other", clientToken=token)[:2] == (
        409, "ConflictException")
    assert len(control.list_agent_collaborators(**place(boss))["agentCollaboratorSummaries"]) == 1
