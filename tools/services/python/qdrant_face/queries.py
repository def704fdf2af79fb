"""Queries, from JSON to the engine's."""
import qdrant_edge as engine

from filters import as_list, to_filter
from refusals import invalid, not_found, not_here
from settings import given, variant
from values import point_id, point_ids, vector


def limit_of(body):
    limit = body.get("limit")
    if limit is not None and limit < 1:
        raise invalid(f"[limit: value {limit} invalid, must be 1 or larger]")
    return 10 if limit is None else limit


def payload_choice(choice):
    if isinstance(choice, dict):
        keys = choice.get("include")
        return engine.PayloadSelector.Exclude(choice["exclude"]) if keys is None else engine.PayloadSelector.Include(keys)
    return choice if isinstance(choice, list) else bool(choice)


def order(by):
    by = {"key": by} if isinstance(by, str) else by
    direction = by.get("direction")
    direction = None if direction is None else variant(engine.Direction, direction)
    return engine.OrderBy(by["key"], direction=direction, start_from=by.get("start_from"))


def search_params(params):
    if params is None:
        return None
    quantization = params.get("quantization")
    return engine.SearchParams(
        hnsw_ef=params.get("hnsw_ef"),
        exact=bool(params.get("exact")),
        indexed_only=bool(params.get("indexed_only")),
        quantization=None if quantization is None else engine.QuantizationSearchParams(**given(quantization)),
    )


class Stage:
    """A query or a prefetch on a shard; `used` are the ids whose vectors it asks with, which it does not find then."""

    def __init__(self, shard, body):
        self.shard, self.body, self.used = shard, body, []

    def _vector(self, value):
        if isinstance(value, (list, dict)):
            return vector(value)
        using = self.body.get("using")
        found = self.shard.retrieve([point_id(value)], False, [using] if using else True)
        if not found:
            raise not_found(f"No point with id {value} found")
        self.used.append(point_id(value))
        stored = found[0].vector
        return stored[using or ""] if isinstance(stored, dict) else stored

    def _scoring(self):
        query, using = self.body.get("query"), self.body.get("using")
        if query is None:
            return None
        if not isinstance(query, dict) or "indices" in query:
            return engine.Query.Nearest(self._vector(query), using)
        if "nearest" in query and not query.get("mmr"):
            return engine.Query.Nearest(self._vector(query["nearest"]), using)
        if query.get("fusion") == "dbsf":
            return engine.Fusion.Dbsf()
        if query.get("fusion") == "rrf" or "rrf" in query:
            rrf = query.get("rrf") or {}
            return engine.Fusion.Rrf(rrf.get("k") or 2, rrf.get("weights"))
        if "order_by" in query:
            return order(query["order_by"])
        if "sample" in query:
            return engine.Sample.Random
        raise not_here(f"queries by {', '.join(query)}")

    def _filter(self):
        wanted = to_filter(self.body.get("filter"))
        if not self.used:
            return wanted
        unwanted = engine.HasIdCondition(set(point_ids(self.used)))
        return engine.Filter(must=None if wanted is None else [wanted], must_not=[unwanted])

    def parts(self, more=0):
        """What the engine's queries and prefetches have in common; `more` is how many hits beyond the limit are needed."""
        scoring = self._scoring()
        return {
            "limit": limit_of(self.body) + more,
            "query": scoring,
            "prefetches": [
                engine.Prefetch(**Stage(self.shard, each).parts()) for each in as_list(self.body.get("prefetch"))
            ],
            "filter": self._filter(),
            "score_threshold": self.body.get("score_threshold"),
            "params": search_params(self.body.get("params")),
        }


def as_query(search):
    """A search of the older kind as a query."""
    asked = search["vector"]
    named = isinstance(asked, dict) and "name" in asked
    body = {name: value for name, value in search.items() if name != "vector"}
    return body | {"query": asked["vector"], "using": asked["name"]} if named else body | {"query": asked}
