#!/usr/bin/env python3
"""Publishes to an Encke node over its publish port, with the standard library alone.

    python3 examples/publish.py news '{"title": "Comet sighted"}' '"plain text"'
    python3 examples/publish.py @17 '"a message to user 17"' --port 8082 --key "$ENCKE_KEY"
    python3 examples/publish.py news - < lines.json      # one JSON text per line

Shows all a publisher needs: a frame is a 4-byte big-endian length and a MessagePack array; say hello, read the
welcome, send publications without waiting for each answer, at most `window` of them unanswered, and read the answers.
Prints the offset of every publication. Ends with 1 when one was refused. The protocol: docs/publish-port.md
"""

import argparse
import socket
import struct
import sys

HELLO, PUBLISH = 1, 2
WELCOME, ACK, ERROR = 64, 65, 68


def pack(value):
    """MessagePack of the few types that requests are made of."""
    if value is None:
        return b"\xc0"
    if isinstance(value, int):
        return bytes([value]) if value < 128 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, str):
        text = value.encode()
        return b"\xdb" + struct.pack(">I", len(text)) + text
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, (list, tuple)):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        pairs = b"".join(pack(key) + pack(member) for key, member in value.items())
        return b"\xdf" + struct.pack(">I", len(value)) + pairs
    raise TypeError(f"No MessagePack form for {type(value).__name__}")


# Scalars by their first byte: format of what follows. Structures and strings by first byte: format of their length.
SCALARS = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xCA: ">f", 0xCB: ">d"}
SCALARS |= {0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
LENGTHS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}


def unpack(data, at=0):
    """The value at `at` and where the next one begins."""
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    if first >= 0xE0:
        return first - 256, at
    if first in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[first], at
    if first in SCALARS:
        return struct.unpack_from(SCALARS[first], data, at)[0], at + struct.calcsize(SCALARS[first])
    if first in LENGTHS:
        count = struct.unpack_from(LENGTHS[first], data, at)[0]
        at += struct.calcsize(LENGTHS[first])
        kind = "string" if first <= 0xDB else "array" if first <= 0xDD else "map"
    elif first < 0x90:
        count, kind = first & 0x0F, "map"
    elif first < 0xA0:
        count, kind = first & 0x0F, "array"
    elif first < 0xC0:
        count, kind = first & 0x1F, "string"
    else:
        raise ValueError(f"Unexpected MessagePack byte {first:#x}")
    if kind == "string":
        return data[at : at + count].decode(), at + count
    values = []
    for _ in range(count * 2 if kind == "map" else count):
        value, at = unpack(data, at)
        values.append(value)
    return (dict(zip(values[::2], values[1::2])) if kind == "map" else values), at


class Publisher:
    """One connection to a publish port; knows how many frames are unanswered."""

    def __init__(self, host, port, key):
        self.stream = socket.create_connection((host, port), timeout=10)
        self.reader = self.stream.makefile("rb")
        self.seq = 0
        self.unanswered = 0
        self.refused = 0
        hello = {"version": 1, "acks": "each", "name": "publish.py"}
        self.send(HELLO, {**hello, "key": key} if key else hello)
        op, _, *fields = self.answer()
        if op != WELCOME:
            raise SystemExit(f"{fields[1]}: {fields[2]}")
        self.window = fields[0]["window"]

    def send(self, op, *fields):
        self.seq += 1
        frame = pack([op, self.seq, *fields])
        self.stream.sendall(struct.pack(">I", len(frame)) + frame)

    def answer(self):
        (length,) = struct.unpack(">I", self.read(4))
        return unpack(self.read(length))[0]

    def read(self, count):
        data = self.reader.read(count)
        if len(data) < count:
            raise SystemExit("The node closed the connection")
        return data

    def publish(self, channel, json_text):
        """Sends one publication; `bytes` are taken as JSON by the node and checked there."""
        if self.unanswered == self.window:
            self.settle()
        self.send(PUBLISH, channel, json_text.encode())
        self.unanswered += 1

    def settle(self):
        """Reads the answer that is due next."""
        op, seq, *fields = self.answer()
        self.unanswered -= 1
        if op == ACK:
            epoch, offset = fields
            print(f"offset {int(offset)} in epoch {epoch}")
        elif op == ERROR:
            self.refused += 1
            print(f"{fields[1]}: {fields[2]}", file=sys.stderr)
            if seq is None:
                raise SystemExit(1)

    def close(self):
        while self.unanswered > 0:
            self.settle()
        self.stream.close()


def main():
    arguments = argparse.ArgumentParser(description="Publishes JSON texts to a channel.")
    arguments.add_argument("channel", help="name of the channel; @17 reaches user 17")
    arguments.add_argument("json", nargs="+", help="JSON texts to publish; - reads them from stdin, one per line")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8082)
    arguments.add_argument("--key", default="")
    given = arguments.parse_args()
    publisher = Publisher(given.host, given.port, given.key)
    for text in given.json:
        for one in sys.stdin if text == "-" else [text]:
            publisher.publish(given.channel, one.strip())
    publisher.close()
    return 1 if publisher.refused else 0


if __name__ == "__main__":
    sys.exit(main())
