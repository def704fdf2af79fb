"""Settings of a collection and of its payload indexes, from JSON to the engine's, and as the server tells them."""
import qdrant_edge as engine

from refusals import invalid, malformed, wrong_input

HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0, "on_disk": False}
OPTIMIZERS = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
}
WRITE_AHEAD = {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1}
DIMENSIONS = 65536

_INDEX_KINDS = {
    "keyword": "Keyword",
    "integer": "Integer",
    "float": "Float",
    "bool": "Bool",
    "datetime": "Datetime",
    "uuid": "Uuid",
    "text": "Text",
}


def given(settings):
    """Without what is null."""
    return {name: value for name, value in (settings or {}).items() if value is not None}


def variant(enum, name):
    """`one_and_half_bits` is the engine's `OneAndHalfBits`."""
    found = getattr(enum, "".join(part[:1].upper() + part[1:] for part in str(name).split("_")), None)
    if found is None:
        raise malformed(f"unknown variant `{name}`")
    return found


def _hnsw(settings):
    return engine.HnswIndexConfig(**(HNSW | given(settings)))


_quantizations = {
    "scalar": (engine.ScalarQuantizationConfig, {"type": engine.ScalarType}),
    "product": (engine.ProductQuantizationConfig, {"compression": engine.CompressionRatio}),
    "binary": (
        engine.BinaryQuantizationConfig,
        {"encoding": engine.BinaryQuantizationEncoding, "query_encoding": engine.BinaryQuantizationQueryEncoding},
    ),
    "turbo": (engine.TurboQuantQuantizationConfig, {"bits": engine.TurboQuantBitSize}),
}


def _quantization(settings):
    if settings is None or settings == "Disabled":
        return None
    if not isinstance(settings, dict) or len(settings) != 1 or not set(settings) <= set(_quantizations):
        raise malformed("data did not match any variant of untagged enum QuantizationConfig")
    ((kind, options),) = settings.items()
    make, enums = _quantizations[kind]
    return make(**{name: variant(enums[name], each) if name in enums else each for name, each in given(options).items()})


def _dense(settings):
    if not isinstance(settings, dict) or not {"size", "distance"} <= set(settings):
        raise malformed("vectors: data did not match any variant of untagged enum VectorsConfig")
    options = given(settings)
    size, distance = options.pop("size"), variant(engine.Distance, options.pop("distance"))
    if not isinstance(size, int) or not 1 <= size <= DIMENSIONS:
        raise invalid(f"[vectors.size: value {size} invalid, must be from 1 to {DIMENSIONS}]")
    if "quantization_config" in options:
        options["quantization_config"] = _quantization(options["quantization_config"])
    if "hnsw_config" in options:
        options["hnsw_config"] = _hnsw(options["hnsw_config"])
    if "datatype" in options:
        options["datatype"] = variant(engine.VectorStorageDatatype, options["datatype"])
    if "multivector_config" in options:
        options["multivector_config"] = engine.MultiVectorConfig(engine.MultiVectorComparator.MaxSim)
    return engine.EdgeVectorParams(size, distance, **options)


def _sparse(settings):
    index = given((settings or {}).get("index"))
    modifier = (settings or {}).get("modifier")
    return engine.EdgeSparseVectorParams(
        full_scan_threshold=index.get("full_scan_threshold"),
        on_disk=index.get("on_disk"),
        modifier=None if modifier is None else variant(engine.Modifier, modifier),
    )


def dense_vectors(settings):
    """The settings of each dense vector by its name, which is empty for the only one."""
    vectors = settings.get("vectors") or {}
    return {"": vectors} if "size" in vectors else vectors


def engine_settings(settings):
    optimizers = given(settings.get("optimizers_config"))
    known = ("deleted_threshold", "vacuum_min_vector_number", "default_segment_number", "max_segment_size")
    vectors = settings.get("vectors") or {}
    return engine.EdgeConfig(
        vectors=_dense(vectors) if "size" in vectors else {name: _dense(each) for name, each in vectors.items()},
        sparse_vectors={name: _sparse(each) for name, each in (settings.get("sparse_vectors") or {}).items()},
        hnsw_config=_hnsw(settings.get("hnsw_config")),
        quantization_config=_quantization(settings.get("quantization_config")),
        optimizers=engine.EdgeOptimizersConfig(
            **{name: optimizers[name] for name in (*known, "indexing_threshold") if name in optimizers}
        ),
    )


def described(settings):
    """The configuration in an answer: what was given, and the server's defaults."""
    params = {
        "vectors": settings.get("vectors") or {},
        "shard_number": 1,
        "replication_factor": 1,
        "write_consistency_factor": 1,
        "on_disk_payload": settings.get("on_disk_payload", True),
    }
    if settings.get("sparse_vectors"):
        params["sparse_vectors"] = settings["sparse_vectors"]
    config = {
        "params": params,
        "hnsw_config": HNSW | given(settings.get("hnsw_config")),
        "optimizer_config": OPTIMIZERS | given(settings.get("optimizers_config")),
        "wal_config": WRITE_AHEAD | given(settings.get("wal_config")),
        "quantization_config": settings.get("quantization_config"),
    }
    return config | given({name: settings.get(name) for name in ("strict_mode_config", "metadata")})


def changed(settings, changes):
    """The settings after an update, which merges most of what it names."""
    after = dict(settings)
    for name in ("hnsw_config", "optimizers_config", "strict_mode_config", "metadata"):
        if changes.get(name) is not None:
            emptied = name == "metadata" and changes[name] == {}
            after[name] = {} if emptied else given(after.get(name)) | given(changes[name])
    quantization = changes.get("quantization_config")
    if quantization is not None:
        after["quantization_config"] = None if quantization == "Disabled" else quantization
    after |= given({"on_disk_payload": (changes.get("params") or {}).get("on_disk_payload")})
    if changes.get("vectors"):
        vectors = dense_vectors(settings)
        for name, each in changes["vectors"].items():
            if name not in vectors:
                raise wrong_input(f"Not existing vector name error: {name}")
            vectors = vectors | {name: vectors[name] | given(each)}
        after["vectors"] = vectors.get("", vectors)
    return after


def index_kind(schema):
    return schema.get("type") if isinstance(schema, dict) else schema


def engine_index(schema):
    kind = _INDEX_KINDS.get(index_kind(schema))
    if kind is None:
        raise malformed(f"unknown field schema {index_kind(schema)}")
    if isinstance(schema, str):
        return getattr(engine.PayloadSchemaType, kind)
    options = {name: value for name, value in given(schema).items() if name != "type"}
    if "tokenizer" in options:
        options["tokenizer"] = variant(engine.TokenizerType, options["tokenizer"])
    return getattr(engine, f"{kind}IndexParams")(**options)
