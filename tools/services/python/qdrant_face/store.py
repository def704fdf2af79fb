"""The collections of a folder, and which request goes where."""
import hashlib
import os
import re
import shutil
import threading
import urllib.parse

from collection import Collection
from refusals import Refused, not_found, not_here

_WRITES = {
    ("PUT", "points"): "upsert",
    ("POST", "points/delete"): "delete",
    ("POST", "points/payload"): "set_payload",
    ("PUT", "points/payload"): "overwrite_payload",
    ("POST", "points/payload/delete"): "delete_payload",
    ("POST", "points/payload/clear"): "clear_payload",
}

_CALLS = {
    ("GET", ""): Collection.info,
    ("PATCH", ""): Collection.change,
    ("PUT", "index"): Collection.create_index,
    ("POST", "points"): Collection.retrieve,
    ("POST", "points/batch"): Collection.updates,
    ("POST", "points/scroll"): Collection.scroll,
    ("POST", "points/count"): Collection.count,
    ("POST", "points/query"): Collection.query,
    ("POST", "points/query/batch"): Collection.queries,
    ("POST", "points/search"): Collection.search,
    ("POST", "points/search/batch"): Collection.searches,
    ("POST", "facet"): Collection.facet,
}


class Store:
    def __init__(self, root, durable):
        self.root, self.durable, self.lock, self.collections = root, durable, threading.Lock(), {}
        os.makedirs(root, exist_ok=True)
        for entry in os.scandir(root):
            if os.path.exists(os.path.join(entry.path, "collection.json")):
                found = Collection(entry.path, durable)
                self.collections[found.name] = found
            else:
                # Killed while it was made or removed.
                shutil.rmtree(entry.path)

    def close(self):
        for each in self.collections.values():
            each.close()

    def _get(self, name):
        found = self.collections.get(name)
        if found is None:
            raise not_found(f"Collection `{name}` doesn't exist!")
        return found

    def _create(self, name, settings):
        if not 0 < len(name) <= 255 or re.search(r'[<>:"/\\|?*\0-\x1f]', name):
            raise Refused(422, "Validation error in path parameters: collection name has invalid characters or length")
        with self.lock:
            if name in self.collections:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            folder = os.path.join(self.root, hashlib.sha256(name.encode()).hexdigest()[:32])
            try:
                self.collections[name] = Collection(folder, self.durable, name, settings)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return True

    def _delete(self, name):
        with self.lock:
            found = self.collections.pop(name, None)
            if found is not None:
                found.close()
                os.remove(os.path.join(found.folder, "collection.json"))
                shutil.rmtree(found.folder)
        return found is not None

    def answer(self, method, path, body, timeout):
        parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
        if method == "GET" and parts == ["collections"]:
            return {"collections": [{"name": name} for name in list(self.collections)]}
        if parts[0] != "collections" or len(parts) == 1:
            raise Refused(404, "")
        name, rest = parts[1], "/".join(parts[2:])
        if (method, rest) == ("PUT", ""):
            return self._create(name, body)
        if (method, rest) == ("DELETE", ""):
            return self._delete(name)
        if (method, rest) == ("GET", "exists"):
            return {"exists": name in self.collections}
        found = self._get(name)
        found.strict.timeout(timeout)
        if (method, rest) in _WRITES:
            return found.update(_WRITES[method, rest], body)
        if (method, rest) in _CALLS:
            return _CALLS[method, rest](found, body)
        if method == "DELETE" and len(parts) == 4 and parts[2] == "index":
            return found.delete_index(parts[3])
        raise not_here(f"{method} {path}")
