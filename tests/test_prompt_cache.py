"""Prompt caches: on step 2 and later of a turn at most 15 % of what does not change is sent outside of cached prefixes,
measured on the requests that the real server sends."""

import json

import pytest

from test_inline import invoke_inline
from test_model_faults import PROVIDERS, hostile, served_by
from world import function, group, handler

STEPS = 6
ORDERS = group("OrderTools", *(function(f"tool_{number}", "Does this and that with an order of a customer of the shop. " * 3, order_id="string") for number in range(8)))


def parts_of(provider, body):
    """What the provider's cache sees, in its order, and after how many of the parts a prefix is marked to be kept."""
    if provider == "openai":
        return [json.dumps(part) for part in [*body.get("tools", []), *body["messages"]]], None
    if provider == "gemini":
        contents = [part for content in body["contents"] for part in content["parts"]]
        declared = [each for tool in body.get("tools", []) for each in tool["functionDeclarations"]]
        return [json.dumps(part) for part in [*body["systemInstruction"]["parts"], *declared, *contents]], None
    tools = body.get("tools", []) if provider == "anthropic" else body["toolConfig"]["tools"]
    everything = [*tools, *body["system"], *(block for message in body["messages"] for block in message["content"])]
    parts, marks = [], []
    for part in everything:
        if "cachePoint" in part:
            marks.append(len(parts))
            continue
        marked = "cache_control" in part
        parts.append(json.dumps({name: value for name, value in part.items() if name != "cache_control"}))
        if marked:
            marks.append(len(parts))
    assert len(marks) <= 4, marks
    return parts, marks


def size(parts):
    return sum(len(part) for part in parts)


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_little_of_what_does_not_change_is_sent_outside_of_cached_prefixes(outcrop, provider):
    with hostile(provider) as model:
        # Bedrock caches for families that it names.
        settings = served_by(model, provider, model="us.anthropic.claude-sonnet-4-5-20250929-v1:0")
        outcrop.start(settings=settings, functions={"order-tools": handler('return "x" * 200')}, environment={"KEY": "k"})
        runtime = outcrop.runtime()
        model.play(("says", "An earlier answer. " * 20))
        invoke_inline(runtime, "An earlier question. " * 20, session="s-1", actionGroups=[ORDERS])
        step = ("says", "I look on.", ("OrderTools__tool_1", {"order_id": "A-482"}))
        model.asked.clear()
        model.play(*[step] * STEPS, ("says", "Done."))
        made = invoke_inline(runtime, "Look at all of it.", session="s-1", actionGroups=[ORDERS])
        assert made.answer.strip() == "Done." and len(model.asked) == STEPS + 1
        kept, outside, before = [], [], None
        for body in model.asked:
            parts, marks = parts_of(provider, body)
            if before is not None:
                # What the request before had is what does not change from it to this one.
                found = [
                    prefix for prefix in kept
                    if parts[: len(prefix)] == prefix and (marks is None or any(len(prefix) <= mark <= len(prefix) + 20 for mark in marks))
                ]
                if marks is None:
                    common = next((at for at, (one, other) in enumerate(zip(before, parts)) if one != other), min(len(before), len(parts)))
                    found.append(parts[:common])
                cached = max((size(prefix) for prefix in found), default=0)
                outside.append(max(0, size(before) - cached) / size(before))
            kept += [parts[:mark] for mark in marks or []]
            before = parts
        print(provider, "sent outside of cached prefixes on step 2 and later:", [round(share, 3) for share in outside])
        assert len(outside) == STEPS and max(outside) <= 0.15, outside
