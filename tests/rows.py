"""Rows of journals as texts: reads the forms that the store writes, by itself, so that the forms are told twice."""

from pathlib import Path

import zstandard

DICTIONARY = Path(__file__).parents[1] / "crates/outcrop-store/src/packed/rows-1.dict"
ROWS = zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(DICTIONARY.read_bytes()))


def number(row, at):
    value = shift = 0
    while True:
        byte = row[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at


def blob(database, address):
    form, body = database.execute("SELECT form, body FROM blob WHERE hash = ?", (address,)).fetchone()
    return zstandard.ZstdDecompressor().decompress(body) if form else body


def unpack(database, row):
    """The text that a row stands for."""
    if not row or row[0] >= 0x10:
        return row
    if row[0] == 0:
        return row[1:]
    if row[0] == 1:
        return ROWS.decompress(row[1:])
    count, at = number(row, 1)
    taken = []
    for _ in range(count):
        gap, at = number(row, at)
        taken.append((gap, row[at:at + 32]))
        at += 32
    rest, text, after = unpack(database, row[at:]), b"", 0
    for gap, address in taken:
        text += rest[after:after + gap] + blob(database, address)
        after += gap
    return text + rest[after:]
