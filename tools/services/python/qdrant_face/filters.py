"""Filters, from JSON to the engine's."""
import qdrant_edge as engine

from refusals import invalid, malformed, not_here
from values import Boolean, is_whole, point_ids

# The newer engine matches more.
_texts = {
    name: getattr(engine, kind)
    for name, kind in (
        ("text", "MatchText"),
        ("text_any", "MatchTextAny"),
        ("phrase", "MatchPhrase"),
        ("prefix", "MatchPrefix"),
        ("substring", "MatchSubstring"),
    )
    if hasattr(engine, kind)
}

_GEO = {"geo_radius", "geo_bounding_box", "geo_polygon"}
_CLAUSES = ("must", "should", "must_not")


def as_list(value):
    """What may be given alone or in a list."""
    return [] if value is None else value if isinstance(value, list) else [value]


def _match(match):
    if isinstance(match, dict) and len(match) == 1:
        ((kind, value),) = match.items()
        if kind == "value" and isinstance(value, bool):
            return engine.MatchValue(Boolean(value))
        if kind == "value" and (is_whole(value) or isinstance(value, str)):
            return engine.MatchValue(value)
        if kind in _texts and isinstance(value, str):
            return _texts[kind](value)
        # Of one kind, and neither booleans nor fractions.
        if kind in ("any", "except") and isinstance(value, list) and set(map(type, value)) in (set(), {int}, {str}):
            return (engine.MatchAny if kind == "any" else engine.MatchExcept)(value)
    raise malformed("data did not match any variant of untagged enum Match")


def _range(bounds):
    given = {name: bounds[name] for name in ("gt", "gte", "lt", "lte") if bounds.get(name) is not None}
    kinds = set(map(type, given.values()))
    if kinds <= {int, float}:
        return engine.RangeFloat(**given)
    if kinds == {str}:
        return engine.RangeDateTime(**given)
    raise malformed("data did not match any variant of untagged enum RangeInterface")


_checks = {
    "match": _match,
    "range": _range,
    "is_empty": bool,
    "is_null": bool,
    "values_count": lambda counts: engine.ValuesCount(**counts),
}


def _field(condition):
    if _GEO & set(condition):
        raise not_here("conditions on places")
    given = {name: check(condition[name]) for name, check in _checks.items() if condition.get(name) is not None}
    if not given:
        raise invalid("At least one field condition must be specified")
    return engine.FieldCondition(condition["key"], **given)


def _condition(condition):
    if not isinstance(condition, dict):
        raise malformed("data did not match any variant of untagged enum Condition")
    if "key" in condition:
        return _field(condition)
    if "is_empty" in condition:
        return engine.IsEmptyCondition(condition["is_empty"]["key"])
    if "is_null" in condition:
        return engine.IsNullCondition(condition["is_null"]["key"])
    if "has_id" in condition:
        return engine.HasIdCondition(set(point_ids(condition["has_id"])))
    if "has_vector" in condition:
        return engine.HasVectorCondition(condition["has_vector"])
    if "nested" in condition:
        nested = condition["nested"]
        return engine.NestedCondition(nested["key"], to_filter(nested["filter"]))
    return to_filter(condition)


def to_filter(given):
    if given is None:
        return None
    if not isinstance(given, dict) or set(given) - {*_CLAUSES, "min_should"}:
        raise malformed("data did not match any variant of untagged enum Condition")
    # A clause that is missing and one that is empty are two things to the engine.
    clauses = {
        name: [_condition(each) for each in as_list(given[name])] for name in _CLAUSES if given.get(name) is not None
    }
    least = given.get("min_should")
    if least is not None:
        conditions = [_condition(each) for each in least["conditions"]]
        clauses["min_should"] = engine.MinShould(conditions, least["min_count"])
    return engine.Filter(**clauses)


def conditions_of(given, prefix=""):
    """All conditions that are not filters themselves, with the path below which their keys lie."""
    if given is None:
        return
    least = given.get("min_should") or {}
    for clause in [*(given.get(name) for name in _CLAUSES), least.get("conditions")]:
        for condition in as_list(clause):
            if "nested" in condition:
                nested = condition["nested"]
                below = nested["key"] if nested["key"].endswith("[]") else f"{nested['key']}[]"
                yield from conditions_of(nested["filter"], f"{prefix}{below}.")
            elif set(condition) <= {*_CLAUSES, "min_should"}:
                yield from conditions_of(condition, prefix)
            else:
                yield prefix, condition
