"""Strict mode. The engine knows nothing of it: these checks are the face's own, with the server's rules and texts.

Checked is what can be seen in a request: limits, sizes and conditions of filters, indexes that they need, exactness, rates.
Not checked are sizes of what is stored, memory and disk.
"""
import threading
import time
import uuid

from filters import as_list, conditions_of
from refusals import Refused, bad_request
from settings import given, index_kind

MINUTE = 60

_ALL_KINDS = ("bool", "datetime", "float", "geo", "integer", "keyword", "text", "uuid")


def _refuse(what, help_):
    raise bad_request(f"{what}. Help: {help_}")


def _at_most(value, limit, name):
    if limit is not None and value is not None and value > limit:
        _refuse(f'Limit exceeded {value} > {limit} for "{name}"', f'Reduce the "{name}" parameter to or below {limit}.')


def _is_uuid(value):
    try:
        return bool(uuid.UUID(value))
    except ValueError:
        return False


def _kinds_for_values(values):
    if not values:
        return ()
    if all(isinstance(value, bool) for value in values):
        return ("bool",)
    if all(isinstance(value, str) for value in values):
        return ("keyword", "uuid") if all(map(_is_uuid, values)) else ("keyword",)
    return ("integer",)


def _kinds_for(condition):
    """The kinds of index of which one serves the condition; none for what is always so."""
    match, bounds = given(condition.get("match")), given(condition.get("range"))
    if "value" in match:
        return _kinds_for_values([match["value"]])
    if match:
        ((how, values),) = match.items()
        if how in ("any", "except"):
            return _kinds_for_values(values)
        return ("keyword",) if how in ("prefix", "substring") else ("text",)
    if bounds:
        return ("datetime",) if any(isinstance(bound, str) for bound in bounds.values()) else ("float", "integer")
    return _ALL_KINDS


def _serves(schema, kind, condition):
    if index_kind(schema) != kind:
        return False
    options = schema if isinstance(schema, dict) else {}
    if kind == "integer":
        # An integer index may be made for one of the two alone.
        return options.get("range" if condition.get("range") else "lookup") is not False
    if kind == "text" and "phrase" in (condition.get("match") or {}):
        return options.get("phrase_matching") is True
    return True


def _size(condition):
    match = condition.get("match") or {}
    return max((len(each) for each in (match.get("any"), match.get("except"), condition.get("has_id")) if each), default=1)


class StrictMode:
    """What a collection's `strict_mode_config` lets through; nothing is refused where it is not enabled."""

    def __init__(self, settings, indexes):
        config = given(settings.get("strict_mode_config"))
        self.config = config if config.get("enabled") else {}
        self.indexes = indexes

    def timeout(self, seconds):
        _at_most(seconds, self.config.get("max_timeout"), "timeout")

    def _limit(self, limit):
        _at_most(limit, self.config.get("max_query_limit"), "limit")

    def _filter(self, given_filter, unindexed):
        conditions = list(conditions_of(given_filter))
        most = self.config.get("filter_max_conditions")
        if most is not None and len(conditions) > most:
            _refuse(
                f"Filter condition limit reached ({len(conditions)} > {most})",
                "Reduce the amount of conditions of your filter.",
            )
        most = self.config.get("condition_max_size")
        largest = max((_size(condition) for _, condition in conditions), default=0)
        if most is not None and largest > most:
            _refuse(f"Condition size limit reached ({largest} > {most})", "Reduce the size of your condition.")
        if self.config.get(unindexed) is False:
            for prefix, condition in conditions:
                self._indexed(prefix, condition)

    def _indexed(self, prefix, condition):
        key = condition.get("key") or ((condition.get("is_empty") or condition.get("is_null") or {}).get("key"))
        if key is None:
            return
        kinds = _kinds_for(condition)
        schema = self.indexes.get(prefix + key)
        if kinds and not any(_serves(schema, kind, condition) for kind in kinds):
            _refuse(
                f'Index required but not found for "{prefix}{key}" of one of the following types: [{", ".join(kinds)}]',
                "Create an index for this key or use a different filter.",
            )

    def _exact(self, exact):
        if exact and self.config.get("search_allow_exact") is False:
            _refuse("Exact search disabled!", "Set exact=false.")

    def read(self, body, limit=None, exact=None):
        """A read that has a filter: scroll, count, facet, and each stage of a query."""
        if not self.config:
            return
        self._limit(limit)
        self._filter(body.get("filter"), "unindexed_filtering_retrieve")
        self._exact(exact)

    def query(self, body):
        if not self.config:
            return
        for stage in as_list(body.get("prefetch")):
            self.query(stage)
        params = given(body.get("params"))
        self.read(body, limit=10 if body.get("limit") is None else body["limit"], exact=params.get("exact"))
        quantization = given(params.get("quantization"))
        _at_most(quantization.get("oversampling"), self.config.get("search_max_oversampling"), "oversampling")
        _at_most(params.get("hnsw_ef"), self.config.get("search_max_hnsw_ef"), "hnsw_ef")

    def searches(self, count):
        _at_most(count, self.config.get("search_max_batchsize"), "search batch size")

    def upsert(self, count):
        _at_most(count, self.config.get("upsert_max_batchsize"), "upsert limit")

    def write(self, body):
        self._filter(body.get("filter"), "unindexed_filtering_update")

    def index(self):
        most = self.config.get("max_payload_index_count")
        if most is not None and len(self.indexes) >= most:
            _refuse(
                f"Collection already has the maximum number of payload indices ({most})",
                "Please delete an existing index before creating a new one.",
            )


class Rates:
    """How many reads and writes were let through lately: `read_rate_limit` and `write_rate_limit`, each for a minute."""

    def __init__(self):
        self.lock, self.left = threading.Lock(), {}

    def take(self, kind, per_minute):
        if per_minute is None:
            return
        with self.lock:
            now = time.monotonic()
            left, since, limit = self.left.get(kind, (per_minute, now, per_minute))
            left = min(per_minute, left + (now - since) * per_minute / MINUTE) if limit == per_minute else per_minute
            allowed = left >= 1
            self.left[kind] = (left - 1 if allowed else left, now, per_minute)
        if not allowed:
            seconds = int((1 - left) * MINUTE / per_minute) + 1
            text = f"Rate limiting exceeded: {kind} rate limit exceeded, retry later"
            raise Refused(429, text, (("Retry-After", str(seconds)),))
