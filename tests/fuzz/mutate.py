"""Files as a broken disk or an attacker would change them; the same for the same seed."""

import io
import re
import zipfile

import numpy as np

NUMBER = re.compile(rb"-?\d+(\.\d+)?")
TOKEN = re.compile(rb"[^\s,:]+")

NUMBERS = (
    b"-1", b"0", b"1", b"3", b"-9999999", b"65536", b"2147483647", b"4294967296",
    b"999999999999", b"9223372036854775807", b"9" * 30, b"9" * 5000, b"1e-320", b"1e308",
    b"1e999", b"-1e999", b"nan", b"0.5", b"0x10", b"", b"2001-13-45", b"1_0",
)  # fmt: skip

TOKENS = (
    b"null", b"[]", b"{}", b'""', b"true", b"NaN", b"Infinity", b"'", b'"', b"~", b"\0",
    b"\n", b",", b":", b"\xff\xfe", b"\xef\xbb\xbf", b"../../x", b"[" * 3000, b"{a: " * 2000,
    b"&a [*a]", b"!!python/object/apply:os.getcwd []", b"/dev/zero", b'"\\ud800"',
)  # fmt: skip

LENGTHS = (0, 1, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)


def span(rng, content, longest=64):
    """Start and end of a random part of `content`."""
    start = int(rng.integers(len(content) + 1))
    return start, min(len(content), start + int(rng.integers(1, longest + 1)))


def flip_bits(rng, content):
    changed = np.frombuffer(content, np.uint8).copy()
    for place in rng.integers(len(changed), size=rng.integers(1, 9)):
        changed[place] ^= 1 << rng.integers(8)
    return changed.tobytes()


def truncate(rng, content):
    return content[: rng.integers(len(content))]


def delete(rng, content):
    start, end = span(rng, content)
    return content[:start] + content[end:]


def duplicate(rng, content):
    start, end = span(rng, content, len(content))
    return content[:end] + content[start:end] * int(rng.integers(1, 4)) + content[end:]


def insert(rng, content):
    start, _ = span(rng, content)
    return content[:start] + rng.bytes(int(rng.integers(1, 65))) + content[start:]


def fill(rng, content):
    start, end = span(rng, content)
    return content[:start] + rng.choice([b"\0", b"\xff", b"A"]) * (end - start) + content[end:]


def blow_up_length(rng, content):
    """Numbers of 2, 4 or 8 bytes, most of them near the start, where formats keep sizes."""
    width = int(rng.choice([2, 4, 8]))
    start = int(rng.integers(min(len(content), rng.choice([32, 256, len(content)]))))
    value = int(rng.choice(np.array(LENGTHS, np.uint64))) % 2 ** (8 * width)
    order = rng.choice(["little", "big"])
    return content[:start] + value.to_bytes(width, order) + content[start + width :]


def replaced(rng, content, matches, new):
    """One of the matches, often one of the first, replaced by one of the new texts."""
    match = matches[rng.integers(min(len(matches), rng.choice([20, len(matches)])))]
    return content[: match.start()] + new[rng.integers(len(new))] + content[match.end() :]


def other_number(rng, content):
    found = list(NUMBER.finditer(content[:100_000]))
    return replaced(rng, content, found, NUMBERS) if found else blow_up_length(rng, content)


def other_token(rng, content):
    found = list(TOKEN.finditer(content[:100_000]))
    return replaced(rng, content, found, TOKENS) if found else insert(rng, content)


WAYS = (
    flip_bits, truncate, delete, duplicate, insert, fill,
    blow_up_length, other_number, other_number, other_token,
)  # fmt: skip


def mutated(rng, content):
    """One to three changes of `content`, bytes that are not empty."""
    for _ in range(rng.integers(1, 4)):
        content = WAYS[rng.integers(len(WAYS))](rng, content) or b"\0"
    return content


def in_zip(content, change):
    """A zip of which one member is changed and has a right checksum."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = change(members)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def member_of_zip(rng, content):
    """Change one member of a zip, or its name."""

    def change(members):
        name = list(members)[rng.integers(len(members))]
        if rng.random() < 0.1:
            new = rng.choice(["../../escaped.npy", "/escaped", "c:\\escaped", "x", name + "x"])
            return {str(new) if key == name else key: data for key, data in members.items()}
        return members | {name: mutated(rng, members[name])}

    return in_zip(content, change)
