"""JSON values to what the engine's binding takes, and back."""
import json
import math
import struct
import uuid
from array import array

import qdrant_edge as engine

from refusals import malformed

WHOLE = 2**64


def _whole(text):
    number = int(text) if len(text) < 21 else float(text)
    # What does not fit into 64 bits is a float, as the server reads it.
    return number if -(2**63) <= number < WHOLE else float(text)


def _no_constant(name):
    raise malformed(f"{name} is no JSON")


_decoder = json.JSONDecoder(parse_int=_whole, parse_constant=_no_constant)


def read_json(raw):
    try:
        return _decoder.decode(raw.decode())
    except ValueError as error:
        raise malformed(error) from None


def write_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Boolean:
    """The binding takes Python's True for the number 1, and an object of this description for the boolean."""

    __module__ = "numpy"

    def __init__(self, value):
        self.value = value

    def __bool__(self):
        return self.value


Boolean.__name__ = Boolean.__qualname__ = "bool_"


def is_whole(value):
    return type(value) is int


def point_id(value):
    if is_whole(value) and 0 <= value < WHOLE:
        return value
    if isinstance(value, str):
        try:
            return str(uuid.UUID(value))
        except ValueError:
            pass
    told = value if isinstance(value, str) else json.dumps(value)
    raise malformed(f"value {told} is not a valid point ID, valid values are either an unsigned integer or a UUID")


def point_ids(values):
    return [point_id(value) for value in values]


def payload(value):
    if value is not None and not isinstance(value, dict):
        raise malformed("a payload is an object")
    return value


def _numbers(values):
    if not set(map(type, values)) <= {float, int}:
        raise malformed("a vector holds numbers")
    return values


def vector(value):
    """A dense vector, a sparse one, or several by their names."""
    if isinstance(value, list):
        return _numbers(value)
    if isinstance(value, dict) and set(value) == {"indices", "values"}:
        return engine.SparseVector(value["indices"], _numbers(value["values"]))
    if isinstance(value, dict):
        return {name: vector(each) for name, each in value.items()}
    raise malformed("a vector is a list or an object")


def _short(number):
    for digits in (6, 7, 8, 9):
        rounded = float(f"{number:.{digits}g}")
        if struct.pack("f", rounded) == struct.pack("f", number):
            break
    return rounded


def short(number):
    """The server prints the shortest decimal that is the same 32-bit number; what is none is null."""
    return _short(number) if math.isfinite(number) else None


def _rounded(values, form):
    """The same numbers in another form; none where one of them is then another 32-bit number."""
    rounded = list(map(float, (form * len(values) % tuple(values)).split()))
    return rounded if array("f", rounded) == array("f", values) else None


def _floats(values):
    """The same for a whole vector, without a round for each number: in six digits where those do for all, else in nine."""
    if not math.isfinite(sum(values)):
        return [short(value) for value in values]
    few = "%.6g "
    return (_rounded(values[:4], few) and _rounded(values, few)) or _rounded(values, "%.9g ") or values


def plain_vector(value):
    if isinstance(value, engine.SparseVector):
        return {"indices": list(value.indices), "values": _floats(value.values)}
    if isinstance(value, dict):
        return {name: plain_vector(each) for name, each in value.items()}
    return _floats(value)


def plain_id(value):
    return value if value is None or isinstance(value, int) else str(value)


def plain_point(point):
    """A record or, with its score, a hit."""
    answer = {"id": plain_id(point.id)}
    if isinstance(point, engine.ScoredPoint):
        answer |= {"version": point.version, "score": short(point.score)}
    if point.payload is not None:
        answer["payload"] = point.payload
    if point.vector is not None:
        answer["vector"] = plain_vector(point.vector)
    if point.order_value is not None:
        answer["order_value"] = point.order_value
    return answer
