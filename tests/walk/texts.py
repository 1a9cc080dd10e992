"""Texts that match a pattern of the model, and texts that do not. Patterns are Java's; few use what Python reads otherwise."""

import functools
import re

try:
    from re import _constants as constants, _parser as parser
except ImportError:  # before Python 3.11
    import sre_constants as constants
    import sre_parse as parser

# Python has no properties. What stands here is enough for texts that we make.
PROPERTIES = {
    r"[^\p{C}]": r"[^\x00-\x1f\x7f-\x9f]", r"\P{C}": r"[^\x00-\x1f\x7f-\x9f]", r"\p{L}\p{Z}\p{N}": r"a-zA-Z0-9 ",
}
LETTERS = "aA0-_./:* " + "".join(map(chr, range(0x21, 0x7F)))
# What patterns seldom allow. A header can carry the first ones only.
STRANGERS = "!?~|{ \n\x07\u20ac"
IN_HEADERS = "!?~|{"


@functools.cache
def compiled(pattern):
    for java, python in PROPERTIES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern, re.ASCII)


def matches(pattern, text):
    return compiled(pattern).fullmatch(text) is not None


@functools.cache
def matching(pattern, shortest=0, longest=1 << 60, header=False):
    """A text that matches, of a length between the two; `None` where none was found."""
    tree = parser.parse(compiled(pattern).pattern)
    for branch in range(4 if "|" in pattern else 1):
        # The more repeats, the longer: the fewest that make the text long enough, and then some more.
        low, high = 0, max(shortest, 1)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if len(_text(tree, middle, branch)) >= shortest else (middle + 1, high)
        for repeats in range(low, low + 40):
            text = _text(tree, repeats, branch)
            if len(text) > longest:
                break
            if shortest <= len(text) and matches(pattern, text) and not (header and (text != text.strip() or not text)):
                return text
    return None


def _text(tree, repeats, branch):
    return "".join(_part(kind, detail, repeats, branch) for kind, detail in tree)


def _part(kind, detail, repeats, branch):
    if kind is constants.LITERAL:
        return chr(detail)
    if kind in (constants.ANY, constants.NOT_LITERAL):
        return "a" if detail != ord("a") else "b"
    if kind is constants.IN:
        return next((letter for letter in LETTERS if _in(detail, letter)), "")
    if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT):
        least, most, inner = detail
        return _text(inner, repeats, branch) * min(max(repeats, least), most if most is not constants.MAXREPEAT else 1 << 60)
    if kind is constants.SUBPATTERN:
        return _text(detail[-1], repeats, branch)
    if kind is constants.BRANCH:
        return _text(detail[1][min(branch, len(detail[1]) - 1)], repeats, branch)
    return ""  # places and looks around: the whole is matched afterwards


CATEGORIES = {
    constants.CATEGORY_DIGIT: r"[0-9]", constants.CATEGORY_NOT_DIGIT: r"[^0-9]", constants.CATEGORY_WORD: r"\w",
    constants.CATEGORY_NOT_WORD: r"\W", constants.CATEGORY_SPACE: r"\s", constants.CATEGORY_NOT_SPACE: r"\S",
}


def _in(items, letter):
    negated = items[0][0] is constants.NEGATE
    found = any(
        (kind is constants.LITERAL and chr(detail) == letter)
        or (kind is constants.RANGE and detail[0] <= ord(letter) <= detail[1])
        or (kind is constants.CATEGORY and re.fullmatch(CATEGORIES[detail], letter, re.ASCII) is not None)
        for kind, detail in items
    )
    return found != negated


@functools.cache
def strange(pattern, shortest, longest, header=False):
    """A text of a legal length that does not match; `None` where none was found."""
    model = matching(pattern, shortest, longest, header) or "a" * max(shortest, 1)
    for stranger in IN_HEADERS if header else STRANGERS:
        for text in (stranger + model[1:], model[:-1] + stranger, model[: len(model) // 2] + stranger + model[len(model) // 2 + 1:],
                     model + stranger, stranger * max(shortest, 1)):
            if shortest <= len(text) <= longest and not matches(pattern, text):
                return text
    texts = ["a", "A", "0", "-", "a" * shortest, "-" * shortest, "" if not header else "-"]
    return next((text for text in texts if shortest <= len(text) <= longest and not matches(pattern, text)), None)
