"""An answer that a program reads: one JSON document that fits a schema."""

import base64
import json
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError, EventStreamError

from script import call, say, script, turn
from test_inline import invoke_inline
from test_session_policies import with_headers
from world import client as aws_client
from world import function, group, handler, invoke, make_agent

SCHEMA = {
    "type": "object", "required": ["id", "total"], "additionalProperties": False,
    "properties": {"id": {"type": "string", "pattern": "^INV-"}, "total": {"type": "number"}, "paid": {"type": ["boolean", "null"]}},
}
DOCUMENT = '{"id": "INV-7",  "total": 12.5}'
ORDERS = group("OrderTools", function("get_invoice", invoice_id="string"))
INVOICE = handler('return {"id": arguments["invoice_id"], "total": 12.5, "lines": [1, 2]}')


def encoded(schema):
    return base64.b64encode(json.dumps(schema).encode()).decode()


def reprompts(turn_):
    return [step["observation"]["repromptResponse"]["text"] for step in turn_.steps if "repromptResponse" in step.get("observation", {})]


def start(outcrop, *steps, **more):
    outcrop.start(script(turn(*steps)), {"order-tools": INVOICE}, **more)
    return make_agent(outcrop.control(), ORDERS)


def test_the_document_is_the_answer_and_nothing_else(outcrop):
    agent = start(outcrop, call("get_invoice", invoice_id="INV-7"), say(f"<thinking>Easy.</thinking><answer>\n```json\n{DOCUMENT}\n```\n</answer>"))
    runtime = with_headers(outcrop.runtime(), answer_schema=encoded(SCHEMA))
    made = invoke(runtime, agent, "What of INV-7?", session="s-1", streamingConfigurations={"streamFinalResponse": True})
    chunks = [event["chunk"]["bytes"].decode() for event in made.events if "chunk" in event]
    assert chunks == [DOCUMENT]
    # The model is told the schema, in the part of its prompt that does not change.
    assert json.dumps(SCHEMA, separators=(",", ":")) in made.prompts[0]["system"]
    # The next turn is one like any other.
    assert invoke(outcrop.runtime(), agent, "Again.", session="s-1").answer.startswith("```json")


def test_what_does_not_fit_goes_back_to_the_model(outcrop):
    # What the model is told is the last thing said to it, and so what a script goes by.
    outcrop.start(script(
        turn(say(DOCUMENT), when="x is not known"),
        turn(say('{"id": "INV-7", "total": 12.5, "x": 1}'), when="id must match"),
        turn(say('{"id": "7", "total": "12.5"}'), when="It is no JSON"),
        turn(say("It is INV-7 over 12.5."), when="What of INV-7"),
    ))
    agent = make_agent(outcrop.control())
    made = invoke(with_headers(outcrop.runtime(), answer_schema=quote(json.dumps(SCHEMA))), agent, "What of INV-7?")
    assert made.answer == DOCUMENT
    told = reprompts(made)
    assert told[0].startswith("The answer must be one JSON document that fits the schema, with nothing before or after it. It is no JSON")
    assert told[1:] == [
        "The answer does not fit the schema: id must match ^INV-; total must be a number.",
        "The answer does not fit the schema: x is not known to the schema.",
    ]
    assert told[1] in str(made.prompts[-1])


def test_a_model_that_never_fits_fails_the_turn(outcrop):
    agent = start(outcrop, *[say("It is 12.5.")] * 9, settings="[limits]\nreprompts_max = 2")
    runtime = with_headers(outcrop.runtime(), answer_schema=encoded(SCHEMA))
    response = runtime.invoke_agent(agentId=agent.id, agentAliasId=agent.alias_id, sessionId="s-1", inputText="What?", enableTrace=True)
    events = []
    with pytest.raises(EventStreamError) as raised:
        for event in response["completion"]:
            events.append(event)
    error = raised.value.response["Error"]
    assert error["Code"] == "dependencyFailedException"
    assert error["Message"].startswith("The turn has no answer that fits the answer schema: LLM prediction format incorrect 3 times in a row. The answer must be one JSON document")
    assert not any("chunk" in event for event in events)


def test_a_schema_of_the_agent(outcrop):
    (outcrop.folder / "invoice.json").write_text(json.dumps(SCHEMA))
    agent = start(outcrop, say(DOCUMENT), settings='[[answer_schema]]\nname = "invoice"\nfile = "invoice.json"')
    control = outcrop.control()
    arn = control.get_agent_alias(agentId=agent.id, agentAliasId=agent.alias_id)["agentAlias"]["agentAliasArn"]
    asked = lambda: str(invoke(outcrop.runtime(), agent, "What?").prompts[0]["system"])
    assert "additionalProperties" not in asked()
    control.tag_resource(resourceArn=arn, tags={"outcrop:answer-schema": "invoice"})
    assert "additionalProperties" in asked()
    control.tag_resource(resourceArn=arn, tags={"outcrop:answer-schema": "s3://schemas/other.json"})
    with pytest.raises(EventStreamError, match="validationException.*there is no object s3://schemas/other.json"):
        asked()
    s3 = aws_client("s3", outcrop.url)
    s3.create_bucket(Bucket="schemas", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="schemas", Key="other.json", Body=json.dumps({"type": "object", "title": "Other"}))
    assert '"title":"Other"' in asked()
    s3.put_object(Bucket="schemas", Key="other.json", Body=json.dumps({"type": "objekt"}))
    with pytest.raises(EventStreamError, match="validationException.*s3://schemas/other.json is no schema that can be kept to: /type: must be one of"):
        asked()
    control.tag_resource(resourceArn=arn, tags={"outcrop:answer-schema": "none"})
    with pytest.raises(EventStreamError, match="validationException.*There is no answer schema none"):
        asked()


def test_an_agent_that_comes_with_its_request(outcrop):
    outcrop.start(script(turn(call("askuser", question="Which?"), say(DOCUMENT))))
    groups = [{"actionGroupName": "Ask", "parentActionGroupSignature": "AMAZON.UserInput"}]
    made = invoke_inline(with_headers(outcrop.runtime(), answer_schema=encoded(SCHEMA)), "What?", actionGroups=groups)
    assert made.answer == DOCUMENT
    assert reprompts(made) == ["The user cannot be asked: the answer is read by a program. Answer with the JSON document, from what is known."]


@pytest.mark.parametrize(("header", "why"), [
    (encoded({"properties": {"a": {"type": "text"}}}), "/properties/a/type: must be one of"),
    (encoded({"$ref": "https://example.com/schema"}), r"/\$ref: leads to https://example.com/schema"),
    (encoded({"unevaluatedProperties": False}), "/unevaluatedProperties: is not supported"),
    ("???", "neither base64 nor percent-encoded JSON"),
    ("e30x", "holds no JSON"),
    (quote(json.dumps({"title": "t" * 20_000})), "more than 16384 bytes"),
])
def test_a_schema_that_cannot_be_kept_to(outcrop, header, why):
    agent = start(outcrop, say(DOCUMENT))
    with pytest.raises(ClientError, match=f"ValidationException.*{why}"):
        invoke(with_headers(outcrop.runtime(), answer_schema=header), agent, "What?")


def test_the_offline_planner_fills_it_from_results(outcrop):
    outcrop.start(functions={"order-tools": INVOICE}, settings='[[model]]\nmatch = "*"\nprovider = "offline"')
    agent = make_agent(outcrop.control(), group("OrderTools", function("get_invoice", "Look up an invoice by its id.", invoice_id=("string", "The invoice's id, such as INV-7."))))
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "summary": {"type": "string"}}}
    made = invoke(with_headers(outcrop.runtime(), answer_schema=encoded(schema)), agent, "Look up the invoice INV-7.")
    document = json.loads(made.answer)
    assert (document["id"], document["total"], document["paid"]) == ("INV-7", 12.5, None)
    assert document["summary"]
