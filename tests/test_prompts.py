"""Prompt management: drafts, versions, tags, client tokens; and OptimizePrompt."""

import json
import uuid

import pytest
from botocore.exceptions import EventStreamError

from script import fail, say, script, turn
from test_aws_cli import done
from test_control_plane import UNKNOWN, refused
from test_wire import send

PROMPT_TAKEN = "A prompt with the name greet already exists. Choose another name."


def variant(name="plain", text="Greet {{name}} kindly.", **more):
    return {
        "name": name, "templateType": "TEXT",
        "templateConfiguration": {"text": {"text": text, "inputVariables": [{"name": "name"}]}},
        "modelId": "anthropic.claude-opus-4-7", "inferenceConfiguration": {"text": {"temperature": 0.2, "maxTokens": 200}}, **more,
    }


CHAT = {
    "name": "chat", "templateType": "CHAT", "metadata": [{"key": "stage", "value": "test"}],
    "additionalModelRequestFields": {"top_k": 5},
    "templateConfiguration": {"chat": {
        "system": [{"text": "You are brief."}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": "Hello {{name}}"}]}, {"role": "assistant", "content": [{"text": "Hello."}]}],
        "inputVariables": [{"name": "name"}],
        "toolConfiguration": {
            "tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object", "properties": {}}}}}],
            "toolChoice": {"auto": {}},
        },
    }},
}


def bare(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_a_prompt_from_creation_to_the_end(control):
    made = control.create_prompt(name="greet", description="Greets.", defaultVariant="plain", variants=[variant()], tags={"team": "north"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    prompt, arn = made["id"], made["arn"]
    assert len(prompt) == 10 and arn == f"arn:aws:bedrock:us-east-1:000000000000:prompt/{prompt}"
    assert (made["version"], made["variants"], made["defaultVariant"]) == ("DRAFT", [variant()], "plain")
    assert made["createdAt"] == made["updatedAt"] and "tags" not in made and "clientToken" not in made
    for name in (prompt, arn):
        assert bare(control.get_prompt(promptIdentifier=name)) == bare(made)
    short = control.get_prompt(promptIdentifier=prompt, includedData="METADATA_ONLY")
    assert bare(short) == {name: value for name, value in bare(made).items() if name != "variants"}
    assert "variants" in control.get_prompt(promptIdentifier=prompt, includedData="ALL_DATA", promptVersion="DRAFT")

    first = control.create_prompt_version(promptIdentifier=arn, description="As released.", tags={"stage": "live"})
    assert first["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (first["version"], first["arn"], first["description"]) == ("1", f"{arn}:1", "As released.")
    # An update replaces the whole draft, and no version.
    updated = control.update_prompt(promptIdentifier=prompt, name="greet", variants=[CHAT])
    assert updated["variants"] == [CHAT]
    assert "description" not in updated and "defaultVariant" not in updated
    assert updated["updatedAt"] > updated["createdAt"] == made["createdAt"]
    for where in ({"promptIdentifier": prompt, "promptVersion": "1"}, {"promptIdentifier": f"{arn}:1"}):
        assert bare(control.get_prompt(**where)) == bare(first)
    second = control.create_prompt_version(promptIdentifier=prompt)
    assert (second["version"], second["variants"]) == ("2", [CHAT])

    listed = lambda **more: control.list_prompts(**more)["promptSummaries"]
    assert [(each["id"], each["version"]) for each in listed()] == [(prompt, "DRAFT")]
    assert [each["version"] for each in listed(promptIdentifier=prompt)] == ["DRAFT", "2", "1"]
    assert {each["arn"] for each in listed(promptIdentifier=arn)} == {arn, f"{arn}:1", f"{arn}:2"}
    tags = lambda of: control.list_tags_for_resource(resourceArn=of)["tags"]
    assert (tags(arn), tags(f"{arn}:1"), tags(f"{arn}:2")) == ({"team": "north"}, {"stage": "live"}, {})

    # A version goes by itself, and its number is not given again.
    assert bare(control.delete_prompt(promptIdentifier=prompt, promptVersion="2")) == {"id": prompt, "version": "2"}
    assert refused(control.get_prompt, promptIdentifier=prompt, promptVersion="2") == (404, "ResourceNotFoundException", UNKNOWN)
    assert control.create_prompt_version(promptIdentifier=prompt)["version"] == "3"
    # An ARN with a version means that version here too.
    assert bare(control.delete_prompt(promptIdentifier=f"{arn}:3")) == {"id": prompt, "version": "3"}
    assert bare(control.delete_prompt(promptIdentifier=prompt)) == {"id": prompt}
    for call, where in (
        (control.get_prompt, {"promptIdentifier": prompt}),
        (control.get_prompt, {"promptIdentifier": f"{arn}:1"}),
        (control.list_prompts, {"promptIdentifier": prompt}),
        (control.create_prompt_version, {"promptIdentifier": prompt}),
        (control.delete_prompt, {"promptIdentifier": prompt}),
        (control.list_tags_for_resource, {"resourceArn": arn}),
        (control.tag_resource, {"resourceArn": f"{arn}:1", "tags": {"a": "b"}}),
    ):
        assert refused(call, **where) == (404, "ResourceNotFoundException", UNKNOWN), where
    # The name is free again, and nothing of the old tags is left.
    assert tags(control.create_prompt(name="greet")["arn"]) == {}


def test_names_of_prompts_are_unique_and_stand_for_ids(outcrop):
    control = outcrop.start().control()
    greet = control.create_prompt(name="greet", tags={"outcrop:names": "welcome hello"})
    part = control.create_prompt(name="part")
    assert refused(control.create_prompt, name="greet") == (409, "ConflictException", PROMPT_TAKEN)
    assert refused(control.update_prompt, promptIdentifier=part["id"], name="greet") == (409, "ConflictException", PROMPT_TAKEN)
    assert [each["name"] for each in control.list_prompts()["promptSummaries"]] == ["part", "greet"]
    for name in ("greet", "welcome", "hello"):
        assert control.get_prompt(promptIdentifier=name)["id"] == greet["id"]
    assert control.create_prompt_version(promptIdentifier="greet")["version"] == "1"
    assert control.get_prompt(promptIdentifier="greet", promptVersion="1")["id"] == greet["id"]
    control.update_prompt(promptIdentifier="greet", name="greeting")
    assert refused(control.get_prompt, promptIdentifier="greet")[:2] == (400, "ValidationException")


def test_a_client_token_counts_once(control):
    token = {"clientToken": str(uuid.uuid4())}
    made = control.create_prompt(name="greet", **token)
    assert control.create_prompt(name="greet", **token)["id"] == made["id"]
    assert refused(control.create_prompt, name="other", **token)[:2] == (409, "ConflictException")
    where = {"promptIdentifier": made["id"], "clientToken": str(uuid.uuid4())}
    assert [control.create_prompt_version(**where)["version"] for _ in range(2)] == ["1", "1"]
    assert refused(control.create_prompt_version, **where, description="other")[:2] == (409, "ConflictException")
    control.delete_prompt(promptIdentifier=made["id"])
    assert control.create_prompt(name="greet", **token)["id"] != made["id"]


@pytest.mark.parametrize("body, field", [
    ({"defaultVariant": "absent", "variants": [variant()]}, "defaultVariant"),
    ({"defaultVariant": "plain"}, "defaultVariant"),
    ({"variants": [variant(templateType="CHAT")]}, "variants.1.member.templateType"),
    ({"variants": [{**CHAT, "templateType": "TEXT"}]}, "variants.1.member.templateType"),
    ({"variants": [variant(genAiResource={"agent": {"agentIdentifier": "arn:aws:bedrock:us-east-1:000000000000:agent-alias/AAAAAAAAAA/BBBBBBBBBB"}})]},
     "variants.1.member.genAiResource"),
    ({"variants": [variant("a"), variant("b")]}, "variants"),
    ({"variants": [variant("two words")]}, "variants.1.member.name"),
    ({"variants": [{**variant(), "metadata": [{"key": "k", "value": "<"}]}]}, "variants.1.member.metadata.1.member.value"),
    ({"variants": [variant(templateConfiguration={"text": {"text": "x", "inputVariables": [{"name": "{{x}}"}]}})]},
     "variants.1.member.templateConfiguration.text.inputVariables.1.member.name"),
    ({"variants": [variant(templateConfiguration={"text": {"text": "x", "inputVariables": [{"name": f"v{n}"} for n in range(21)]}})]},
     "variants.1.member.templateConfiguration.text.inputVariables"),
    ({"tags": {"outcrop:nonsense": "1"}}, "tags"),
    ({"name": "no spaces"}, "name"),
])
def test_rules_of_prompts(outcrop, body, field):
    control = outcrop.start().control()
    for method, path in (("POST", "/prompts/"), ("PUT", f"/prompts/{control.create_prompt(name='kept')['id']}/")):
        if "tags" in body and method == "PUT":
            continue
        answer = send(outcrop, method, path, json.dumps({"name": "greet", **body}).encode())
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ValidationException"), answer.text
        assert field in [each["name"] for each in answer.json()["fieldList"]], answer.text
    assert [each["name"] for each in control.list_prompts()["promptSummaries"]] == ["kept"]


def test_which_version_a_request_means(control):
    made = control.create_prompt(name="greet")
    control.create_prompt_version(promptIdentifier=made["id"])
    first = f"{made['arn']}:1"
    assert control.get_prompt(promptIdentifier=first, promptVersion="1")["version"] == "1"
    for call, where in (
        (control.get_prompt, {"promptIdentifier": first, "promptVersion": "2"}),
        (control.delete_prompt, {"promptIdentifier": first, "promptVersion": "2"}),
        (control.update_prompt, {"promptIdentifier": first, "name": "greet"}),
        (control.create_prompt_version, {"promptIdentifier": first}),
        (control.get_prompt, {"promptIdentifier": made["id"], "promptVersion": "0"}),
        (control.get_prompt, {"promptIdentifier": made["id"], "promptVersion": "latest"}),
        (control.delete_prompt, {"promptIdentifier": made["id"], "promptVersion": "DRAFT"}),
    ):
        assert refused(call, **where)[:2] == (400, "ValidationException"), where
    elsewhere = made["arn"].replace("us-east-1", "eu-west-1")
    assert refused(control.get_prompt, promptIdentifier=elsewhere) == (404, "ResourceNotFoundException", UNKNOWN)


def test_pages_of_prompts_and_of_versions(control):
    prompts = [control.create_prompt(name=f"prompt-{number}")["id"] for number in range(5)]
    pages = list(control.get_paginator("list_prompts").paginate(PaginationConfig={"PageSize": 2}))
    assert [[each["id"] for each in page["promptSummaries"]] for page in pages] == [prompts[4:2:-1], prompts[2:0:-1], prompts[:1]]
    for _ in range(6):
        control.create_prompt_version(promptIdentifier=prompts[0])
    for size in (1, 2, 3):
        seen = []
        for page in control.get_paginator("list_prompts").paginate(promptIdentifier=prompts[0], PaginationConfig={"PageSize": size}):
            assert len(page["promptSummaries"]) <= size
            seen += [each["version"] for each in page["promptSummaries"]]
            # What comes while it is listed is not part of it, and what goes was.
            made = control.create_prompt_version(promptIdentifier=prompts[0])["version"]
            control.delete_prompt(promptIdentifier=prompts[0], promptVersion=made)
        assert seen == ["DRAFT", "6", "5", "4", "3", "2", "1"]
    assert refused(control.list_prompts, nextToken="nonsense")[:2] == (400, "ValidationException")
    token = control.list_prompts(maxResults=2)["nextToken"]
    assert refused(control.list_prompts, promptIdentifier=prompts[0], nextToken=token)[:2] == (400, "ValidationException")


def test_prompts_survive_kill_9(outcrop):
    control = outcrop.start().control()
    made = control.create_prompt(name="greet", variants=[CHAT])
    version = control.create_prompt_version(promptIdentifier=made["id"])
    outcrop.server.restart()
    control = outcrop.control()
    assert bare(control.get_prompt(promptIdentifier=made["id"])) == bare(made)
    assert bare(control.get_prompt(promptIdentifier=version["arn"])) == bare(version)


def test_a_prompt_by_the_cli(outcrop):
    outcrop.start()
    made = done(outcrop, "create-prompt", "--name", "greet", "--variants", json.dumps([variant()]), "--tags", "team=north")
    version = done(outcrop, "create-prompt-version", "--prompt-identifier", made["arn"])
    assert done(outcrop, "get-prompt", "--prompt-identifier", version["arn"])["variants"] == [variant()]
    assert done(outcrop, "list-tags-for-resource", "--resource-arn", made["arn"])["tags"] == {"team": "north"}
    done(outcrop, "delete-prompt", "--prompt-identifier", made["id"])
    assert done(outcrop, "list-prompts")["promptSummaries"] == []


def optimize(runtime, text, model="anthropic.claude-opus-4-7"):
    return list(runtime.optimize_prompt(input={"textPrompt": {"text": text}}, targetModelId=model)["optimizedPrompt"])


def test_a_prompt_is_reviewed_and_written_anew(outcrop):
    # A turn is found by what it is asked: the review comes with the prompt, then the writing.
    outcrop.start(script(
        turn(say("Again: <optimized_prompt>Greet {{name}} in {{language}}.</optimized_prompt>"), when="misses {{language}}"),
        turn(say("<optimized_prompt>\nGreet {{name}} warmly.\n</optimized_prompt>"), when="{{name}}, {{language}}"),
        turn(say("<optimized_prompt>Say hello.</optimized_prompt>"), when="write the prompt anew"),
        turn(say("It names no form."), when="<prompt>"),
    ))
    runtime = outcrop.runtime()
    assert optimize(runtime, "greet") == [
        {"analyzePromptEvent": {"message": "It names no form."}},
        {"optimizedPromptEvent": {"optimizedPrompt": {"textPrompt": {"text": "Say hello."}}}},
    ]
    # No variable gets lost: a model that leaves one out is asked again.
    answered = optimize(runtime, "Greet {{name}} in {{language}}!", "qwen3:8b")
    assert answered[1]["optimizedPromptEvent"]["optimizedPrompt"] == {"textPrompt": {"text": "Greet {{name}} in {{language}}."}}


@pytest.mark.parametrize("settings, expected, words", [
    (None, "dependencyFailedException", "language model"),
    (script(turn(fail("throttled", "slow down"))), "throttlingException", "slow down"),
    (script(turn(fail("unavailable", "nobody there"))), "badGatewayException", "nobody there"),
    (script(turn(say("<optimized_prompt>Greet.</optimized_prompt>"))), "dependencyFailedException", "{{name}}"),
])
def test_a_prompt_that_cannot_be_optimized_ends_with_the_reason(outcrop, settings, expected, words):
    runtime = outcrop.start(settings, settings="" if settings else '[[model]]\nmatch = "*"\nprovider = "offline"').runtime()
    with pytest.raises(EventStreamError) as raised:
        optimize(runtime, "Greet {{name}}.")
    assert raised.value.response["Error"]["Code"] == expected
    assert words in raised.value.response["Error"]["Message"]
    assert refused(runtime.optimize_prompt, input={"textPrompt": {"text": "x" * 200_001}}, targetModelId="m")[:2] == (400, "ValidationException")
