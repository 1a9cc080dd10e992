"""A user's article, run in order: its ids and names, its calls, its handler, with the endpoint added.

The agent is made under the article's id by the tag `outcrop:names`; knowledge bases, memory and prompt overrides are
not part of it yet.
"""

import json
import uuid

from script import call, say, script, turn
from world import ROLE, settled

HANDLER = '''
def lookup_order(order_id):
    return {"order_id": order_id, "status": "processing", "eta": "2026-05-02"}

def cancel_order(order_id, reason):
    return {"order_id": order_id, "cancelled": True, "reason": reason}

def lambda_handler(event, context):
    action_group = event["actionGroup"]
    function = event.get("function") or event.get("apiPath")
    params = {p["name"]: p["value"] for p in event.get("parameters", [])}
    if function == "get_order_status":
        result = lookup_order(params["order_id"])
    elif function == "cancel_order":
        result = cancel_order(params["order_id"], params.get("reason"))
    else:
        result = {"error": f"unknown function {function}"}
    return {
        "messageVersion": "1.0",
        "response": {
            "actionGroup": action_group,
            "function": function,
            "functionResponse": {
                "responseBody": {"application/json": {"body": str(result)}},
            },
        },
    }
'''

OPENAPI = """
openapi: 3.0.0
info:
  title: Order Tools
  version: "1.0"
paths:
  /orders/{order_id}/status:
    get:
      summary: Get shipping status of an order
      operationId: getOrderStatus
      parameters:
        - name: order_id
          in: path
          required: true
          schema: { type: string }
      responses:
        "200":
          description: OK
          content:
            application/json:
              schema:
                type: object
                properties:
                  order_id: { type: string }
                  status: { type: string }
                  eta: { type: string }
"""

SCRIPT = script(
    turn(
        call("get_order_status", "I look up where it is.", order_id="A-482"),
        call("cancel_order", "It has not shipped.", order_id="A-482"),
        say("It had not shipped, so I cancelled it."),
        when="can you cancel it",
    ),
    turn(call("open_calendar", date="2026-04-27"), say("Your calendar is open."), when="Open my calendar"),
    turn(say("You have no open tickets."), when="Summarize"),
    turn(call("get_order_status", "I look it up.", order_id="A-482"), say("It is being packed."), when="Where is order A-482?"),
)


def test_the_article_runs_as_written(outcrop, capsys):
    objects = outcrop.folder / "objects/my-agent-schemas/order-tools"
    objects.mkdir(parents=True)
    (objects / "openapi.yaml").write_text(OPENAPI)
    outcrop.start(SCRIPT, {"order-tools": HANDLER}, f"[objects]\nroot = {json.dumps(str(outcrop.folder / 'objects'))}")
    bedrock_agent, runtime = outcrop.control(), outcrop.runtime()

    bedrock_agent.create_agent(
        agentName="support-bot",
        foundationModel="anthropic.claude-opus-4-7",
        instruction="You are a helpful customer support assistant.",
        agentResourceRoleArn="arn:aws:iam::111111111111:role/AgentRole",
        tags={"outcrop:names": "AGENT123ABC"},
    )
    settled(lambda: bedrock_agent.get_agent(agentId="AGENT123ABC"), ("agent", "agentStatus"), "NOT_PREPARED")

    bedrock_agent.create_agent_action_group(
        agentId="AGENT123ABC",
        agentVersion="DRAFT",
        actionGroupName="OrderTools",
        actionGroupExecutor={
            "lambda": "arn:aws:lambda:us-west-2:111111111111:function:order-tools"
        },
        functionSchema={
            "functions": [
                {
                    "name": "get_order_status",
                    "description": "Look up the shipping status of a customer order by ID.",
                    "parameters": {
                        "order_id": {
                            "type": "string",
                            "description": "The customer-facing order ID, e.g. A-482.",
                            "required": True,
                        }
                    },
                },
                {
                    "name": "cancel_order",
                    "description": "Cancel an order if it has not yet shipped.",
                    "parameters": {
                        "order_id": {"type": "string", "required": True},
                        "reason": {"type": "string", "required": False},
                    },
                },
            ]
        },
    )
    bedrock_agent.create_agent_action_group(
        agentId="AGENT123ABC",
        agentVersion="DRAFT",
        actionGroupName="OrderApi",
        actionGroupExecutor={"lambda": "arn:aws:lambda:us-west-2:111111111111:function:order-tools"},
        apiSchema={"s3": {
            "s3BucketName": "my-agent-schemas",
            "s3ObjectKey": "order-tools/openapi.yaml",
        }},
    )
    bedrock_agent.create_agent_action_group(
        agentId="AGENT123ABC",
        agentVersion="DRAFT",
        actionGroupName="ClientSideTools",
        actionGroupExecutor={"customControl": "RETURN_CONTROL"},
        functionSchema={"functions": [
            {
                "name": "open_calendar",
                "description": "Open the user's local calendar to a specific date.",
                "parameters": {"date": {"type": "string", "required": True}},
            }
        ]},
    )
    bedrock_agent.prepare_agent(agentId="AGENT123ABC")
    settled(lambda: bedrock_agent.get_agent(agentId="AGENT123ABC"), ("agent", "agentStatus"), "PREPARED")
    bedrock_agent.create_agent_alias(agentId="AGENT123ABC", agentAliasName="PROD")

    # Invocation.
    resp = runtime.invoke_agent(
        agentId="AGENT123ABC",
        agentAliasId="PROD",
        sessionId=str(uuid.uuid4()),
        inputText="Where is order A-482, and can you cancel it if it hasn't shipped?",
        enableTrace=True,
    )
    answer = ""
    for event in resp["completion"]:
        if "chunk" in event:
            answer += event["chunk"]["bytes"].decode("utf-8")
        elif "trace" in event:
            pass
    assert answer == "It had not shipped, so I cancelled it."

    # Return of control.
    session_id = str(uuid.uuid4())
    resp = runtime.invoke_agent(
        agentId="AGENT123ABC", agentAliasId="PROD",
        sessionId=session_id, inputText="Open my calendar for next Monday.",
    )
    invocation_id = None
    function_name = None
    params = None
    for event in resp["completion"]:
        if "returnControl" in event:
            rc = event["returnControl"]
            invocation_id = rc["invocationId"]
            invoc = rc["invocationInputs"][0]["functionInvocationInput"]
            function_name = invoc["function"]
            params = {p["name"]: p["value"] for p in invoc["parameters"]}
    assert (function_name, params) == ("open_calendar", {"date": "2026-04-27"})
    resp = runtime.invoke_agent(
        agentId="AGENT123ABC", agentAliasId="PROD",
        sessionId=session_id,
        sessionState={
            "invocationId": invocation_id,
            "returnControlInvocationResults": [{
                "functionResult": {
                    "actionGroup": "ClientSideTools",
                    "function": function_name,
                    "responseBody": {"TEXT": {"body": "opened"}},
                }
            }],
        },
    )
    assert [event["chunk"]["bytes"] for event in resp["completion"]] == [b"Your calendar is open."]

    # Session state.
    resp = runtime.invoke_agent(
        agentId="AGENT123ABC", agentAliasId="PROD",
        sessionId=session_id,
        inputText="Summarize my open tickets.",
        sessionState={
            "sessionAttributes": {"user_id": "u-9921", "tier": "enterprise"},
            "promptSessionAttributes": {"current_date": "2026-04-25"},
        },
    )
    assert [event["chunk"]["bytes"] for event in resp["completion"]] == [b"You have no open tickets."]

    # Traces.
    resp = runtime.invoke_agent(
        agentId="AGENT123ABC", agentAliasId="PROD",
        sessionId=session_id,
        inputText="Where is order A-482?",
        enableTrace=True,
    )
    capsys.readouterr()
    for event in resp["completion"]:
        if "trace" not in event:
            continue
        t = event["trace"]["trace"]
        if "orchestrationTrace" in t:
            ot = t["orchestrationTrace"]
            if "rationale" in ot:
                print("RATIONALE:", ot["rationale"]["text"])
            if "invocationInput" in ot:
                inv = ot["invocationInput"]
                if "actionGroupInvocationInput" in inv:
                    ag = inv["actionGroupInvocationInput"]
                    print(f"TOOL CALL: {ag['actionGroupName']}.{ag.get('function')} {ag.get('parameters')}")
                if "knowledgeBaseLookupInput" in inv:
                    kb = inv["knowledgeBaseLookupInput"]
                    print(f"KB LOOKUP: kb={kb['knowledgeBaseId']} q={kb['text']}")
            if "observation" in ot:
                print("OBS:", json.dumps(ot["observation"])[:200])
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [
        "RATIONALE: I look it up.",
        "TOOL CALL: OrderTools.get_order_status [{'name': 'order_id', 'type': 'string', 'value': 'A-482'}]",
    ]
    assert [line.split(":")[0] for line in printed] == ["RATIONALE", "TOOL CALL", "OBS", "OBS"]


def test_the_articles_update_keeps_the_alias_on_its_version(outcrop):
    outcrop.start(script(turn(say("Hello."))))
    bedrock_agent = outcrop.control()
    bedrock_agent.create_agent(agentName="support-bot", tags={"outcrop:names": "AGENT123ABC"})
    updated = bedrock_agent.update_agent(
        agentId="AGENT123ABC",
        agentName="support-bot",
        foundationModel="anthropic.claude-opus-4-7",
        instruction="You are a helpful customer support assistant.",
        agentResourceRoleArn=ROLE,
    )
    assert updated["agent"]["agentName"] == "support-bot"
