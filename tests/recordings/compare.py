"""Two streams side by side: every difference is one line `side path`.

`ours` and `theirs` name what only one side has, be it an event or a member; `value`, `type`, `form` and `identity` what
both have and is not the same. A path names members from the trace's kind down, without the places in lists.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher

from .read import Event

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ALIAS_ARN = re.compile(r"arn:[\w-]+:bedrock:([\w-]+):(\d{12}):agent-alias/(\w+)/(\w+)")
TEXTS_OF_OUR_OWN = ("modelInvocationInput.text", "rawResponse.content", "reasoningContent.reasoningText")
TIMES = ("eventTime", "startTime", "endTime")
MEASURED = ("totalTimeMs", "operationTotalTimeMs")
IDS = ("traceId", "clientRequestId", "sessionId", "invocationId", "agentId", "agentAliasId", "agentAliasArn", "agentCollaboratorAliasArn")
# Headers of the answer that clients read.
HEADERS = ("x-amz-bedrock-agent-session-id", "x-amzn-bedrock-agent-content-type", "x-amz-bedrock-agent-memory-id")


@dataclass
class Comparison:
    """Differences found, each with an example; and which of our ids stands for which of theirs."""

    found: dict = field(default_factory=dict)
    ours_of: dict = field(default_factory=dict)
    theirs_of: dict = field(default_factory=dict)
    scope: str = ""

    def differ(self, side, path, theirs=None, ours=None):
        line = f"{self.scope}{side} {path}"
        self.found.setdefault(line, f"theirs {shown(theirs)}, ours {shown(ours)}")


def shown(value):
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) < 300 else f"{text[:300]}…"


def compare(exchange, events, headers):
    """All differences of one exchange; `events` and `headers` are ours."""
    comparison = Comparison()
    theirs, ours = one_chunk(exchange.events), one_chunk(plain_event(event) for event in events)
    if left_out := not_comparable(theirs):
        # Of a turn that our server cannot have, the end is compared.
        comparison.scope = f"{left_out}: "
        theirs, ours = [[event for event in side if is_end(event)] for side in (theirs, ours)]
    request_id = exchange.headers.get("x-amzn-requestid")
    if request_id:
        compare_id(comparison, "header x-amzn-requestid", request_id, headers.get("x-amzn-requestid", ""))
    for name in HEADERS:
        if (name in exchange.headers) != (name in headers) and exchange.headers:
            comparison.differ("theirs" if name in exchange.headers else "ours", f"header {name}")
    matcher = SequenceMatcher(None, [label(event) for event in theirs], [label(event) for event in ours], autojunk=False)
    for kind, their_start, their_end, our_start, our_end in matcher.get_opcodes():
        if kind == "equal":
            for one, other in zip(theirs[their_start:their_end], ours[our_start:our_end]):
                compare_events(comparison, one, other)
            continue
        for event in theirs[their_start:their_end]:
            comparison.differ("theirs", path_of(event), event.payload)
        for event in ours[our_start:our_end]:
            comparison.differ("ours", path_of(event), None, event.payload)
    return comparison.found


def not_comparable(events):
    """What of a turn our server lacks so that the turn would go another way."""
    for event in events:
        kind, _, content = event.trace
        if kind == "guardrailTrace" and content.get("action") == "INTERVENED":
            return "guardrail"
        if content.get("type") == "KNOWLEDGE_BASE_RESPONSE_GENERATION":
            return "knowledge base"
    return ""


def is_end(event):
    return event.member != "trace" or "finalResponse" in event.trace[2]


def plain_event(event):
    return Event(event.member, plain(event.payload))


def plain(value):
    """What boto3 gives, as JSON would have it."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


def one_chunk(events):
    """How an answer is cut is a matter of the model's speed and of guardrails: pieces in a row are put together."""
    made = []
    last = None
    for event in events:
        if event.member == "chunk" and last is not None:
            texts = [base64.b64decode(one.payload.get("bytes", "")) for one in (last, event)]
            last.payload = {**event.payload, **last.payload, "bytes": base64.b64encode(b"".join(texts)).decode()}
            continue
        if event.member == "chunk":
            event = last = Event("chunk", dict(event.payload))
        elif event.trace[0] != "guardrailTrace":
            last = None
        made.append(event)
    return made


def label(event):
    """What makes two events the same one: who speaks, of what kind it is, and what it is about."""
    kind, name, content = event.trace
    about = ""
    if name == "observation":
        about = stand_in(content.get("type", "")) + content.get("repromptResponse", {}).get("source", "")
    elif name == "invocationInput":
        about = stand_in(content.get("invocationType", "")) + content.get("actionGroupInvocationInput", {}).get("executionType", "").replace("LAMBDA", "")
    return (event.member, len(event.chain), event.payload.get("collaboratorName", ""), kind, name, about)


def stand_in(kind):
    """What is not built is played by a function."""
    return "ACTION_GROUP" if kind in ("ACTION_GROUP_CODE_INTERPRETER", "KNOWLEDGE_BASE") else kind


def path_of(event):
    kind, name, content = event.trace
    if not kind:
        return event.member
    inner = next((member for member in content if member not in ("traceId", "type", "invocationType")), "")
    source = f"({content['repromptResponse']['source']})" if inner == "repromptResponse" else ""
    return ".".join(part for part in (kind, name, inner if name in ("observation", "invocationInput") else "") if part) + source


def compare_events(comparison, theirs, ours):
    if theirs.member == "chunk":
        for event in (theirs, ours):
            event.payload["bytes"] = base64.b64decode(event.payload.get("bytes", "")).decode()
    if theirs.member != "trace":
        return compare_values(comparison, theirs.member, theirs.payload, ours.payload)
    envelope = lambda event: {name: value for name, value in event.payload.items() if name != "trace"}
    compare_values(comparison, "trace", envelope(theirs), envelope(ours))
    (kind, content), = theirs.payload["trace"].items()
    compare_values(comparison, kind, content, ours.payload["trace"][kind])


def compare_values(comparison, path, theirs, ours):
    name = path.rsplit(".", 1)[-1]
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({**theirs, **ours}):
            if key not in ours:
                empty = " (empty)" if not any(leaves(theirs[key])) else ""
                comparison.differ("theirs", f"{path}.{key}{empty}", theirs[key])
            elif key not in theirs:
                comparison.differ("ours", f"{path}.{key}", None, ours[key])
            else:
                compare_values(comparison, f"{path}.{key}", theirs[key], ours[key])
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            comparison.differ("value", f"{path} (length)", theirs, ours)
        for one, other in zip(theirs, ours):
            compare_values(comparison, path, one, other)
    elif kind_of(theirs) != kind_of(ours):
        comparison.differ("type", path, theirs, ours)
    elif name in IDS:
        compare_id(comparison, path, theirs, ours)
    elif name == "agentVersion":
        if (theirs == "DRAFT") != (ours == "DRAFT"):
            comparison.differ("value", path, theirs, ours)
    elif path.endswith("modelInvocationInput.text"):
        compare_roles(comparison, path, roles(theirs), roles(ours))
    elif name not in TIMES + MEASURED and not any(one in path for one in TEXTS_OF_OUR_OWN) and theirs != ours:
        trimmed = isinstance(theirs, str) and theirs.strip() == ours.strip()
        comparison.differ("value", f"{path} (white space)" if trimmed else path, theirs, ours)


def leaves(value):
    """Whether there is anything in it, value by value."""
    if isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield True


def kind_of(value):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "number" if number else type(value).__name__


def roles(text):
    """Who speaks in a prompt, in order; empty when the recorder kept its length only."""
    try:
        return [message["role"] for message in json.loads(text)["messages"]]
    except (ValueError, LookupError, TypeError):
        return []


def compare_roles(comparison, path, theirs, ours):
    """Who speaks in two prompts. A recording may begin in the middle of a session; what was said before is theirs alone."""
    if theirs and ours and (theirs[-1], ours[-1]) == ("assistant", "user"):
        comparison.differ("theirs", f"{path} (beginning of the answer)", theirs, ours)
        theirs = theirs[:-1]
    if theirs and theirs[-len(ours):] != ours:
        comparison.differ("value", f"{path} (roles)", theirs, ours)


def compare_id(comparison, path, theirs, ours):
    """Ids have the same form, and are the same on our side where they are the same on theirs."""
    if form(theirs) != form(ours):
        return comparison.differ("form", path, theirs, ours)
    for one, other in zip(parts(theirs), parts(ours)):
        known_ours = comparison.ours_of.setdefault(one, other)
        known_theirs = comparison.theirs_of.setdefault(other, one)
        if (known_ours, known_theirs) != (other, one):
            comparison.differ("identity", path, theirs, ours)


def form(text):
    text = ALIAS_ARN.sub(lambda arn: f"<alias of {name_form(arn[3])}/{name_form(arn[4])}>", text)
    return name_form(re.sub(UUID, "<uuid>", text))


def name_form(text):
    return "<id>" if re.fullmatch(r"[A-Z0-9]{10}", text) and text != "TSTALIASID" else text


def parts(text):
    """The ids in a text."""
    arns = [part for arn in ALIAS_ARN.finditer(text) for part in arn.groups()[2:]]
    return [part for part in arns or re.findall(UUID, text) or [text] if part not in ("TSTALIASID", "INLINE_AGENT")]
