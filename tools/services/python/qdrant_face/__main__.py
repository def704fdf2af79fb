"""Qdrant's REST API on the loopback over the vendor's own engine, out of the wheel `qdrant-edge-py`. Nothing else is needed.

    python3 qdrant_face --path FOLDER --port NUMBER [--durable]

The engine answers: filters, scores, payloads, points, indexes. The face takes requests in, and has statuses, texts of errors,
strict mode and the order of requests from what the server is known to do. Not served are aliases, groups, recommendations,
conditions on places, snapshots, shards, API keys, TLS and gRPC. An index of vectors is built when settings of a collection are
changed, never by itself; until then every search is exact.
"""
import argparse
import os
import signal
import socketserver
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True

from refusals import Refused, malformed
from store import Store
from values import read_json, write_json

# What clients take it for; which engine it is stands where the server tells its commit.
VERSION = "1.18.3"
BODY_LIMIT = 32 * 1024 * 1024
REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    409: "Conflict",
    411: "Length Required",
    413: "Payload Too Large",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
}


def _failure(error):
    """The status, the text and more headers of what went wrong."""
    if isinstance(error, Refused):
        return error.status, str(error), error.headers
    if isinstance(error, (KeyError, TypeError, AttributeError, ValueError, OverflowError)):
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__} "
        return 400, f"Format error in JSON body: {kind}{error}", ()
    if isinstance(error, Exception):
        # The engine's own are of no other kind.
        return (404, f"Not found: {error}", ()) if "No point with id" in str(error) else (400, f"Wrong input: {error}", ())
    return 500, f"Service internal error: {error}", ()


class Connection(socketserver.StreamRequestHandler):
    """One connection, with one request after another. The standard library's own parser costs more than most requests."""

    disable_nagle_algorithm = True
    rbufsize = 256 * 1024

    def handle(self):
        try:
            while self._request():
                pass
        except (ConnectionError, TimeoutError):
            # The other side has gone; nobody is left to tell.
            return

    def _request(self):
        line = self.rfile.readline(65536).split()
        if len(line) != 3:
            return False
        method, target = line[0].decode(), line[1].decode()
        headers = {}
        while (header := self.rfile.readline(65536).strip()) != b"":
            name, _, value = header.partition(b":")
            headers[name.lower()] = value.strip().lower()
        if b"transfer-encoding" in headers:
            self._send(411, b"", "text/plain", ())
            return False
        if headers.get(b"expect") == b"100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = int(headers.get(b"content-length", 0))
        if size > BODY_LIMIT:
            self._too_large(size)
        else:
            self._answer(method, target, self.rfile.read(size))
        return headers.get(b"connection") != b"close"

    def _too_large(self, size):
        # Read to its end, or the other side would see a broken connection and no answer.
        left = size
        while left > 0 and (read := len(self.rfile.read(min(left, self.rbufsize)))) > 0:
            left -= read
        text = f"Payload error: JSON payload ({size} bytes) is larger than allowed (limit: {BODY_LIMIT} bytes)."
        self._send(413, write_json({"status": {"error": text}, "time": 0.0}), "application/json", ())

    def _answer(self, method, target, raw):
        began = time.perf_counter()
        address = urllib.parse.urlsplit(target)
        if address.path == "/":
            info = {"title": "qdrant - vector search engine", "version": VERSION, "commit": self.server.engine}
            return self._send(200, write_json(info), "application/json", ())
        if address.path in ("/healthz", "/readyz", "/livez"):
            return self._send(200, f"{address.path[1:]} check passed".encode(), "text/plain", ())
        status, headers, envelope = 200, (), {"status": "ok"}
        try:
            asked = dict(urllib.parse.parse_qsl(address.query))
            body = read_json(raw) if raw else {}
            if not isinstance(body, dict):
                raise malformed("expected an object")
            timeout = int(asked["timeout"]) if "timeout" in asked else None
            result = self.server.store.answer(method, address.path, body, timeout)
            if asked.get("wait") != "true":
                _acknowledge(result)
            envelope = {"result": result, **envelope}
        except BaseException as error:  # The engine's panics are no Exception.
            status, text, headers = _failure(error)
            envelope = {"status": {"error": text}}
        envelope["time"] = round(time.perf_counter() - began, 9)
        self._send(status, write_json(envelope), "application/json", headers)

    def _send(self, status, body, kind, more):
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"content-type: {kind}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in more]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)


def _acknowledge(result):
    """Who did not wait is told less, though everything is done before the answer."""
    for each in result if isinstance(result, list) else [result]:
        if isinstance(each, dict) and "operation_id" in each:
            each["status"] = "acknowledged"


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512


def _engine_version():
    """As the wheel says, whose description lies beside the module."""
    from importlib.metadata import version

    return f"qdrant-edge-py {version('qdrant-edge-py')}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--durable", action="store_true")
    options = parser.parse_args()
    # A request that became ready waits for its turn no longer than this.
    sys.setswitchinterval(0.001)
    server = Server(("127.0.0.1", options.port), Connection)
    server.store = Store(os.path.abspath(options.path), options.durable)
    server.engine = _engine_version()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
    server.store.close()


main()
