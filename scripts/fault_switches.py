"""Plants faults in Swift code as switches, so that one build holds them all.

A fault is a text that stands in its file exactly once, and another one for its place. The function or computed property
around the place gets the faulty body beside its own, as a function within itself:

    func f(x: Int) -> Int {              func f(x: Int) -> Int {
        x + 1                                if plantedFault == 7 {
    }                                            func planted() -> Int {
                                                     x - 1
                                                 }
                                                 return planted()
                                             }
                                             func original() -> Int {
                                                 x + 1
                                             }
                                             return original()
                                         }

The initial value of a stored property, such as the text of a statement, becomes a choice between values:

    static let x = 1                     static let x = plantedFault == 8 ? (2) : (1)

`plantedFault` comes from the environment. A fault that lies anywhere else (an initializer, a type) can't be a switch,
and needs a build of its own.
"""

import re
from dataclasses import dataclass

VARIABLE = "PLANTED_FAULT"

# What is neither code nor whitespace: comments and strings, as far as interpolations with strings in them go.
OPAQUE = re.compile(
    r'//[^\n]*|/\*.*?\*/|#"(?:.*?)"#|"""(?:\\.|[^\\])*?"""|"(?:\\\((?:[^()"]|\([^()]*\)|"[^"\n]*")*\)|\\.|[^"\\\n])*"',
    re.DOTALL,
)
KEYWORD = re.compile(r"(?<![.\w`])(struct|class|enum|actor|extension|protocol|func|init|deinit|subscript|var|let)\b")
TYPES = {"struct", "class", "enum", "actor", "extension", "protocol"}


class MisfitError(Exception):
    """The text of a fault does not stand in its file exactly once."""


@dataclass
class Body:
    """What stands between the braces of a function or a computed property."""

    start: int
    end: int
    effects: str
    result: str


def replaced(source: str, fault: dict[str, str]) -> tuple[str, int, int]:
    """The source with the fault in it, and from where to where of the original it differs."""
    old, new = fault["find"].removeprefix("\n"), fault["replace"].removeprefix("\n")
    if (times := source.count(old)) != 1:
        raise MisfitError(f"its text stands {times} times in {fault['file']}")
    start = source.index(old)
    end = start + len(old)
    whole = source[:start] + new + source[end:]
    shorter = min(len(old), len(new))
    before = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    shorter -= before
    after = next((i for i in range(shorter) if old[-1 - i] != new[-1 - i]), shorter)
    return whole, start + before, end - after


@dataclass
class Value:
    """What a stored property is made with."""

    start: int
    end: int


def bodies(source: str) -> tuple[list[Body], list[Value]]:
    """The bodies of all functions and computed properties that are members of types or stand by themselves, and the
    initial values of stored properties."""
    code = OPAQUE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    found: list[Body] = []
    values: list[Value] = []
    # Of each: whether a type begins with it, how deep in parentheses it stands, and of a member its place and header.
    open_braces: list[tuple[bool, int, tuple[int, str] | None]] = []
    depth = sibling_end = 0
    for match in re.finditer(r"[(){}\[\]]|(?<=\s)=(?=\s)", code):
        mark, place = match[0], match.start()
        if mark in "([":
            depth += 1
        elif mark in ")]":
            depth -= 1
        elif mark == "{":
            # Within types and nothing else; braces in parentheses are closures.
            is_member = depth == 0 and all(is_type for is_type, _, _ in open_braces)
            keyword = last_keyword(code[sibling_end:place]) if is_member else None
            open_braces.append((keyword in TYPES, depth, (place, code[sibling_end:place]) if is_member else None))
            depth, sibling_end = 0, place + 1
        elif mark == "=":
            is_member = depth == 0 and all(is_type for is_type, _, _ in open_braces)
            if is_member and last_keyword(code[sibling_end:place]) in {"let", "var"}:
                values.append(Value(place + 1, end_of_value(source, place + 1)))
        elif mark == "}" and open_braces:
            is_type, depth, member = open_braces.pop()
            sibling_end = place + 1
            if member and not is_type and (body := as_body(code, *member, place)):
                found.append(body)
    return found, values


def end_of_value(source: str, start: int) -> int:
    """Where the expression that begins there ends: at the end of a line, outside of all brackets and strings."""
    code = OPAQUE.sub(lambda match: re.sub(r"[^\n]" if match[0][0] == "/" else r"(?s).", "_", match[0]), source[start:])
    depth, is_begun = 0, False
    for place, mark in enumerate(code):
        depth += (mark in "([{") - (mark in ")]}")
        if depth < 0:
            return start + place
        if mark == "\n" and depth == 0 and is_begun and not re.match(r"\s*[.+?:]", code[place:]):
            return start + place
        is_begun = is_begun or not mark.isspace()
    return len(source)


def without_groups(text: str) -> str:
    """The text without what stands in parentheses and brackets, each character of it a space."""
    while (shorter := re.sub(r"[(\[][^()\[\]]*[)\]]", lambda match: " " * len(match[0]), text)) != text:
        text = shorter
    return text


def last_keyword(header: str) -> str | None:
    found = KEYWORD.findall(without_groups(header))
    return found[-1] if found else None


def as_body(code: str, brace: int, header: str, end: int) -> Body | None:
    """The body that begins with this brace, when it is one that can be planted in."""
    flat = without_groups(header)
    keywords = list(KEYWORD.finditer(flat))
    if not keywords:
        return None
    start = keywords[-1].end()
    match keywords[-1][1]:
        case "func":
            # Of arrows and effects, only those after the parameters are left in the flat text.
            arrow = flat.find("->", start)
            result = re.split(r"\bwhere\b", header[arrow + 2 :])[0] if arrow >= 0 else "Void"
            until = arrow if arrow >= 0 else len(flat)
            first = re.search(r"\b(async|throws|rethrows|where)\b", flat[start:until])
            effects = re.split(r"\bwhere\b", header[start + first.start() : until])[0] if first else ""
        case "var":
            if "=" in flat[start:] or re.match(r"\s*(get|set|willSet|didSet|_read|_modify)\b", code[brace + 1 : end]):
                return None
            effects, result = "", header[start:].partition(":")[2]
        case _:
            return None
    if re.search(r"\bsome\b", result) or "rethrows" in effects:
        return None
    return Body(brace + 1, end, " ".join(effects.split()), " ".join(result.split()))


def inner(name: str, body: Body, text: str) -> str:
    """A function within the body that does what the text says, and what it gives."""
    call = ("try " if "throws" in body.effects else "") + ("await " if "async" in body.effects else "")
    return f"func {name}() {body.effects} -> {body.result} {{{text}}}\nreturn {call}{name}()\n"


def switch(number: int, body: Body, faulty: str) -> str:
    """The code that does what the fault wants when it is on. The compiler names the fault in its errors."""
    return f"""
#sourceLocation(file: "fault-{number}", line: 1)
if plantedFault == {number} {{
{inner("planted", body, faulty)}}}
#sourceLocation()
"""


def choice(number: int, faulty: str) -> str:
    """The beginning of an expression that is the faulty one when the fault is on."""
    return f" plantedFault == {number} ? ({faulty}) : "


def with_switches(source: str, faults: dict[int, dict[str, str]]) -> tuple[str, set[int]]:
    """The source with those of its faults that can be switches, and the numbers of these."""
    functions, values = bodies(source)
    places: list[Body | Value] = [*functions, *values]
    switches: dict[int, str] = {}
    planted = set()
    for number, fault in faults.items():
        whole, start, end = replaced(source, fault)
        place = next((place for place in places if place.start <= start and end <= place.end), None)
        if place:
            faulty = whole[place.start : len(whole) - (len(source) - place.end)]
            added = switch(number, place, faulty) if isinstance(place, Body) else choice(number, faulty)
            switches[place.start] = switches.get(place.start, "") + added
            planted.add(number)
    for place in sorted(places, key=lambda place: place.start, reverse=True):
        if place.start in switches:
            text = source[place.start : place.end]
            original = inner("original", place, text) if isinstance(place, Body) else f"({text})"
            source = source[: place.start] + switches[place.start] + original + source[place.end :]
    if planted:
        source += f"""
import func Glibc.getenv
private let plantedFault = unsafe getenv("{VARIABLE}").flatMap {{ unsafe Int(String(cString: $0)) }} ?? 0
"""
    return source, planted


def guilty(errors: str) -> set[int]:
    """The numbers of the faults that the compiler's errors lie in."""
    return {int(number) for number in re.findall(r"fault-(\d+):\d+(?::\d+)?: error:", errors)}
