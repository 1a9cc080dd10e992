"""`outcrop export` and `outcrop import`: an agent becomes a folder and an agent again, and nothing of it is lost."""

import json
import shutil
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import World
from server import outcrop as run
from signed import KEY, OTHER_KEY, start_guarded
from world import FUNCTION, INSTRUCTION, RETURN_CONTROL, ROLE, function, group, make_agent, make_guardrail, settled

OPENAPI = """openapi: 3.0.0
info: {title: Orders, version: 012}
paths:
  /orders/{id}:
    get:
      operationId: getOrder
      description: "Reads an order; says yes, no or 1e3."
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses: {"200": {description: ok}}
"""
# What readers and writers of text like to change.
AWKWARD = [
    "012", "yes", "1e3", "null", " leading and trailing ", "ends with line feeds\n\n", "\r\nCarriage\rreturns\r\n", "\ttab: - # & * !",
    "\ufeffmark", "umlauts äöü, 漢字, 🦀, e\u0301", "{\"file\": \"instruction.md\"}", "\u2028 separators \u2029", "---\n...\n",
]


def awkward(text):
    return text + "\n" + INSTRUCTION


@pytest.fixture
def other(tmp_path):
    """A second server, which knows nothing of the first."""
    (tmp_path / "other").mkdir()
    made = World(tmp_path / "other")
    yield made
    made.end()


def export(world, agent, folder, *more):
    done = run("export", agent, "--to", folder, "--endpoint", world.url, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported(world, folder, *more):
    done = run("import", folder, "--endpoint", world.url, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def without_ids(files):
    return {name: content for name, content in files.items() if not name.endswith("ids.json")}


def pages(call, member, **arguments):
    return [item for page in call.__self__.get_paginator(call.__name__).paginate(**arguments) for item in page[member]]


PASSING = {"createdAt", "updatedAt", "preparedAt", "startDate", "endDate", "clientToken", "lastUpdatedAt"}


def masked(value, ids):
    """A document without times, with ids by what they stand for."""
    if isinstance(value, dict):
        return {key: masked(each, ids) for key, each in value.items() if key not in PASSING}
    if isinstance(value, (list, tuple)):
        return [masked(each, ids) for each in value]
    if isinstance(value, str):
        for known, name in ids.items():
            value = value.replace(known, name)
    return value


def documents(control, name):
    """Everything the API tells of an agent, in a form that is the same for the same agent on another server."""
    agent_id = next(each["agentId"] for each in pages(control.list_agents, "agentSummaries") if each["agentName"] == name)
    ids = {agent_id: "<agent>"}
    found = {"agent": control.get_agent(agentId=agent_id)["agent"]}
    arn = found["agent"]["agentArn"]
    found["tags"] = control.list_tags_for_resource(resourceArn=arn)["tags"]
    found["aliases"] = {}
    for summary in pages(control.list_agent_aliases, "agentAliasSummaries", agentId=agent_id):
        alias = control.get_agent_alias(agentId=agent_id, agentAliasId=summary["agentAliasId"])["agentAlias"]
        ids[alias["agentAliasId"]] = f"<alias {alias['agentAliasName']}>"
        tags = control.list_tags_for_resource(resourceArn=alias["agentAliasArn"])["tags"]
        found["aliases"][alias["agentAliasName"]] = (summary, alias, tags)
    found["versions"] = {}
    for summary in pages(control.list_agent_versions, "agentVersionSummaries", agentId=agent_id):
        version = summary["agentVersion"]
        document = control.get_agent_version(agentId=agent_id, agentVersion=version)["agentVersion"] if version != "DRAFT" else {}
        groups = {}
        for each in pages(control.list_agent_action_groups, "actionGroupSummaries", agentId=agent_id, agentVersion=version):
            one = control.get_agent_action_group(agentId=agent_id, agentVersion=version, actionGroupId=each["actionGroupId"])
            ids[each["actionGroupId"]] = f"<group {each['actionGroupName']}>"
            groups[each["actionGroupName"]] = (each, one["agentActionGroup"])
        found["versions"][version] = (summary, document, groups)
    summary = next(each for each in pages(control.list_agents, "agentSummaries") if each["agentId"] == agent_id)
    return masked({**found, "summary": summary}, ids)


def rich_agent(world):
    """An agent with a past: versions with a gap, aliases with a history, groups of every kind, overrides, tags."""
    control = world.control()
    schema = world.folder / "data/objects/schemas/orders.yaml"
    schema.parent.mkdir(parents=True, exist_ok=True)
    schema.write_text(OPENAPI)
    overrides = {"promptConfigurations": [
        {"promptType": "ORCHESTRATION", "promptCreationMode": "OVERRIDDEN", "promptState": "ENABLED", "parserMode": "DEFAULT",
         "basePromptTemplate": awkward("$instruction$\r\n  012\n"),
         "inferenceConfiguration": {"temperature": 0.25, "topP": 0.5, "topK": 7, "maximumLength": 300, "stopSequences": ["yes", "012"]}},
        {"promptType": "PRE_PROCESSING", "promptCreationMode": "DEFAULT", "promptState": "ENABLED"},
    ]}
    agent = make_agent(
        control,
        group("Zulu", function("track", "012", parcel=("string", "yes"), also="integer"), function("abc", confirmation="ENABLED")),
        {"actionGroupName": "alpha", "actionGroupExecutor": RETURN_CONTROL, "apiSchema": {"payload": OPENAPI}},
        {"actionGroupName": "Asking", "parentActionGroupSignature": "AMAZON.UserInput"},
        description="1e3", idleSessionTTLInSeconds=1234, tags={"team": "012", "yes": " no "}, promptOverrideConfiguration=overrides,
        guardrailConfiguration={"guardrailIdentifier": make_guardrail(world.url, versions=2), "guardrailVersion": "2"},
        memoryConfiguration={"enabledMemoryTypes": ["SESSION_SUMMARY"], "storageDays": 3},
    )
    body = {"agentName": "support-bot", "foundationModel": "qwen3:8b", "agentResourceRoleArn": ROLE}

    def change(instruction, alias=None):
        control.update_agent(agentId=agent.id, instruction=instruction, **body)
        control.prepare_agent(agentId=agent.id)
        if alias:
            control.update_agent_alias(agentId=agent.id, agentAliasId=agent.alias_id, agentAliasName="PROD", description=alias)

    change(awkward("second"), "to 2")
    change(awkward("third"), "to 3")
    control.update_agent_alias(
        agentId=agent.id, agentAliasId=agent.alias_id, agentAliasName="PROD", routingConfiguration=[{"agentVersion": "1"}],
        aliasInvocationState="REJECT_INVOCATIONS",
    )
    control.delete_agent_version(agentId=agent.id, agentVersion="2")
    other = control.create_agent_alias(agentId=agent.id, agentAliasName="prod", description="lower", tags={"stage": "yes"})["agentAlias"]
    gone = control.create_agent_alias(agentId=agent.id, agentAliasName="gone")["agentAlias"]
    settled(lambda: control.get_agent_alias(agentId=agent.id, agentAliasId=gone["agentAliasId"]), ("agentAlias", "agentAliasStatus"), "PREPARED")
    control.delete_agent_version(agentId=agent.id, agentVersion="5", skipResourceInUseCheck=True)
    control.create_agent_action_group(
        agentId=agent.id, agentVersion="DRAFT", actionGroupName="orders-in-s3", actionGroupState="DISABLED", description="yes",
        actionGroupExecutor={"lambda": FUNCTION}, apiSchema={"s3": {"s3BucketName": "schemas", "s3ObjectKey": "orders.yaml"}},
    )
    control.tag_resource(resourceArn=other["agentAliasArn"].replace(other["agentAliasId"], "TSTALIASID"), tags={"test": "1e3"})
    return agent


def test_an_agent_goes_to_another_server_and_back_unchanged(outcrop, other, tmp_path):
    agent = rich_agent(outcrop.start())
    first, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    told = export(outcrop, "support-bot", first)
    assert agent.id in told and "versions" in told
    text = files_of(first)
    assert text["agents/support-bot/instruction.md"].decode() == awkward("third") + "\n"
    assert text["agents/support-bot/versions/1/action-groups/alpha.openapi.yaml"].decode() == OPENAPI + "\n"
    assert json.loads(text["agents/support-bot/agent.json"])["actionGroups"] == [
        {"file": f"action-groups/{name}.json"} for name in ("Zulu", "alpha", "Asking", "orders-in-s3")
    ]
    other.start()
    told = imported(other, first)
    # Who knows the agent by its id finds it again.
    assert agent.id in told and "create" in told
    assert documents(other.control(), "support-bot") == documents(outcrop.control(), "support-bot")
    export(other, agent.id, second)
    assert files_of(second) == text
    # What came in is worked on like any other agent: numbers go on, aliases lead where they led.
    control = other.control()
    control.prepare_agent(agentId=agent.id)
    made = control.create_agent_alias(agentId=agent.id, agentAliasName="next")["agentAlias"]
    got = control.get_agent_alias(agentId=agent.id, agentAliasId=made["agentAliasId"])["agentAlias"]
    assert got["routingConfiguration"] == [{"agentVersion": "6"}]
    # Under new ids nothing but the ids differ.
    imported(other, first, "--name", "copy-bot", "--new-ids")
    assert agent.id not in run("export", "copy-bot", "--to", third, "--endpoint", other.url).stdout
    renamed = {name.replace("copy-bot", "support-bot"): content.replace(b'"copy-bot"', b'"support-bot"') for name, content in files_of(third).items()}
    assert without_ids(renamed) == without_ids(text)


def test_exporting_and_importing_again_changes_nothing(outcrop, tmp_path):
    rich_agent(outcrop.start())
    folder = tmp_path / "folder"
    export(outcrop, "support-bot", folder)
    first = files_of(folder)
    (folder / "README.md").write_text("mine")
    (folder / "agents/support-bot/stale.json").write_text("{}")
    done = run("export", "support-bot", "--to", folder, "--endpoint", outcrop.url)
    assert done.returncode == 2 and "--force" in done.stderr
    export(outcrop, "support-bot", folder, "--force")
    assert files_of(folder) == {**first, "README.md": b"mine"}
    before = documents(outcrop.control(), "support-bot")
    assert "nothing to change" in imported(outcrop, folder)
    assert documents(outcrop.control(), "support-bot") == before


def test_a_folder_of_the_users_is_not_touched(outcrop, tmp_path):
    make_agent(outcrop.start().control())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    for force in ((), ("--force",)):
        done = run("export", "support-bot", "--to", tmp_path / "mine", "--endpoint", outcrop.url, *force)
        assert done.returncode == 2 and "--to" in done.stderr
    assert files_of(tmp_path / "mine") == {"notes.txt": b"mine"}


def test_an_agent_that_is_there_is_replaced_only_when_asked(outcrop, tmp_path):
    control = outcrop.start().control()
    agent = make_agent(control, group("Orders", function("track")))
    folder = tmp_path / "folder"
    export(outcrop, "support-bot", folder)
    (folder / "agents/support-bot/instruction.md").write_text("You are quite another agent now, with other manners.\n")
    (folder / "agents/support-bot/versions/2").mkdir()
    shutil.copytree(folder / "agents/support-bot/versions/1", folder / "agents/support-bot/versions/2", dirs_exist_ok=True)
    before = documents(control, "support-bot")
    done = run("import", folder, "--endpoint", outcrop.url)
    assert done.returncode == 1
    for part in ("support-bot", agent.id, "instruction.md", "--name", "--replace"):
        assert part in done.stderr
    assert documents(control, "support-bot") == before
    report = json.loads(imported(outcrop, folder, "--replace", "--json"))
    # The same ids: programs that talk with the agent go on.
    assert report["agents"] == [{
        "action": "replace", "agentId": agent.id, "agentName": "support-bot", "agentStatus": "PREPARED", "versions": [1, 2],
        "aliases": {"PROD": agent.alias_id},
    }]
    assert control.get_agent(agentId=agent.id)["agent"]["instruction"] == "You are quite another agent now, with other manners."
    assert "nothing to change" in imported(outcrop, folder)


def test_texts_stay_as_they_are(outcrop, other, tmp_path):
    control = outcrop.start().control()
    for at, text in enumerate(AWKWARD):
        body = {"agentName": f"text-{at}", "foundationModel": "qwen3:8b", "instruction": awkward(text)}
        control.create_agent(**body, description=text[:200])
    control.create_agent(agentName="text-long", foundationModel="qwen3:8b", instruction="漢" * 20_000)
    control.create_agent(agentName="text-none")
    names = [each["agentName"] for each in pages(control.list_agents, "agentSummaries")]
    export(outcrop, ",".join(names), tmp_path / "folder")
    imported(other.start(), tmp_path / "folder")
    for name in names:
        assert documents(other.control(), name) == documents(control, name)


def test_what_cannot_run_here_is_kept(outcrop, other, tmp_path):
    """Nothing is refused because this server cannot do it; it is told."""
    outcrop.start()
    agent = make_agent(outcrop.control())
    folder = tmp_path / "folder"
    export(outcrop, "support-bot", folder)
    for main in (folder / "agents/support-bot/agent.json", folder / "agents/support-bot/versions/1/agent.json"):
        document = json.loads(main.read_text())
        document["actionGroups"] = [{"file": "action-groups/Code.json"}]
        main.write_text(json.dumps(document))
        main.with_name("action-groups").mkdir()
        (main.parent / "action-groups/Code.json").write_text('{"actionGroupName": "Code", "parentActionGroupSignature": "ANTHROPIC.Bash"}')
    told = imported(other.start(), folder)
    assert "FAILED" in told and "note: support-bot: the draft is kept" in told and "version 1 is kept" in told
    got = other.control().get_agent(agentId=agent.id)["agent"]
    assert got["agentStatus"] == "FAILED" and "ANTHROPIC.Bash" in got["failureReasons"][0]
    export(other, "support-bot", tmp_path / "again")
    again = json.loads((tmp_path / "again/agents/support-bot/action-groups/Code.json").read_text())
    assert again["parentActionGroupSignature"] == "ANTHROPIC.Bash"
    assert "nothing to change" in imported(other, tmp_path / "again")


S3 = {"s3": {"s3BucketName": "schemas", "s3ObjectKey": "deep/orders(1).yaml"}}
IN_S3 = {"actionGroupName": "Orders", "actionGroupExecutor": RETURN_CONTROL, "apiSchema": S3}


def objects(world, key=("test", "test")):
    return boto3.client(
        "s3", endpoint_url=world.url, region_name="us-west-2", aws_access_key_id=key[0], aws_secret_access_key=key[1],
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )


def put_schema(s3, text=OPENAPI):
    if "schemas" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket="schemas", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="schemas", Key="deep/orders(1).yaml", Body=text.encode())


def get_schema(s3):
    return s3.get_object(Bucket="schemas", Key="deep/orders(1).yaml")["Body"].read().decode()


def test_schemas_in_s3_come_along(outcrop, other, tmp_path):
    control = outcrop.start().control()
    put_schema(objects(outcrop))
    make_agent(control, IN_S3)
    export(outcrop, "support-bot", tmp_path / "folder")
    groups = tmp_path / "folder/agents/support-bot/action-groups"
    assert json.loads((groups / "Orders.json").read_text())["apiSchema"] == S3
    assert (groups / "Orders.openapi.yaml").read_text() == OPENAPI + "\n"
    told = imported(other.start(), tmp_path / "folder")
    assert "PREPARED" in told and "note" not in told
    assert get_schema(objects(other)) == OPENAPI
    other.control().prepare_agent(agentId="support-bot")
    assert other.control().get_agent(agentId="support-bot")["agent"]["agentStatus"] == "PREPARED"
    export(other, "support-bot", tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(tmp_path / "folder")
    # An object that is there is somebody's.
    put_schema(objects(other), OPENAPI.replace("Orders", "Others"))
    told = imported(other, tmp_path / "folder", "--name", "second")
    assert "note: s3://schemas/deep/orders(1).yaml is another schema" in told and "PREPARED" in told
    assert "Others" in get_schema(objects(other))
    # One that is gone leaves its name.
    objects(outcrop).delete_object(Bucket="schemas", Key="deep/orders(1).yaml")
    told = export(outcrop, "support-bot", tmp_path / "without")
    assert "note: only the name of the schema s3://schemas/deep/orders(1).yaml is kept" in told
    told = imported(other, tmp_path / "without", "--name", "third")
    assert "PREPARED" in told


@pytest.fixture
def broken(outcrop, tmp_path):
    """Spoils an export and gives what importing it says."""
    make_agent(outcrop.start().control(), group("Orders", function("track")))
    folder = tmp_path / "folder"
    export(outcrop, "support-bot", folder)
    outcrop.control().delete_agent(agentId="support-bot", skipResourceInUseCheck=True)

    def check(spoil):
        spoil(folder / "agents/support-bot")
        done = run("import", folder, "--endpoint", outcrop.url)
        assert done.returncode == 2, done
        assert outcrop.control().list_agents()["agentSummaries"] == []
        return done.stderr

    return check


def edited(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(("spoil", "parts"), [
    (lambda agent: (agent / "instruction.md").unlink(), ("agents/support-bot/agent.json", "instruction.md", "missing")),
    (lambda agent: edited(agent / "agent.json", '"agentName"', '"agentname"'), ("agent.json", "agentname", "did you mean `agentName`")),
    (lambda agent: edited(agent / "agent.json", "instruction.md", "../../../../etc/passwd"), ("agent.json", "is not below")),
    (lambda agent: edited(agent / "agent.json", "{", "{ nonsense"), ("agent.json:1:3", "is not JSON")),
    (lambda agent: edited(agent / "action-groups/Orders.functions.json", '"track"', '"two words"'), ("Orders.json", "functionSchema.functions.1.member.name")),
    (lambda agent: edited(agent / "aliases/PROD.json", '"1"', '"3"'), ("PROD.json", "version 3")),
    (lambda agent: edited(agent.parents[1] / "outcrop-export.json", '"format": 1', '"format": 2'), ("outcrop-export.json", "newer", "upgrade")),
    (lambda agent: (agent.parents[1] / "outcrop-export.json").unlink(), ("outcrop-export.json is missing", "outcrop export")),
    (lambda agent: ((agent / "instruction.md").unlink(), (agent / "instruction.md").symlink_to("/etc/hostname")), ("instruction.md", "symbolic link")),
    (lambda agent: (agent / "instruction.md").write_bytes(b"\xff" * 50), ("instruction.md", "UTF-8")),
    (lambda agent: (shutil.copytree(agent / "action-groups", agent / "x"), edited(agent / "agent.json", '"actionGroups": [', '"actionGroups": [ {"file": "x/Orders.json"},')), ("Orders.json", "same name")),
    (lambda agent: edited(agent / "agent.json", '"tags"' if '"tags"' in (agent / "agent.json").read_text() else '"prepared"', '"tags": {"outcrop:nonsense": "1"}, "prepared"'), ("outcrop:nonsense",)),
])
def test_a_broken_folder_changes_nothing_and_says_what_to_mend(broken, spoil, parts):
    said = broken(spoil)
    for part in parts:
        assert part in said, said


def test_an_unknown_agent_and_no_server_are_told(outcrop, tmp_path):
    make_agent(outcrop.start().control())
    done = run("export", "nobody", "--to", tmp_path / "folder", "--endpoint", outcrop.url)
    assert done.returncode == 1 and "nobody" in done.stderr and "support-bot" in done.stderr
    assert not (tmp_path / "folder").exists()
    done = run("export", "nobody", "--to", tmp_path / "folder", "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 1 and "127.0.0.1:9" in done.stderr


def test_the_door_holds_requests_to_the_constraints_of_the_operations(outcrop):
    """Who does not go through the command finds the same walls, and nothing is half done."""
    outcrop.start()

    def post(body):
        request = urllib.request.Request(f"{outcrop.url}/outcrop/import", json.dumps(body).encode(), {"content-type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(request, timeout=30)
        answer = json.loads(raised.value.read())
        return raised.value.code, raised.value.headers["x-amzn-errortype"], answer["message"]

    fine = {"draft": {"agent": {"agentName": "fine"}}}
    short = {"draft": {"agent": {"agentName": "short", "instruction": "short"}}}
    status, code, message = post({"agents": [fine, short]})
    assert (status, code) == (400, "ValidationException") and message.startswith("agent short: 1 validation error detected"), message
    alias = {"members": {"agentAliasName": "a", "routingConfiguration": [{"agentVersion": "4"}]}}
    assert post({"agents": [fine, {"draft": {"agent": {"agentName": "b"}}, "aliases": [alias]}]})[2].startswith("agent b: alias a: It leads to version 4")
    assert post({"agents": [fine, fine]})[0] == 400
    assert post({"agents": "none"})[1] == "SerializationException"
    assert outcrop.control().list_agents()["agentSummaries"] == []
    with pytest.raises(ClientError):
        outcrop.control().get_agent(agentId="fine")


def collaboration(control):
    """A supervisor over two agents, one of which is a supervisor itself; all have versions that go with versions."""
    worker = make_agent(control, group("Sums", function("add")), name="worker", alias="LIVE")
    middle = make_agent(control, name="middle", alias="LIVE")
    root = make_agent(control, name="root", alias="LIVE")

    def work_with(agent, *others):
        body = {"foundationModel": "qwen3:8b", "agentResourceRoleArn": ROLE, "instruction": INSTRUCTION}
        name = control.get_agent(agentId=agent.id)["agent"]["agentName"]
        control.update_agent(agentId=agent.id, agentName=name, agentCollaboration="SUPERVISOR", **body)
        for name, other, alias_id in others:
            control.associate_agent_collaborator(
                agentId=agent.id, agentVersion="DRAFT", collaboratorName=name, relayConversationHistory="TO_COLLABORATOR",
                collaborationInstruction=f"{name} knows.\r\n012\n",
                agentDescriptor={"aliasArn": f"arn:aws:bedrock:us-east-1:000000000000:agent-alias/{other.id}/{alias_id}"},
            )
        control.prepare_agent(agentId=agent.id)
        assert control.get_agent(agentId=agent.id)["agent"]["agentStatus"] == "PREPARED"
        control.create_agent_alias(agentId=agent.id, agentAliasName="NEXT")

    work_with(middle, ("Zed", worker, worker.alias_id), ("Ann", worker, "TSTALIASID"))
    work_with(root, ("Middle", middle, middle.alias_id), ("Worker", worker, worker.alias_id))
    return root, middle, worker


def collaborators(control, name, version="DRAFT"):
    found = pages(control.list_agent_collaborators, "agentCollaboratorSummaries", agentId=name, agentVersion=version)
    each = [control.get_agent_collaborator(agentId=name, agentVersion=version, collaboratorId=one["collaboratorId"]) for one in found]
    each = sorted((one["agentCollaborator"] for one in each), key=lambda one: one["createdAt"])
    known = {agent["agentId"]: agent["agentName"] for agent in pages(control.list_agents, "agentSummaries")}
    aliases = {
        alias["agentAliasId"]: alias["agentAliasName"]
        for agent in known for alias in pages(control.list_agent_aliases, "agentAliasSummaries", agentId=agent)
    }
    arns = [one["agentDescriptor"]["aliasArn"].split("agent-alias/")[1].split("/") for one in each]
    return [(one["collaboratorName"], one["collaborationInstruction"], one["relayConversationHistory"], known[agent], aliases[alias])
            for one, (agent, alias) in zip(each, arns)]


def test_collaborators_come_along(outcrop, other, tmp_path):
    control = outcrop.start().control()
    root, middle, worker = collaboration(control)
    first, second = tmp_path / "first", tmp_path / "second"
    export(outcrop, "root", first)
    text = files_of(first)
    assert {name.split("/")[1] for name in text if name.startswith("agents/")} == {"root", "middle", "worker"}
    assert json.loads(text["outcrop-export.json"])["agents"] == ["root"]
    assert json.loads(text["agents/middle/collaborators/Ann.json"])["alias"] == "worker/TSTALIASID"
    assert json.loads(text["agents/root/versions/2/collaborators/Middle.json"])["alias"] == "middle/LIVE"
    other.start(settings='region = "eu-west-1"\naccount_id = "222222222222"')
    imported(other, first, "--new-ids")
    there = other.control()
    for name in ("root", "middle"):
        for version in ("DRAFT", "2"):
            assert collaborators(there, name, version) == collaborators(control, name, version)
    assert there.get_agent(agentId="root")["agent"]["agentStatus"] == "PREPARED"
    export(other, "root", second)
    assert without_ids(files_of(second)) == without_ids(text)
    assert "nothing to change" in imported(other, first)
    # An alias that another agent works with is in use there as well.
    with pytest.raises(ClientError, match="ConflictException"):
        there.delete_agent(agentId="worker")
    # A changed supervisor comes in beside those it works with, which stay as they are.
    (first / "agents/root/instruction.md").write_text(INSTRUCTION + " And be brief.")
    report = json.loads(imported(other, first, "--replace", "--json"))
    assert {each["agentName"]: each["action"] for each in report["agents"]} == {"root": "replace", "middle": "unchanged", "worker": "unchanged"}
    assert collaborators(there, "root") == collaborators(control, "root")
    imported(other, first, "--name", "second-root")
    assert collaborators(there, "second-root") == collaborators(control, "root")


def test_agents_alone_keep_the_names_of_those_they_work_with(outcrop, other, tmp_path):
    collaboration(outcrop.start().control())
    export(outcrop, "root", tmp_path / "folder", "--no-collaborators")
    assert not (tmp_path / "folder/agents/worker").exists()
    told = imported(other.start(), tmp_path / "folder")
    assert "FAILED" in told and "does not exist" in told
    export(other, "root", tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(tmp_path / "folder")


def test_agents_in_a_circle_are_refused(outcrop, tmp_path):
    control = outcrop.start().control()
    collaboration(control)
    export(outcrop, "middle", tmp_path / "folder")
    agent = tmp_path / "folder/agents/worker"
    edited(agent / "agent.json", '"prepared"', '"collaborators": [{"file": "Round.json"}], "prepared"')
    (agent / "Round.json").write_text('{"collaboratorName": "Round", "alias": "middle/LIVE", "collaborationInstruction": "Round."}')
    before = {name: documents(control, name) for name in ("root", "middle", "worker")}
    done = run("import", tmp_path / "folder", "--endpoint", outcrop.url, "--replace")
    assert done.returncode == 2 and "it works with that agent itself" in done.stderr, done.stderr
    assert {name: documents(control, name) for name in ("root", "middle", "worker")} == before


def test_knowledge_bases_that_are_not_there_stay_associated(outcrop, tmp_path):
    make_agent(outcrop.start().control())
    folder = tmp_path / "folder"
    export(outcrop, "support-bot", folder)
    bases = '"knowledgeBases": [{"knowledgeBaseName": "manuals", "knowledgeBaseId": "BASE000001", "description": "yes", "knowledgeBaseState": "DISABLED"}]'
    for main in ("agent.json", "versions/1/agent.json"):
        edited(folder / "agents/support-bot" / main, '"agentName": "support-bot"', f'"agentName": "support-bot", {bases}')
    told = imported(outcrop, folder, "--name", "second")
    assert "BASE000001" in told
    for version in ("DRAFT", "1"):
        found = outcrop.control().list_agent_knowledge_bases(agentId="second", agentVersion=version)["agentKnowledgeBaseSummaries"]
        assert [(each["knowledgeBaseId"], each["description"], each["knowledgeBaseState"]) for each in found] == [("BASE000001", "yes", "DISABLED")]
    assert "nothing to change" in imported(outcrop, folder, "--name", "second")


# From AWS: a server that asks for signatures plays it.

NO_CREDENTIALS = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
CREDENTIALS = {**NO_CREDENTIALS, "AWS_ACCESS_KEY_ID": KEY[0], "AWS_SECRET_ACCESS_KEY": KEY[1], "AWS_REGION": "us-west-2"}


@pytest.fixture
def aws(outcrop):
    return start_guarded(outcrop)


def signed(world):
    return boto3.client("bedrock-agent", endpoint_url=world.url, region_name="us-west-2", aws_access_key_id=KEY[0], aws_secret_access_key=KEY[1])


def from_aws(aws, *arguments, environment=CREDENTIALS):
    return run("import", "--from-aws", *arguments, "--aws-endpoint", aws.url, environment=environment)


def test_agents_come_from_aws(aws, other, tmp_path):
    root, middle, worker = collaboration(signed(aws))
    put_schema(objects(aws, KEY))
    signed(aws).create_agent_action_group(agentId=worker.id, agentVersion="DRAFT", **IN_S3)
    other.start()
    done = from_aws(aws, root.id, "--endpoint", other.url)
    assert done.returncode == 0, done.stderr
    assert FUNCTION in done.stdout and "[[function]]" in done.stdout
    control = other.control()
    # Programs that know the ids go on with another endpoint.
    assert control.get_agent_alias(agentId=worker.id, agentAliasId=worker.alias_id)["agentAlias"]["agentAliasName"] == "LIVE"
    for name in ("root", "middle"):
        assert collaborators(control, name) == collaborators(signed(aws), name)
    for name in ("root", "middle", "worker"):
        assert documents(control, name) == documents(signed(aws), name)
    done = from_aws(aws, "root", "--endpoint", other.url)
    assert done.returncode == 0 and "nothing to change" in done.stdout, done.stderr
    assert get_schema(objects(other)) == OPENAPI
    # Only into a folder; the server is not asked.
    done = from_aws(aws, "root", "--to", tmp_path / "folder", "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    export(other, "root", tmp_path / "again")
    assert files_of(tmp_path / "folder") == files_of(tmp_path / "again")


def test_aws_credentials_are_found_where_aws_tools_find_them(aws, other, tmp_path):
    agent = make_agent(signed(aws))
    other.start()
    files = {**NO_CREDENTIALS, "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    (tmp_path / "credentials").write_text(f"[named]\naws_access_key_id = {KEY[0]}\naws_secret_access_key = {KEY[1]}\n")
    answer = json.dumps({"Version": 1, "AccessKeyId": KEY[0], "SecretAccessKey": KEY[1]})
    (tmp_path / "answer.json").write_text(answer)
    (tmp_path / "config").write_text(
        f"[profile named]\nregion = us-west-2\n[profile process]\nregion = us-west-2\ncredential_process = cat {tmp_path / 'answer.json'}\n"
    )
    wrong = {"AWS_ACCESS_KEY_ID": "AKIDWRONG", "AWS_SECRET_ACCESS_KEY": "wrong"}
    for more, arguments in (
        ({"AWS_PROFILE": "named"}, ()),
        ({"AWS_PROFILE": "process"}, ()),
        # A profile that is named goes before variables.
        (wrong, ("--profile", "named")),
        ({"AWS_ENDPOINT_URL": aws.url, "AWS_PROFILE": "named"}, ()),
    ):
        endpoint = () if "AWS_ENDPOINT_URL" in more else ("--aws-endpoint", aws.url)
        done = run("import", "--from-aws", agent.id, *arguments, *endpoint, "--endpoint", other.url, environment={**files, **more})
        assert done.returncode == 0, (more, done.stderr)
    done = run("import", "--from-aws", agent.id, "--region", "us-west-2", "--aws-endpoint", aws.url, environment={**files, **wrong})
    assert done.returncode == 1 and "UnrecognizedClientException" in done.stderr, done.stderr
    done = run("import", "--from-aws", agent.id, "--region", "us-west-2", environment=NO_CREDENTIALS)
    assert done.returncode == 1 and "no AWS credentials" in done.stderr, done.stderr
    done = run("import", "--from-aws", agent.id, environment={**NO_CREDENTIALS, **wrong})
    assert done.returncode == 2 and "--region" in done.stderr, done.stderr
    for secret in (KEY[1], "wrong"):
        assert secret not in done.stderr


def test_servers_that_ask_who_calls_are_exported_from_and_imported_to(aws, tmp_path):
    make_agent(signed(aws))
    keys = {"AWS_ACCESS_KEY_ID": OTHER_KEY[0], "AWS_SECRET_ACCESS_KEY": OTHER_KEY[1]}
    done = run("export", "support-bot", "--to", tmp_path / "folder", "--endpoint", aws.url, environment=keys)
    assert done.returncode == 0, done.stderr
    for file in files_of(tmp_path / "folder").values():
        assert OTHER_KEY[1].encode() not in file
    done = run("import", tmp_path / "folder", "--endpoint", aws.url, environment=keys)
    assert done.returncode == 0 and "nothing to change" in done.stdout, done.stderr
    done = run("import", tmp_path / "folder", "--endpoint", aws.url)
    assert done.returncode == 1 and "MissingAuthenticationToken" in done.stderr
