"""Values of the model's shapes as they travel in JSON: the least valid one, every way to break it, and what breaks."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Callable

from . import texts

MISSING = object()
# Texts and lists longer than this are not sent.
LENGTH_SENT_MAX = 300_000
ELEMENTS_SENT_MAX = 3_000
UNLIMITED = 1 << 60
WRONG_TYPES = {
    "string": [7, True, ["text"], {"text": "text"}],
    "integer": ["7", 1.5, 1 << 31, -(1 << 31) - 1, True, [7]],
    "long": ["7", 1.5, 1 << 63, {}],
    "float": ["1.5", True, [1]],
    "double": ["1.5", False, {}],
    "boolean": ["true", 1, []],
    "structure": ["text", 7, [], True],
    "list": ["text", 7, {}],
    "map": ["text", 7, []],
    "blob": [7, "no base64!", ["aGk="]],
    "timestamp": ["yesterday", True, {}],
}
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Shapes:
    """Shapes of one service, by name."""

    def __init__(self, shapes):
        self.by_name = shapes

    def kind(self, name):
        shape = self.by_name[name]
        return "document" if shape.get("document") else shape["type"]

    def limits(self, name):
        shape = self.by_name[name]
        return shape.get("min", 0), shape.get("max", UNLIMITED)

    # The least valid value.

    def least(self, name, header=False, within=()):
        shape, kind = self.by_name[name], self.kind(name)
        shortest, longest = self.limits(name)
        if kind == "structure":
            members = shape.get("required", [])
            if shape.get("union"):
                members = [next(each for each in shape["members"] if not self.leads_back(shape["members"][each]["shape"], (*within, name)))]
            return {each: self.least(shape["members"][each]["shape"], within=(*within, name)) for each in members}
        if kind == "list":
            return [self.least(shape["member"]["shape"], within=within) for _ in range(shortest)]
        if kind == "map":
            return self.entries(name, shortest)
        if kind == "string":
            return self.text(name, header)
        if kind == "blob":
            return base64.b64encode(b"a" * max(shortest, 1)).decode()
        if kind in ("integer", "long", "float", "double"):
            return min(max(shape.get("min", 1), 1), shape.get("max", 1))
        return {"boolean": True, "timestamp": "2025-06-01T10:00:00Z", "document": {}}[kind]

    def leads_back(self, name, within):
        """Whether a least value of the shape would hold itself again."""
        if name in within:
            return True
        shape = self.by_name[name]
        if shape["type"] == "structure":
            inner = [shape["members"][each]["shape"] for each in shape.get("required", [])]
            if shape.get("union"):
                return all(self.leads_back(each["shape"], (*within, name)) for each in shape["members"].values())
        else:
            inner = [shape[part]["shape"] for part in ("member", "value") if part in shape and shape.get("min", 0)]
        return any(self.leads_back(each, (*within, name)) for each in inner)

    def text(self, name, header=False):
        shape = self.by_name[name]
        if "enum" in shape:
            return shape["enum"][0]
        shortest, longest = self.limits(name)
        found = texts.matching(shape.get("pattern", ".*"), max(shortest, 1), max(longest, 1), header)
        return texts.matching(shape["pattern"], shortest, longest, header) if found is None else found

    def entries(self, name, count):
        shape = self.by_name[name]
        key = self.text(shape["key"]["shape"])
        if "enum" in self.by_name[shape["key"]["shape"]]:
            keys = self.by_name[shape["key"]["shape"]]["enum"][:count]
        else:
            keys = [key] + [f"{key}{at}" for at in range(1, count)]
        return {each: self.least(shape["value"]["shape"]) for each in keys[:count]}

    # What is broken in a value, by the model.

    def broken(self, name, value, path):
        """All broken constraints as `(path, sentence)`."""
        shape, kind = self.by_name[name], self.kind(name)
        tell = lambda rule, shown=MISSING: (path, sentence(shape, path, value if shown is MISSING else shown, rule))
        if kind == "structure":
            given = {member: each for member, each in value.items() if each is not None and member in shape["members"]}
            for member, reference in shape["members"].items():
                yield from self.broken_member(member, reference, member in shape.get("required", []), given.get(member), below(path, member))
            if shape.get("union") and len(given) != 1:
                yield tell("Member must have exactly one member set")
        elif kind == "list":
            given = [each for each in value if each is not None]
            for at, each in enumerate(value):
                if each is not None:
                    yield from self.broken(shape["member"]["shape"], each, f"{path}.{at + 1}.member")
            yield from map(tell, self.broken_length(name, len(given)))
        elif kind == "map":
            given = {key: each for key, each in value.items() if each is not None}
            for key, each in given.items():
                rules = list(self.broken_text(shape["key"]["shape"], key))
                if rules:
                    key_shape = {"sensitive": shape.get("sensitive") or self.by_name[shape["key"]["shape"]].get("sensitive")}
                    yield path, sentence(key_shape, path, key, f"Map keys must satisfy constraint: [{', '.join(rules)}]")
                yield from self.broken(shape["value"]["shape"], each, f"{path}.{key}.member")
            yield from map(tell, self.broken_length(name, len(given)))
        elif kind == "string":
            yield from map(tell, self.broken_text(name, value))
        elif kind == "blob":
            yield from map(tell, self.broken_length(name, len(base64.b64decode(value))))
        elif kind in ("integer", "long", "float", "double"):
            if "min" in shape and value < shape["min"]:
                yield tell(f"Member must have value greater than or equal to {shape['min']}")
            if "max" in shape and value > shape["max"]:
                yield tell(f"Member must have value less than or equal to {shape['max']}")

    def broken_member(self, name, reference, required, value, path):
        if reference.get("jsonvalue") and isinstance(value, (dict, list)):
            value = json.dumps(value, separators=(",", ":"))
        if value is not None:
            yield from self.broken(reference["shape"], value, path)
        elif required:
            yield path, Sentence(f"Value null at '{path}' failed to satisfy constraint: Member must not be null")

    def broken_length(self, name, length):
        shortest, longest = self.limits(name)
        if length < shortest:
            yield f"Member must have length greater than or equal to {shortest}"
        elif length > longest:
            yield f"Member must have length less than or equal to {longest}"

    def broken_text(self, name, text):
        shape = self.by_name[name]
        yield from self.broken_length(name, len(text))
        if "pattern" in shape and not texts.matches(shape["pattern"], text):
            yield f"Member must satisfy regular expression pattern: {shape['pattern']}"
        if "enum" in shape and text not in shape["enum"]:
            yield f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]"

    # Ways to break a value.

    def ways(self, name, header=False):
        """Values that break one constraint of the shape itself, not of what is in it: `(what, value)`."""
        shape, kind = self.by_name[name], self.kind(name)
        shortest, longest = self.limits(name)
        if kind == "string":
            pattern = shape.get("pattern")
            if "enum" in shape:
                yield "enum", "NOT_A_VALUE"
                yield "enum case", shape["enum"][0].swapcase()
                return
            if shortest > (1 if header else 0):
                yield "min", self.of_length(pattern, shortest - 1, header)
            if longest < LENGTH_SENT_MAX:
                yield "max", self.of_length(pattern, longest + 1, header)
            strange = texts.strange(pattern, shortest, longest, header) if pattern else None
            if strange is not None:
                yield "pattern", strange
        elif kind == "list":
            if shortest > 0:
                yield "min", self.least(name)[:-1]
            if longest < ELEMENTS_SENT_MAX:
                yield "max", [self.least(shape["member"]["shape"])] * (longest + 1)
        elif kind == "map":
            if shortest > 0:
                yield "min", self.entries(name, shortest - 1)
            if longest < ELEMENTS_SENT_MAX and "enum" not in self.by_name[shape["key"]["shape"]]:
                yield "max", self.entries(name, longest + 1)
            for what, key in self.ways(shape["key"]["shape"]):
                yield f"key {what}", {key: self.least(shape["value"]["shape"])}
        elif kind == "structure" and shape.get("union"):
            yield "no member", {}
            if len(shape["members"]) > 1:
                yield "two members", {each: self.least(shape["members"][each]["shape"], within=(name,)) for each in list(shape["members"])[:2]}
        elif kind == "blob":
            if shortest > 0:
                yield "min", base64.b64encode(b"a" * (shortest - 1)).decode()
            if longest < LENGTH_SENT_MAX:
                yield "max", base64.b64encode(b"a" * (longest + 1)).decode()
        elif kind in ("integer", "long", "float", "double"):
            if "min" in shape:
                yield "min", shape["min"] - 1
            if "max" in shape:
                yield "max", shape["max"] + 1

    def legal(self, name, header=False):
        """Values at the ends of what the shape allows, and each value of an enum."""
        shape, kind = self.by_name[name], self.kind(name)
        shortest, longest = self.limits(name)
        yield "least", self.least(name, header)
        if kind == "string" and "enum" in shape:
            yield from (("enum", each) for each in shape["enum"])
        elif kind == "string":
            for what, length in ("min", shortest), ("max", longest):
                if length < LENGTH_SENT_MAX and (length or not header):
                    text = texts.matching(shape.get("pattern", r"[\s\S]*"), length, length, header)
                    yield from [] if text is None else [(what, text)]
        elif kind == "list" and longest < ELEMENTS_SENT_MAX:
            yield "max", [self.least(shape["member"]["shape"])] * longest
        elif kind == "map" and longest < ELEMENTS_SENT_MAX:
            yield "max", self.entries(name, longest)
        elif kind in ("integer", "long", "float", "double"):
            yield from ((limit, shape[limit]) for limit in ("min", "max") if limit in shape)
        elif kind == "structure" and shape.get("union"):
            yield from (("member", {each: self.least(reference["shape"], within=(name,))}) for each, reference in shape["members"].items())

    @staticmethod
    def of_length(pattern, length, header):
        """A text of this length; one that matches where there is one, so that nothing else is broken."""
        found = texts.matching(pattern, length, length, header) if pattern else None
        return "a" * length if found is None else found

    # Where values can be broken.

    def spots(self, name, path, place, within=(), base=None):
        """All places in a structure, at every depth; each shape once on a way down."""
        shape = self.by_name[name]
        base = self.least(name, within=within) if base is None else base
        if shape.get("union"):
            base = {}
        for member, reference in shape.get("members", {}).items():
            put = lambda value, member=member: place({**{other: each for other, each in base.items() if other != member}, **({} if value is MISSING else {member: value})})
            yield from self.spots_of(reference, below(path, member), put, (*within, name), member in shape.get("required", []))

    def spots_of(self, reference, path, place, within, required=False):
        name = reference["shape"]
        if self.kind(name) == "structure" and name in within:
            return
        yield Spot(path, name, place, required, bool(reference.get("jsonvalue")))
        shape, kind = self.by_name[name], self.kind(name)
        if kind == "structure":
            yield from self.spots(name, path, place, within)
        elif kind == "list":
            rest = self.least(name)[1:]
            yield from self.spots_of(shape["member"], f"{path}.1.member", lambda value: place([value, *rest]), within)
        elif kind == "map":
            entries = self.entries(name, max(1, self.limits(name)[0]))
            key = next(iter(entries))
            yield from self.spots_of(shape["value"], f"{path}.{key}.member", lambda value: place({**entries, key: value}), within)

    # Whether an answer is what the model says.

    def strange(self, name, value, path=""):
        """What in an output is not as modelled: unknown, missing, of another type, of no legal value."""
        shape, kind = self.by_name[name], self.kind(name)
        types = {"structure": dict, "map": dict, "list": list, "string": str, "blob": str, "timestamp": str, "boolean": bool,
                 "integer": int, "long": int, "float": (int, float), "double": (int, float), "document": object}
        if not isinstance(value, types[kind]) or (isinstance(value, bool) and kind not in ("boolean", "document")):
            yield f"{path}: {value!r} is no {kind}"
        elif kind == "structure":
            yield from (f"{path}.{each}: unknown" for each in value if each not in shape["members"])
            yield from (f"{path}.{each}: missing" for each in shape.get("required", []) if each not in value)
            if shape.get("union") and len(value) != 1:
                yield f"{path}: a union with {len(value)} members"
            for each, inner in value.items():
                if each in shape["members"]:
                    yield from self.strange(shape["members"][each]["shape"], inner, f"{path}.{each}")
        elif kind == "list":
            for at, each in enumerate(value):
                yield from self.strange(shape["member"]["shape"], each, f"{path}[{at}]")
        elif kind == "map":
            for key, each in value.items():
                yield from (f"{path}: key {key!r}: {rule}" for rule in self.broken_text(shape["key"]["shape"], key))
                yield from self.strange(shape["value"]["shape"], each, f"{path}.{key}")
        elif kind == "timestamp" and not ISO_8601.fullmatch(value):
            yield f"{path}: {value!r} is no time of ISO 8601"
        else:
            # Lists are left out: the model says ten, and AWS itself sends what `maxResults` asks for.
            yield from (f"{path}: {rule}: {told}" for told, rule in self.broken(name, value, path))


@dataclass
class Spot:
    """A place in an input: its path as messages show it, its shape, and how a value gets there."""

    path: str
    shape: str
    place: Callable[[Any], dict]
    required: bool
    is_json_text: bool


def below(path, member):
    """The path of a member, as messages write it: `FunctionName` of Lambda's model is `functionName` there."""
    shown = member[0].lower() + member[1:]
    return f"{path}.{shown}" if path else shown


@dataclass(frozen=True, order=True)
class Sentence:
    """What AWS says about one broken constraint: how it begins and, where what is between is not known, how it ends."""

    begin: str
    end: str = ""

    def is_in(self, message):
        at = message.find(self.begin)
        return at >= 0 and message.find(self.end, at + len(self.begin)) >= 0

    def is_all_of(self, message):
        return message.startswith(self.begin) and message.endswith(self.end) and (self.end != "" or len(message) == len(self.begin))


def sentence(shape, path, value, rule):
    """A sensitive value is not shown; of what is neither text nor number, only that it is shown."""
    end = f" at '{path}' failed to satisfy constraint: {rule}"
    if shape.get("sensitive"):
        return Sentence(f"Value{end}")
    if isinstance(value, (str, int, float)):
        return Sentence(f"Value '{str(value)[:1024]}'{end}")
    return Sentence("Value '", "'" + end)
