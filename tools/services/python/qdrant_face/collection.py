"""One collection: a shard of the engine, its settings, and the requests that it answers."""
import itertools
import json
import os
import threading

import qdrant_edge as engine

from filters import to_filter
from queries import Stage, as_query, limit_of, order, payload_choice
from refusals import bad_request, invalid, malformed, not_found, wrong_input
from settings import changed, dense_vectors, described, engine_index, engine_settings, index_kind
from strict_mode import Rates, StrictMode
from values import payload, plain_id, plain_point, point_id, point_ids, vector

# The newer engine reads its log again when it starts; the older one has lost what was not flushed when it was killed.
READS_ITS_LOG = hasattr(engine.EdgeConfig, "wal_enabled")

_MODES = {
    "upsert": engine.UpdateMode.Upsert,
    "insert_only": engine.UpdateMode.InsertOnly,
    "update_only": engine.UpdateMode.UpdateOnly,
}


def _points(body):
    """The points of an upsert in either form, as (id, vector, payload)."""
    if "batch" not in body:
        return [(point["id"], point["vector"], point.get("payload")) for point in body["points"]]
    batch = body["batch"]
    ids, vectors, payloads = batch["ids"], batch["vectors"], batch.get("payloads")
    if isinstance(vectors, dict):
        vectors = [dict(zip(vectors, row)) for row in zip(*vectors.values())]
    payloads = [None] * len(ids) if payloads is None else payloads
    if not len(ids) == len(vectors) == len(payloads):
        raise invalid(f"batch: {len(ids)} ids, {len(vectors)} vectors and {len(payloads)} payloads")
    return list(zip(ids, vectors, payloads))


class Collection:
    def __init__(self, folder, durable, name=None, settings=None):
        """Makes it with these settings; without them it is there already."""
        self.folder, self.durable = folder, durable
        # The engine's calls of one collection are made one after another.
        self.lock, self.flushing = threading.RLock(), threading.Lock()
        self.written = self.flushed = 0
        self.operations, self.rates, self.gone = itertools.count(), Rates(), False
        shard = os.path.join(folder, "shard")
        if settings is None:
            with open(self._note(), encoding="utf-8") as note:
                kept = json.load(note)
            self.name, self.settings, self.indexes = kept["name"], kept["settings"], kept["indexes"]
            self.shard = engine.EdgeShard.load(shard)
        else:
            config = engine_settings(settings)
            self.name, self.settings, self.indexes = name, settings, {}
            os.makedirs(shard)
            self.shard = engine.EdgeShard.create(shard, config)
            self._save()
        self._check()

    def _check(self):
        self.strict = StrictMode(self.settings, self.indexes)
        self.sizes = {name: each["size"] for name, each in dense_vectors(self.settings).items()}

    def _note(self):
        return os.path.join(self.folder, "collection.json")

    def _save(self):
        fresh = f"{self._note()}.new"
        with open(fresh, "w", encoding="utf-8") as note:
            json.dump({"name": self.name, "settings": self.settings, "indexes": self.indexes}, note)
        os.replace(fresh, self._note())

    def close(self):
        with self.lock:
            self.gone = True
            self.shard.close()

    def _open(self):
        if self.gone:
            raise not_found(f"Collection `{self.name}` doesn't exist!")
        return self.shard

    # Settings

    def info(self, _body):
        with self.lock:
            info = self._open().info()
            config, indexes = described(self.settings), dict(self.indexes)
        fields = {}
        for name, schema in indexes.items():
            counted = info.payload_schema.get(name)
            fields[name] = {"data_type": index_kind(schema), "points": 0 if counted is None else counted.points}
            if isinstance(schema, dict):
                fields[name]["params"] = schema
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": info.indexed_vectors_count,
            "points_count": info.points_count,
            "segments_count": info.segments_count,
            "config": config,
            "payload_schema": fields,
        }

    def change(self, body):
        """New settings. The optimizers run at once, and never by themselves: an index of vectors is built here or not at all."""
        with self.lock:
            self._open()
            settings = changed(self.settings, body)
            if {"hnsw_config", "optimizers_config", "quantization_config", "vectors", "params"} & set(body):
                config = engine_settings(settings)
                self.shard.close()
                self.shard = engine.EdgeShard.load(os.path.join(self.folder, "shard"), config)
                self.shard.optimize()
                self.shard.flush()
            self.settings = settings
            self._save()
            self._check()
        return True

    def create_index(self, body):
        schema = body.get("field_schema") or body.get("field_type")
        made = engine_index(schema)
        with self.lock:
            self.strict.index()
            done = self._write(engine.UpdateOperation.create_field_index(body["field_name"], made))
            self.indexes[body["field_name"]] = schema
            self._save()
        return done

    def delete_index(self, field):
        with self.lock:
            done = self._write(engine.UpdateOperation.delete_field_index(field))
            self.indexes.pop(field, None)
            self._save()
        return done

    # Writes

    def _write(self, operation):
        with self.lock:
            self._open().update(operation)
            self.written += 1
            mine = self.written
        if self.durable and not READS_ITS_LOG:
            self._flush(mine)
        return {"operation_id": next(self.operations), "status": "completed"}

    def _flush(self, mine):
        """One flush is enough for all that were written while another one ran."""
        with self.flushing:
            if self.flushed >= mine:
                return
            with self.lock:
                written = self.written
                self._open().flush()
            self.flushed = written

    def _check_vectors(self, named):
        """The engine applies a batch point by point; the server refuses all of it when one vector does not fit."""
        for name, each in named.items():
            if isinstance(each, engine.SparseVector):
                if name not in (self.settings.get("sparse_vectors") or {}):
                    raise wrong_input(f"Not existing vector name error: {name}")
                continue
            if name not in self.sizes:
                raise wrong_input(f"Not existing vector name error: {name}")
            if len(each) != self.sizes[name]:
                raise wrong_input(f"Vector dimension error: expected dim: {self.sizes[name]}, got {len(each)}")

    def _upsert(self, body):
        given = _points(body)
        if not given:
            raise bad_request("Empty update request")
        self.strict.upsert(len(given))
        points = []
        for id_, value, data in given:
            made = vector(value)
            self._check_vectors(made if isinstance(made, dict) else {"": made})
            points.append(engine.Point(point_id(id_), made, payload(data)))
        mode = body.get("update_mode")
        if mode is not None and mode not in _MODES:
            raise malformed(f"unknown variant `{mode}`")
        condition = to_filter(body.get("update_filter"))
        return engine.UpdateOperation.upsert_points(points, condition, mode and _MODES[mode])

    def _selected(self, body, name, *args, **named):
        """An operation on the points that are named by their ids, or by a filter."""
        if body.get("points") is not None:
            return getattr(engine.UpdateOperation, name)(point_ids(body["points"]), *args, **named)
        if body.get("filter") is None:
            raise malformed("a list of point ids or a filter must be provided")
        self.strict.write(body)
        return getattr(engine.UpdateOperation, f"{name}_by_filter")(to_filter(body["filter"]), *args, **named)

    def _operation(self, kind, body):
        if kind == "upsert":
            return self._upsert(body)
        if kind == "delete":
            return self._selected(body, "delete_points")
        if kind in ("set_payload", "overwrite_payload"):
            return self._selected(body, kind, payload(body["payload"]), key=body.get("key"))
        if kind == "delete_payload":
            return self._selected(body, kind, body["keys"])
        if kind == "clear_payload":
            return self._selected(body, kind)
        raise malformed(f"unknown variant `{kind}`")

    def update(self, kind, body):
        self.rates.take("Write", self.strict.config.get("write_rate_limit"))
        return self._write(self._operation(kind, body))

    def updates(self, body):
        return [self.update(*next(iter(each.items()))) for each in body["operations"]]

    # Reads

    def _read(self):
        self.rates.take("Read", self.strict.config.get("read_rate_limit"))

    def retrieve(self, body):
        self._read()
        ids = point_ids(body["ids"])
        wanted = payload_choice(body.get("with_payload", True)), body.get("with_vector") or False
        with self.lock:
            found = self._open().retrieve(ids, *wanted)
        return [plain_point(point) for point in found]

    def scroll(self, body):
        self._read()
        offset, limit, by = body.get("offset"), limit_of(body), body.get("order_by")
        if by is not None and offset is not None:
            raise bad_request("Cannot use an `offset` when using `order_by`.")
        self.strict.read(body, limit=limit)
        request = engine.ScrollRequest(
            offset=None if offset is None else point_id(offset),
            limit=limit,
            filter=to_filter(body.get("filter")),
            with_payload=payload_choice(body.get("with_payload", True)),
            with_vector=body.get("with_vector") or False,
            order_by=None if by is None else order(by),
        )
        with self.lock:
            found, following = self._open().scroll(request)
        return {"points": [plain_point(point) for point in found], "next_page_offset": plain_id(following)}

    def count(self, body):
        self._read()
        exact = body.get("exact", True)
        self.strict.read(body, exact=exact)
        request = engine.CountRequest(exact=exact, filter=to_filter(body.get("filter")))
        with self.lock:
            return {"count": self._open().count(request)}

    def facet(self, body):
        self._read()
        exact, limit = body.get("exact") or False, limit_of(body)
        self.strict.read(body, limit=limit, exact=exact)
        request = engine.FacetRequest(key=body["key"], limit=limit, exact=exact, filter=to_filter(body.get("filter")))
        with self.lock:
            hits = self._open().facet(request).hits
        return {"hits": [{"value": hit.value, "count": hit.count} for hit in hits]}

    def _hits(self, body):
        self._read()
        self.strict.query(body)
        offset, vectors = body.get("offset") or 0, body.get("with_vector") or False
        with self.lock:
            # The older engine does not heed an offset.
            parts = Stage(self._open(), body).parts(more=offset)
            chosen = payload_choice(body.get("with_payload"))
            found = self.shard.query(engine.QueryRequest(with_vector=vectors, with_payload=chosen, **parts))
        return [plain_point(point) for point in found[offset:]]

    def query(self, body):
        return {"points": self._hits(body)}

    def queries(self, body):
        self.strict.searches(len(body["searches"]))
        return [self.query(each) for each in body["searches"]]

    def search(self, body):
        return self._hits(as_query(body))

    def searches(self, body):
        self.strict.searches(len(body["searches"]))
        return [self.search(each) for each in body["searches"]]
