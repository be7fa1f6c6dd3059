"""The Java reader of headers takes and refuses exactly what the Python reader does."""

from __future__ import annotations

import json
import random

import android_java
import pytest

from device_probes.fields import Malformed, loads
from device_probes.parse import read_from_host
from device_probes.protocol import (
    Act,
    AskFacts,
    Bye,
    Cancel,
    Codec,
    Hello,
    Load,
    Pcm,
    Run,
    ScheduledPlay,
)
from profiler.model import CodecRequest, TrialRequest

pytestmark = pytest.mark.needs_apt(*android_java.JDK)

MESSAGES = (
    Hello(3, "1.0", "secret"),
    AskFacts(),
    Load("train:1", 48_000, 10, 123),
    Pcm(0),
    Run(TrialRequest(duration_s=1.0), 48_000, (ScheduledPlay("train:1", 3),)),
    Codec(CodecRequest()),
    Cancel(),
    Act("route", "earpiece"),
    Bye(),
)
VALID = [json.dumps(message.header()).encode() for message in MESSAGES]
SEEDS = [
    *VALID,
    rb'{"a":[1,2.5e-3,-0,0.1E+5,true,false,null,"\u00e9\ud83d\ude00\n\"\\"],"b":{"c":{}}}',
    '{"type":"bye","é":"\U0001f600"}'.encode(),
]
TOKENS = [
    *(bytes([byte]) for byte in b'{}[]",:\\-0 \t\x00\xff\x0b'),
    *(b"\\u12", b"1e5", b"01", b".5", b"1.", b"NaN", b"Infinity", b"true", b"nul", b"1e400"),
    *(b"9" * 21, b"9" * 20, b"-" + b"9" * 20, b"[" * 8, b"48000.0", b"0.5", b'"x":1,'),
    *(b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xc2\xa0", b"null", b"\\ud800", b"2147483648"),
]
DOCUMENTS = 12_000


def mutants(seed: int) -> list[bytes]:
    """Headers with up to three places changed."""
    rng = random.Random(seed)
    found = []
    for _ in range(DOCUMENTS):
        text = bytearray(rng.choice(SEEDS))
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
            at = rng.randrange(len(text) + 1)
            kind = rng.random()
            if kind < 0.4:
                text[at:at] = rng.choice(TOKENS)
            elif kind < 0.7:
                del text[at : at + rng.randint(1, 4)]
            else:
                text[at : at + rng.randint(0, 6)] = rng.choice(TOKENS)
        found.append(bytes(text))
    return found


def python_verdict(header: bytes) -> tuple[str, object]:
    try:
        value = loads(header)
    except Malformed:
        return "malformed", None
    try:
        read_from_host(value)
    except Malformed:
        return "json", value
    return "message", value


def test_both_readers_agree() -> None:
    android_java.require_jars()
    documents = [document for document in (*VALID, *mutants(5)) if document]
    lines = android_java.run_main(
        "HeaderCheck", "".join(f"{document.hex()}\n" for document in documents)
    ).splitlines()
    assert len(lines) == len(documents)
    seen = {"malformed": 0, "json": 0, "message": 0}
    for document, line in zip(documents, lines, strict=True):
        word, _, text = line.partition(" ")
        value = json.loads(text) if text else None
        assert (word, value) == python_verdict(document), document
        seen[word] += 1
    assert [line.partition(" ")[0] for line in lines[: len(VALID)]] == ["message"] * len(VALID)
    assert min(seen.values()) > DOCUMENTS // 20, seen
