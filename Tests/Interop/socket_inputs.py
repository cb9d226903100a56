"""Messages for the socket that are nearly right, made from the schema: what a fuzzer sends."""

import json
import random
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROTO = Path(__file__).resolve().parents[2] / "Sources/Wire/Proto/ringback.proto"
FRAME = "ClientFrame"
FRAME_ID = 7
# What a stranger may send, and what somebody who was let in may send.
STRANGER_BYTES, FRAME_BYTES = 16 * 1024, 256 * 1024


@dataclass(frozen=True)
class Field:
    name: str
    number: int
    type: str
    repeated: bool
    oneof: bool

    @property
    def json_name(self) -> str:
        first, *rest = self.name.split("_")
        return first + "".join(word.capitalize() for word in rest)


@dataclass(frozen=True)
class Input:
    """What goes out as one message."""

    kind: str
    encoding: str
    payload: bytes
    # Whether the client may expect an answer to FRAME_ID.
    is_answered: bool = False


def read_schema(path: Path = PROTO) -> dict[str, list[Field]]:
    """The fields of the messages of a .proto file, by the messages' names."""
    messages: dict[str, list[Field]] = {}
    opened: list[tuple[str, str]] = []
    for line in path.read_text().splitlines():
        code = line.split("//")[0].strip()
        if block := re.match(r"(message|enum|oneof) (\w+) \{", code):
            opened.append((block[1], block[2]))
            if block[1] == "message":
                messages[block[2]] = []
        elif field := re.match(r"(repeated |optional )?([\w.]+) (\w+) = (\d+);", code):
            (name,) = [name for kind, name in opened if kind == "message"]
            is_oneof = opened[-1][0] == "oneof"
            messages[name].append(Field(field[3], int(field[4]), field[2], field[1] == "repeated ", is_oneof))
        if code.endswith("}") and opened:
            opened.pop()
    return messages


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def element(number: int, content: bytes) -> bytes:
    """A field that has a length."""
    return varint(number << 3 | 2) + varint(len(content)) + content


class Inputs:
    """Makes inputs; the same ones for the same seed."""

    def __init__(self, seed: int, ids: list[str], token: str):
        self.random = random.Random(seed)
        self.schema = read_schema()
        self.ids = ids
        self.token = token
        self._lists = [path for path in self._paths(FRAME) if path[-1].repeated]
        self._kinds: list[tuple[int, str, Callable[[str, int], bytes]]] = [
            (3, "valid", lambda encoding, _: self.valid(encoding)),
            (3, "mutated", lambda encoding, _: self._mutated(self.valid(encoding))),
            (1, "hello", lambda encoding, _: self._hello(encoding)),
            (3, "repeated", self._repeated),
            (2, "merged", self._merged),
            (1, "nested", self._nested),
            (2, "texts", self._texts),
            (1, "long", self._long),
            (1, "noise", lambda encoding, _: self._noise(encoding)),
        ]

    def stream(self, limit: int) -> Iterator[Input]:
        """Inputs without end, of both encodings and of no more bytes than the limit."""
        while True:
            encoding = self.random.choice(["protobuf", "json"])
            ((_, kind, make),) = self.random.choices(self._kinds, [weight for weight, _, _ in self._kinds])
            yield Input(kind, encoding, make(encoding, limit)[:limit], is_answered=kind == "valid")

    # ------------------------------------------------------------------------------------------- messages

    def valid(self, encoding: str) -> bytes:
        """A frame as a client would send it, with values that may fit."""
        command = self.random.choice([field for field in self.schema[FRAME] if field.oneof])
        if encoding == "protobuf":
            return b"\x08" + varint(FRAME_ID) + element(command.number, self._protobuf(command.type))
        return json.dumps({"id": FRAME_ID, command.json_name: self._json(command.type)}).encode()

    def _fields(self, message: str) -> list[Field]:
        fields = [field for field in self.schema[message] if self.random.random() < 0.8]
        members = [field for field in fields if field.oneof]
        chosen = self.random.choice(members) if members else None
        return [field for field in fields if not field.oneof or field is chosen]

    def _protobuf(self, message: str) -> bytes:
        out = b""
        for field in self._fields(message):
            for _ in range(self.random.randint(0, 3) if field.repeated else 1):
                if field.type in self.schema:
                    out += element(field.number, self._protobuf(field.type))
                elif field.type == "string":
                    out += element(field.number, self._text(field).encode())
                else:
                    out += varint(field.number << 3) + varint(self._number(field))
        return out

    def _json(self, message: str) -> dict[str, object]:
        def value(field: Field) -> object:
            if field.type in self.schema:
                return self._json(field.type)
            if field.type == "string":
                return self._text(field)
            return bool(self._number(field) % 2) if field.type == "bool" else self._number(field)

        return {
            field.json_name: (
                [value(field) for _ in range(self.random.randint(0, 3))] if field.repeated else value(field)
            )
            for field in self._fields(message)
        }

    def _text(self, field: Field) -> str:
        if field.name.endswith(("id", "ids")) and self.random.random() < 0.9:
            return self.random.choice([*self.ids, str(uuid.UUID(int=self.random.getrandbits(128), version=4))])
        return "".join(self.random.choices('ab \n"\\/Ω\u0000\u2028😀𠮷', k=self.random.randint(0, 20)))

    def _number(self, field: Field) -> int:
        return self.random.choice([0, 1, 1, 2, 2, 3, 9, 127, 128, 2**31 if field.type.startswith("uint") else 4])

    # ----------------------------------------------------------------------------------------- ill-formed

    def _hello(self, encoding: str) -> bytes:
        """A hello with an access token, of a device that it is not for; often a little broken."""
        device = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        if encoding == "protobuf":
            content = element(1, self.token.encode()) + element(2, element(1, device.encode()))
            payload = self._id(encoding) + element(3, content)
        else:
            hello = {"accessToken": self.token, "device": {"id": device}}
            payload = json.dumps({"id": FRAME_ID, "hello": hello}).encode()
        return self._mutated(payload) if self.random.random() < 0.7 else payload

    def _mutated(self, original: bytes) -> bytes:
        payload = bytearray(original)
        for _ in range(self.random.randint(1, 6)):
            place = self.random.randrange(len(payload) + 1)
            match self.random.randrange(4):
                case 0:
                    payload[place : place + 1] = [self.random.randrange(256)]
                case 1:
                    payload[place:place] = self.random.randbytes(self.random.randint(1, 9))
                case 2:
                    del payload[place : place + self.random.randint(1, 9)]
                case _:
                    end = place + self.random.randint(1, 40)
                    payload[place:place] = payload[place:end]
        return bytes(payload)

    def _count(self, limit: int, part: bytes) -> int:
        """How often a part fits, or less often."""
        most = max(1, limit // max(1, len(part)))
        return self.random.choice([most, most, most // 16, self.random.randint(0, most)])

    def _paths(self, message: str) -> Iterator[list[Field]]:
        """All paths; no message of the schema is within itself."""
        for field in self.schema[message]:
            yield [field]
            if field.type in self.schema:
                yield from ([field, *rest] for rest in self._paths(field.type))

    def _path(self) -> list[Field]:
        """Fields, each in the message of the one before."""
        path: list[Field] = []
        message = FRAME
        while message in self.schema and self.schema[message] and (not path or self.random.random() < 0.85):
            path.append(self.random.choice(self.schema[message]))
            message = path[-1].type
        return path

    def _wrap(self, path: list[Field], encoding: str, content: bytes) -> bytes:
        for field in reversed(path):
            if encoding == "protobuf":
                content = element(field.number, content)
            else:
                content = b'"%s":' % field.json_name.encode() + (b"[%s]" if field.repeated else b"%s") % content
                content = b"{%s}" % content
        return content

    def _part(self, path: list[Field], encoding: str) -> bytes:
        """The last field of a path, with next to nothing in it."""
        last = path[-1]
        if encoding == "protobuf":
            if last.type == "string" or last.type in self.schema:
                return element(last.number, self.random.choice([b"", b"", b"x"]))
            return varint(last.number << 3) + b"\x01"
        value = b"{}" if last.type in self.schema else b'""' if last.type == "string" else b"1"
        return b'"%s":%s' % (last.json_name.encode(), b"[%s]" % value if last.repeated else value)

    def _join(self, encoding: str, parts: list[bytes]) -> bytes:
        return b"".join(parts) if encoding == "protobuf" else b"{%s}" % b",".join(parts)

    def _repeated(self, encoding: str, limit: int) -> bytes:
        """One field again and again, somewhere in the frame."""
        path = self._path()
        part = self._part(path, encoding)
        repeated = self._join(encoding, [part] * self._count(limit - 64, part + b","))
        return self._id(encoding) + self._wrap(path[:-1], encoding, repeated)

    def _merged(self, encoding: str, limit: int) -> bytes:
        """A list, and then what holds it again and again."""
        path = self.random.choice(self._lists) if self.random.random() < 0.7 else self._path()
        if len(path) < 2:
            return self._repeated(encoding, limit)
        part = self._part(path, encoding)
        depth = self.random.randrange(1, len(path))
        wanted = self._join(encoding, [part] * self._count(limit // 2 - 64, part + b","))
        first = self._wrap(path[depth:-1], encoding, wanted)
        again = self._wrap(path[depth:-1], encoding, self._join(encoding, [part]))
        above = path[depth - 1]
        if encoding == "protobuf":
            one = element(above.number, again)
            pieces = [element(above.number, first)] + [one] * self._count(limit // 2 - 64, one)
        else:
            name = b'"%s":' % above.json_name.encode()
            pieces = [name + first] + [name + again] * self._count(limit // 2 - 64, name + again + b",")
        return self._id(encoding) + self._wrap(path[: depth - 1], encoding, self._join(encoding, pieces))

    def _id(self, encoding: str) -> bytes:
        return b"\x08" + varint(FRAME_ID) if encoding == "protobuf" else b""

    def _nested(self, encoding: str, limit: int) -> bytes:
        if encoding == "protobuf":
            part = self.random.choice([b"\x0b", b"\x9b\x3e", b"\x9b\x3e\x9c\x3e", b"\x52\x80\x80\x01", b"\xfa\x3f\x00"])
            return part * self._count(limit, part)
        start, end = self.random.choice(
            [(b"[", b"]"), (b'{"x":', b"}"), (b'[{"y":', b"}]"), (b"[[],", b"]"), (b"[", b"")]
        )
        count = self._count(limit - 40, start + end)
        return b'{"id":7,"x":' + start * count + b"1" + end * count + b"}"

    def _texts(self, encoding: str, limit: int) -> bytes:
        path = [field for field in self._path() if field.type in self.schema] or [self.schema[FRAME][2]]
        text = [field for field in self.schema[path[-1].type] if field.type == "string"]
        if not text:
            return self._noise(encoding)
        if encoding == "protobuf":
            part = self.random.choice(
                [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00", b"\xc2\xa0"]
            )
            content = element(text[0].number, part * self._count(limit - 64, part))
            return self._id(encoding) + self._wrap(path, encoding, content)
        escapes = [rb"\ud842\udfb7", rb"\ud842", rb"\udfb7", rb"\u0041", rb"\u", rb"\\", rb"\x", b'\\"']
        part = self.random.choice([*escapes, b"\x01", b" \t", "😀".encode()])
        content = b'{"%s":"%s"}' % (text[0].json_name.encode(), part * self._count(limit - 200, part))
        return self._wrap(path, encoding, content)

    def _long(self, encoding: str, limit: int) -> bytes:
        """Something long that the schema does not know."""
        if encoding == "protobuf":
            number = self.random.choice([5, 9, 63, 999, 2**29 - 1])
            return self._id(encoding) + element(number, bytes(self._count(limit - 64, b"x"))) + b"\x22\x00"
        part = self.random.choice([b"1", b"1e4,", b'"x":1,', b" ", b"0,", b"{},", b'"",', b"null,", b"-"])
        body = part * self._count(limit - 64, part)
        left, right = self.random.choice(
            [(b'{"id":7,"x":[', b"1]}"), (b'{"id":7,', b'"x":1}'), (b'{"id":7,"', b'":1}')]
        )
        return left + body + right

    def _noise(self, encoding: str) -> bytes:
        if encoding == "protobuf":
            return self.random.randbytes(self.random.randint(0, 200))
        return "".join(self.random.choices('{}[]":,\\u0123deE+-. truefalsnid', k=self.random.randint(0, 200))).encode()
