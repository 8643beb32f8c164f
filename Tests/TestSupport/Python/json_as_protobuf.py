"""What PyPI's opentelemetry-proto makes of OTLP/JSON: compare.py JSON PROTOBUF

Reads the JSON values of the first file one after the other, each as a message, and compares them with the messages of
the second, each behind its length in four bytes. protobuf's JSON reader knows the names of opentelemetry-proto; what
writers of traces spell otherwise (ids in hex, Tempo's wrappers, times in halves) is put into its spelling first.
"""

import base64
import json
import struct
import sys

from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

IDS = {"traceId": 32, "spanId": 16, "parentSpanId": 16, "trace_id": 32, "span_id": 16, "parent_span_id": 16}
NAMES = {
    "instrumentationLibrarySpans": "scopeSpans",
    "instrumentation_library_spans": "scope_spans",
    "instrumentationLibrary": "scope",
    "instrumentation_library": "scope",
}


def values(text):
    """The JSON values of a text; a line that is none is left out."""
    decoder = json.JSONDecoder()
    text = text.removeprefix("\ufeff")
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return
        try:
            value, at = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError):
            at = text.find("\n", at)
            if at < 0:
                return


def messages(value):
    """The messages inside of a value, without the wrappers around them."""
    if isinstance(value, list):
        for element in value:
            yield from messages(element)
    elif isinstance(value, dict):
        batches = value.get("batches")
        if isinstance(batches, list):
            yield {"resourceSpans": batches}
        elif any(isinstance(value.get(key), list) for key in ("resourceSpans", "resource_spans")) or not value:
            yield value
        elif any(isinstance(value.get(key), list) for key in ("scopeSpans", "scope_spans", *NAMES)):
            yield {"resourceSpans": [value]}
        else:
            for member in value.values():
                yield from messages(member)


def spelt(value, key=None):
    """A value in the spelling of protobuf's JSON mapping."""
    if isinstance(value, dict):
        if set(value) == {"low", "high"}:
            return str((value["high"] & 0xFFFFFFFF) << 32 | value["low"] & 0xFFFFFFFF)
        return {NAMES.get(name, name): spelt(member, name) for name, member in value.items()}
    if isinstance(value, list):
        return [spelt(element) for element in value]
    if isinstance(value, str) and len(value) == IDS.get(key):
        try:
            return base64.b64encode(bytes.fromhex(value)).decode()
        except ValueError:
            pass
    return value


def frames(data):
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


def main(json_path, protobuf_path):
    with open(json_path, "rb") as file:
        text = file.read().decode("utf-8", "replace")
    with open(protobuf_path, "rb") as file:
        ours = [TracesData.FromString(frame) for frame in frames(file.read())]
    theirs = []
    for value in values(text):
        for message in messages(value):
            try:
                theirs.append(json_format.ParseDict(spelt(message), TracesData(), ignore_unknown_fields=True))
            except json_format.ParseError as error:
                theirs.append(None)
                print(error, file=sys.stderr)
    if len(ours) != len(theirs):
        sys.exit(f"{len(ours)} messages, opentelemetry-proto makes {len(theirs)} of them")
    for number, (mine, other) in enumerate(zip(ours, theirs)):
        if other is not None and mine != other:
            sys.exit(f"message {number} differs:\n{mine}\nopentelemetry-proto:\n{other}")
    print(len(ours) - theirs.count(None))


main(*sys.argv[1:])
