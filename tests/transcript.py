"""A turn as text: every event on a line, with names in place of ids and without times, so that two runs compare."""

import json
import re
from datetime import datetime

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ALIAS_ARN = re.compile(r"arn:aws:bedrock:[\w-]+:\d{12}:agent-alias/(\w+)/(\w+)")
TOOL_USE = re.compile(r"(?:tooluse|call)_\w+")
PAYLOAD = re.compile(r'(?<=br:payload id=")p[0-9a-f]{8}(?=")')
MEASURED = ("totalTimeMs", "operationTotalTimeMs")


class Transcript:
    """Turns of one case; the same id has the same name in all of them."""

    def __init__(self):
        self.names = {}
        self.lines = []

    def add(self, heading, events):
        self.lines += ([""] if self.lines else []) + [f"# {heading}"]
        for event in events:
            (member, payload), = event.items()
            self.lines += self.trace(payload) if member == "trace" else [f"{member} {self.shown(payload)}"]
        return self

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"

    def trace(self, payload):
        (kind, content), = payload["trace"].items()
        flat = "traceId" in content
        (name, inner), = [("", content)] if flat else content.items()
        who = payload.get("collaboratorName") or "-"
        depth = len(payload["callerChain"])
        place = f"{kind}.{name}" if name else kind
        yield f"{who} {depth} {self.shown(payload['sessionId'])} {place} {self.shown(inner)}"

    def shown(self, value):
        return self.named(json.dumps(plain(value), ensure_ascii=False)) if not isinstance(value, str) else self.named(value)

    def named(self, text):
        text = ALIAS_ARN.sub(lambda found: f"<alias {self.name('agent', found[1])}>", text)
        text = re.sub(r'("agentId": )"(\w{10})"', lambda found: f'{found[1]}"<{self.name("agent", found[2])}>"', text)
        text = UUID.sub(lambda found: self.name("id", found[0]), text)
        text = TOOL_USE.sub(lambda found: self.name("use", found[0]), text)
        return PAYLOAD.sub(lambda found: self.name("payload", found[0]), text)

    def name(self, kind, original):
        known = self.names.setdefault(kind, {})
        return f"{kind}{list(known).index(original) + 1 if original in known else len(known.setdefault(original, None) or known)}"


def plain(value):
    """Without what differs from run to run, and without our own prompts, which have tests of their own."""
    if isinstance(value, dict):
        return {name: one_member(name, one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode()
    return "<time>" if isinstance(value, datetime) else value


def one_member(name, value):
    if name in (*MEASURED, "usage"):
        return "<measured>"
    if name == "text" and isinstance(value, str) and value.startswith('{"') and '"messages"' in value:
        asked = json.loads(value)
        return {"system": "<system prompt>", "messages": [{message["role"]: texts(message["content"])} for message in asked["messages"]]}
    if name == "rawResponse":
        return "<as the model said it>"
    if name == "inferenceConfiguration":
        return "<set>"
    return plain(value)


def texts(content):
    """A message's blocks, the short way."""
    shown = []
    for block in content:
        (kind, inner), = block.items()
        if kind == "toolResult":
            inner = "".join(one["text"] for one in inner["content"])
        elif kind == "toolUse":
            inner = f"{inner['name']} {json.dumps(inner['input'])}"
        elif kind == "reasoningContent":
            continue
        shown.append(f"{kind}: {inner}" if kind != "text" else inner)
    return shown
