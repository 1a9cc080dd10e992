"""OpenAPI documents of action groups: what is refused, with the place of it, and what is not."""

import json
import os
import time
from pathlib import Path

import pytest

from world import FUNCTION, create, prepare, refusal

OPERATION = {"description": "Looks.", "responses": {"200": {"description": "Seen."}}}


def document(paths, **more):
    return {"openapi": "3.0.0", "info": {"title": "Depots", "version": "1"}, "paths": paths, **more}


def body(agent_id, payload, name="Depots"):
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return {"agentId": agent_id, "agentVersion": "DRAFT", "actionGroupName": name, "actionGroupExecutor": {"lambda": FUNCTION},
            "apiSchema": {"payload": text}}


def problems(control, payload):
    """What is said about a document, all of it under the member that holds it."""
    answer = refusal(control.create_agent_action_group, **body(create(control), payload))
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (400, "ValidationException")
    assert answer["Error"]["Message"].startswith(
        "Failed to create OpenAPI 3 model from the JSON/YAML object that you provided for action: Depots: ")
    assert {each["name"] for each in answer["fieldList"]} == {"apiSchema.payload"}
    control.delete_agent(agentId="support-bot")
    return [each["message"] for each in answer["fieldList"]]


def test_problems_are_told_with_their_places(control):
    bad = document({
        "/depots/{id}": {"get": {**OPERATION, "operationId": "look", "parameters": [{"name": "id"}]}, "post": {"summary": "s"}},
        "/other": {"get": {**OPERATION, "operationId": "look"}},
    })
    assert problems(control, bad) == [
        "'in' is missing (at paths./depots/{id}.get.parameters[0])",
        "'schema' is missing (at paths./depots/{id}.get.parameters[0])",
        "'responses' is missing for path: /depots/{id} (post) (at paths./depots/{id}.post)",
        "the operationId look is used twice: also at paths./depots/{id}.get.operationId (at paths./other.get.operationId)",
    ]
    assert "line 4" in problems(control, "openapi: 3.0.0\ninfo:\n  title: t\n version: '1'\n")[0]
    assert "line 1 column" in problems(control, '{"openapi": }')[0]
    assert problems(control, {"swagger": "2.0", "paths": {}}) == [
        "swagger 2.0 is not supported: convert the document to OpenAPI 3.0 (at swagger)"]
    assert "leads to another document" in problems(control, document({"/a": {"$ref": "paths.yaml#/a"}}))[0]


def test_published_documents_pass(control):
    """Summaries, enums, open objects, circles, 3.1, names that no model provider would take."""
    schemas = {"Node": {"type": "object", "additionalProperties": {"type": "string"}, "properties": {
        "next": {"$ref": "#/components/schemas/Node"}, "kind": {"type": ["string", "null"], "enum": ["a", None]}}}}
    operation = {"summary": "Adds.", "operationId": "nodes/add__" + "x" * 90, "responses": {"204": {"description": "Done."}},
                 "x-requireConfirmation": "ENABLED",
                 "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}}
    made = document({"/nodes": {"post": operation, "get": OPERATION}, "/nodes/{id}": {"$ref": "#/components/pathItems/node"}},
                    components={"schemas": schemas, "pathItems": {"node": {"get": {**OPERATION, "parameters": [
                        {"name": "id", "in": "path", "schema": {"type": "string"}}]}}}})
    agent_id = create(control)
    control.create_agent_action_group(**body(agent_id, {**made, "openapi": "3.1.0"}))
    prepare(control, agent_id)


def test_large_documents_are_read_in_time(control):
    """Hundreds of operations and megabytes of text, of which every schema leads into every other."""
    def text(words):
        schemas = {f"S{number}": {"type": "object", "description": words, "properties": {
            "a": {"$ref": f"#/components/schemas/S{(number * 7 + 1) % 330}"}, "b": {"$ref": f"#/components/schemas/S{(number * 3 + 2) % 330}"}}}
            for number in range(330)}
        paths = {f"/path/{number}": {"post": {**OPERATION, "operationId": f"op{number}", "requestBody": {
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/S{number % 330}"}}}}}} for number in range(340)}
        return json.dumps(document(paths, components={"schemas": schemas}))

    large = text("d" * 9_000)
    assert len(large) > 3_000_000
    # The comment makes it YAML, which is read by another reader.
    for name, payload in (("json", large), ("yaml", "# YAML\n" + text("d"))):
        agent_id = create(control, name)
        control.create_agent_action_group(**body(agent_id, payload))
        prepare(control, agent_id)


def test_documents_that_grow_when_they_are_read_are_refused(control):
    anchors = "\n".join(f"{name}: &{name} [{', '.join(['*' + before] * 10)}]" for before, name in zip("abcdefgh", "bcdefghi"))
    bomb = f"openapi: 3.0.0\na: &a [x, x, x, x, x, x, x, x, x, x]\n{anchors}\n"
    for payload in (bomb, "openapi: " + "[" * 100_000, '{"openapi": ' + "[" * 100_000, "a:\n" * 3 + "openapi: \0"):
        assert len(problems(control, payload)) == 1


def test_the_developers_collection(control):
    """Real documents, kept outside of the project: `OUTCROP_TEST_OPENAPI` names their folder."""
    folder = os.environ.get("OUTCROP_TEST_OPENAPI")
    if not folder:
        pytest.skip("OUTCROP_TEST_OPENAPI names no folder of OpenAPI documents")
    wrong = {}
    for name, expected in json.loads((Path(folder) / "expect.json").read_text()).items():
        agent_id = create(control)
        text = (Path(folder) / name).read_text(errors="replace")
        began = time.monotonic()
        try:
            control.create_agent_action_group(**body(agent_id, text))
            answer, message = "accept", ""
            prepare(control, agent_id)
        except control.exceptions.ValidationException as error:
            answer, message = "reject", str(error)
        took = time.monotonic() - began
        if expected not in (answer, "any") or took > 10:
            wrong[name] = (answer, took, message)
        print(f"{answer} {took:.2f} s {name} {message}")
        control.delete_agent(agentId=agent_id)
    assert wrong == {}
