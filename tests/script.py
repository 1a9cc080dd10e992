"""Builds scripts for `provider = "scripted"`: what the model says, turn by turn."""

import json


def script(*turns):
    """The text of a script file. JSON is YAML."""
    return json.dumps({"turns": list(turns)}, indent=1)


def turn(*steps, when=""):
    """One turn: a step per model call. `when` is a part of the user's words that it answers; else it answers all."""
    return {"when": when, "steps": list(steps)}


def say(text):
    return {"say": text}


def call(tool, _think=None, **arguments):
    return {**({"think": _think} if _think else {}), "call": {"tool": tool, "input": arguments}}


def calls(*each):
    """Several calls in one step, each as `call` gives it."""
    return {"calls": [one["call"] for one in each]}


def fail(kind, message):
    return {"fail": {"kind": kind, "message": message}}
