"""What a recording says: exchanges, their events, and what the model and the functions answered in them."""

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

INVOKE = re.compile(r"^/agents/([^/]+)/agentAliases/([^/]+)/sessions/([^/]+)/text$")
INLINE = re.compile(r"^/agents/([^/]+)/?$")
# Trace members that have no further union inside.
FLAT = ("guardrailTrace", "failureTrace", "customOrchestrationTrace")
INLINE_ALIAS = "agent-alias/INLINE_AGENT/"


@dataclass
class Event:
    """One message of a stream: a member of the response's union and its payload."""

    member: str
    payload: dict

    @property
    def chain(self):
        """Aliases from the root down to who speaks; empty for what is no trace."""
        return tuple(caller.get("agentAliasArn", "") for caller in self.payload.get("callerChain", []))

    @property
    def agent(self):
        """Who speaks, by a name that is the same for all its events. Inline agents share one alias."""
        alias = self.chain[-1] if self.chain else ""
        name = self.payload.get("collaboratorName", "") if len(self.chain) > 1 else ""
        return f"inline {name}".strip() if INLINE_ALIAS in alias or not alias else alias

    @property
    def trace(self):
        """Kind, member and content of a trace; the member of a flat one is empty."""
        if self.member != "trace":
            return "", "", {}
        (kind, content), = self.payload["trace"].items()
        if kind in FLAT:
            return kind, "", content
        (name, inner), = content.items()
        return kind, name, inner

    @property
    def trace_id(self):
        return self.trace[2].get("traceId", "")


@dataclass
class Exchange:
    """One invocation: what was asked and what came back."""

    agent_id: str
    alias_id: str
    session: str
    body: dict
    headers: dict
    events: list

    @property
    def is_inline(self):
        return self.agent_id == ""

    def contents(self, name):
        """Contents of all traces with this member, with their event."""
        return [(event, event.trace[2]) for event in self.events if event.trace[1] == name]


@dataclass
class Reply:
    """What the model said once."""

    agent: str
    invocation: str
    phase: str = "ORCHESTRATION"
    text: str = ""
    reasoning: str = ""
    calls: list = field(default_factory=list)
    usage: tuple = (0, 0)
    # What the one who is asked was asked; tells collaborators apart that work side by side.
    words: str = ""
    # The beginning of the answer that the prompt had already written for the model.
    prefill: str = ""


@dataclass
class Call:
    """A tool use: the recorded name and input, and the action it led to, if any."""

    name: str
    input: dict
    action: tuple = None


def read(path):
    """The exchanges of a file that are invocations of agents, in their order."""
    exchanges = []
    for recorded in json.loads(Path(path).read_text()):
        request, response = recorded["request"], recorded["response"]
        place = urlsplit(request["uri"]).path
        body = request.get("body") or {}
        events = [event_of(one) for one in response.get("events") or []]
        headers = {name.lower(): value for name, value in (response.get("headers") or {}).items()}
        if found := INVOKE.match(place):
            agent_id, alias_id, session = (unquote(part) for part in found.groups())
            exchanges.append(Exchange(agent_id, alias_id, session, body, headers, events))
        elif (found := INLINE.match(place)) and "foundationModel" in body:
            exchanges.append(Exchange("", "", unquote(found.group(1)), body, headers, events))
    return exchanges


def event_of(recorded):
    headers, payload = recorded.get("headers", {}), clean(recorded.get("payload") or {})
    if headers.get(":message-type") == "exception":
        return Event("exception", {"code": headers.get(":exception-type", ""), "message": payload.get("message", "")})
    return Event(headers.get(":event-type", ""), payload)


def clean(value):
    """Without what recorder and serialiser added: unset members, type marks, decoded copies."""
    if isinstance(value, dict):
        if set(value) == {"parsedAsJson"}:
            return json.dumps(value["parsedAsJson"])
        return {name: clean(one) for name, one in value.items() if one is not None and name not in ("__type", "bytesDecoded")}
    if isinstance(value, list):
        return [clean(one) for one in value]
    return value


def answer_of(exchange):
    """The text of all chunks."""
    return "".join(base64.b64decode(event.payload.get("bytes", "")).decode() for event in exchange.events if event.member == "chunk")


# The model.


def replies(exchange):
    """What the model said, in the order in which it was asked."""
    found = []
    asked = {}
    words = {}
    for event in exchange.events:
        kind, name, content = event.trace
        invocation = invocation_of(event.trace_id)
        if name == "modelInvocationInput":
            asked_words = words.get(event.agent, exchange.body.get("inputText", ""))
            reply = Reply(event.agent, invocation, content.get("type", ""), words=asked_words, prefill=prefill(content.get("text", "")))
            asked[event.trace_id, event.agent] = reply
            found.append(reply)
        elif name == "modelInvocationOutput":
            reply = asked.get((event.trace_id, event.agent))
            if reply is None:
                continue
            read_raw(reply, content.get("rawResponse", {}).get("content", ""))
            usage = content.get("metadata", {}).get("usage", {})
            reply.usage = (usage.get("inputTokens", 0), usage.get("outputTokens", 0))
            reasoning = content.get("reasoningContent", {}).get("reasoningText", {}).get("text", "")
            reply.reasoning = reply.reasoning or reasoning
        elif name == "invocationInput" and "agentCollaboratorInvocationInput" in content:
            told = content["agentCollaboratorInvocationInput"]
            text = told.get("input", {}).get("text")
            alias = told.get("agentCollaboratorAliasArn", "")
            agent = f"inline {told.get('agentCollaboratorName', '')}" if INLINE_ALIAS in alias else alias
            if text is not None:
                words[agent] = text
    for (trace_id, agent), reply in asked.items():
        pair_with_actions(exchange, trace_id, agent, reply)
    if not found:
        # Without traces only the answer is known.
        found = [Reply(root_of(exchange), "", text=answer_of(exchange), words=exchange.body.get("inputText", ""))]
    return found


def invocation_of(trace_id):
    """The id of the request that a trace belongs to."""
    found = re.match(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", trace_id)
    return found.group(0) if found else trace_id


def root_of(exchange):
    traced = [event for event in exchange.events if event.member == "trace" and event.chain]
    if traced:
        return traced[0].chain[0] if not exchange.is_inline else "inline"
    return "inline" if exchange.is_inline else f"arn:aws:bedrock:us-east-1:123456789012:agent-alias/{exchange.agent_id}/{exchange.alias_id}"


def prefill(text):
    """What the last message of a prompt lets the assistant begin with."""
    try:
        last = json.loads(text)["messages"][-1]
        return str(last["content"]) if last["role"] == "assistant" else ""
    except (ValueError, LookupError, TypeError):
        return ""


def read_raw(reply, raw):
    """Reads a raw response in any of its forms: Anthropic's message, Converse's answer, or the bare text."""
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    blocks = None
    if isinstance(document, dict):
        message = document.get("output", {}).get("message") if isinstance(document.get("output"), dict) else document
        blocks = message.get("content") if isinstance(message, dict) else None
    if not isinstance(blocks, list):
        reply.text = raw
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block.get("text"), str):
            reply.text += block["text"]
        if block.get("type") == "tool_use" or block.get("toolUse"):
            use = block.get("toolUse") or block
            reply.calls.append(Call(use.get("name", ""), use.get("input") or {}))
        thought = block.get("thinking") or ((block.get("reasoningContent") or {}).get("reasoningText") or {}).get("text")
        if thought:
            reply.reasoning += thought
    read_calls_in_text(reply)
    if "<thinking>" in reply.prefill and "</thinking>" in reply.text.split("<thinking>")[0]:
        reply.text = "<thinking>" + reply.text


def read_calls_in_text(reply):
    """Calls that older models wrote out in text become tool uses: that is how ours are offered."""
    if reply.calls or "<function_calls>" not in reply.text:
        return
    before, written = reply.text.split("<function_calls>", 1)
    for one in written.split("<invoke>")[1:]:
        name = re.search(r"<tool_name>\s*(.*?)\s*</tool_name>", one, re.S)
        inside = re.search(r"<parameters>(.*?)(?:</parameters>|$)", one, re.S)
        if name:
            pairs = re.findall(r"<([\w.-]+)>\s*(.*?)\s*</\1>", inside.group(1) if inside else "", re.S)
            reply.calls.append(Call(name.group(1).replace("::", "__"), dict(pairs)))
    if reply.calls:
        reply.text = before


def pair_with_actions(exchange, trace_id, agent, reply):
    """Which action each tool use led to, in the order of both. Without a raw response the actions are all there is."""
    acted = [
        (action_of(content), content)
        for event, content in exchange.contents("invocationInput")
        if event.trace_id == trace_id and event.agent == agent and action_of(content)
    ]
    if not reply.calls and not reply.text:
        thoughts = [content["text"] for event, content in exchange.contents("rationale") if event.trace_id == trace_id]
        reply.reasoning = reply.reasoning or "\n".join(thoughts)
        reply.calls = [Call("", arguments_of(content), action) for action, content in acted]
        finals = [
            content["finalResponse"]["text"] for event, content in exchange.contents("observation")
            if event.trace_id == trace_id and "finalResponse" in content
        ]
        reply.text = "" if reply.calls else "".join(finals)
        return
    left = list(acted)
    for call in reply.calls:
        match = next((one for one in left if fits(call.name, one[0])), None)
        if match is None and len(reply.calls) == len(acted) and left:
            match = left[0]
        if match:
            left.remove(match)
            call.action = match[0]


def fits(name, action):
    last = re.sub(r"\W+", "_", action[-1].strip("/"))
    return bool(last) and (name == action[-1] or name.endswith(f"__{action[-1]}") or name.endswith(last))


def action_of(content):
    """What an invocation input calls: `(group, function)` or `(group, VERB, path)`; nothing for a collaborator."""
    if called := content.get("actionGroupInvocationInput"):
        if "function" in called:
            return called["actionGroupName"], called["function"]
        return called["actionGroupName"], called.get("verb", "").upper(), called.get("apiPath", "")
    if "codeInterpreterInvocationInput" in content:
        return "codeinterpreteraction", "execute"
    if looked_up := content.get("knowledgeBaseLookupInput"):
        return "knowledgebase", f"search_{looked_up.get('knowledgeBaseId', '')}"
    return ()


def arguments_of(content):
    """Arguments as an invocation input shows them, all together."""
    if "codeInterpreterInvocationInput" in content:
        return {"code": content["codeInterpreterInvocationInput"].get("code", "")}
    if "knowledgeBaseLookupInput" in content:
        return {"searchQuery": content["knowledgeBaseLookupInput"].get("text", "")}
    return {one["name"]: one["value"] for one in parameters_of(content["actionGroupInvocationInput"])}


def parameters_of(called):
    """Parameters and the body's properties of an action group's input, in any of its three forms."""
    found = list(called.get("parameters", []))
    for media in called.get("requestBody", {}).get("content", {}).values():
        found += media if isinstance(media, list) else media.get("properties", [])
    return found


# The functions.


def answers(exchanges):
    """What functions answered: action, arguments and text, in order; and how, where it was no success."""
    found = []
    confirmed = []
    for exchange in exchanges:
        waiting = {}
        for event in exchange.events:
            _, name, content = event.trace
            place = (event.trace_id, event.agent)
            if name == "invocationInput" and action_of(content):
                by_caller = content.get("actionGroupInvocationInput", {}).get("executionType") == "RETURN_CONTROL"
                entry = {"action": list(action_of(content)), "arguments": arguments_of(content)}
                (confirmed if by_caller else waiting.setdefault(place, [])).append(entry)
            elif name == "observation" and (told := told_by(content)):
                queue = waiting.get(place) or confirmed
                if queue:
                    found.append({**queue.pop(0), **told})
        failed = [event for event in exchange.events if event.member == "exception"]
        for entry in [entry for queue in waiting.values() for entry in queue]:
            found.append({**entry, "text": failed[0].payload["message"] if failed else "", "fails": bool(failed)})
    return found


def told_by(content):
    if "actionGroupInvocationOutput" in content:
        return {"text": content["actionGroupInvocationOutput"].get("text", "")}
    if content.get("repromptResponse", {}).get("source") == "ACTION_GROUP":
        return {"text": content["repromptResponse"].get("text", ""), "state": "REPROMPT"}
    if output := content.get("codeInterpreterInvocationOutput"):
        return {"text": output.get("executionOutput") or output.get("executionError") or ""}
    if "knowledgeBaseLookupOutput" in content:
        return {"text": json.dumps(content["knowledgeBaseLookupOutput"].get("retrievedReferences", []))}
    return None
