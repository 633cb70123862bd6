"""The HTTP side: /metrics for all servers, /probe?target=NAME for one, /targets for Prometheus' service discovery."""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, ThreadingWSGIServer, gzip_accepted

from pggit_excellence.errors import CommandError
from pggit_excellence.exporter.scrape import Target, scrape

# How long a client may take to send its request, in seconds.
CLIENT_SECONDS = 30
# How much of Prometheus' own patience is left for the way back: a tenth, at most this many seconds.
RESERVE = 0.5
# Of gzip: metrics of many servers are alike; more effort makes little difference.
COMPRESSION = 1

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

PAGE = b"""<!DOCTYPE html><title>pggit-excellence exporter</title><h1>pggit-excellence exporter</h1>
<p><a href="metrics">metrics</a> of all servers, <a href="healthz">healthz</a>; one server: /probe?target=NAME;
<a href="targets">targets</a>: each server by itself, for http_sd_configs of Prometheus</p>
"""
PATHS = b"there are /metrics, /probe?target=NAME, /targets and /healthz\n"


def application(targets: list[Target], timeout: float) -> Application:
    """The WSGI application."""
    by_name = {target.name: target for target in targets}

    def metrics(environ: Environ, start_response: StartResponse, chosen: list[Target] = targets) -> Iterable[bytes]:
        body = scrape(chosen, patience(environ, timeout)).text.encode()
        return page(start_response, "200 OK", body, CONTENT_TYPE_PLAIN_0_0_4, environ)

    def probe(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        name = parse_qs(environ.get("QUERY_STRING", "")).get("target", [""])[0]
        if name in by_name:
            return metrics(environ, start_response, [by_name[name]])
        return page(start_response, "400 Bad Request", f"target: one of {', '.join(by_name)}\n".encode())

    def discovery(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = json.dumps(discovered(list(by_name), environ), indent=2).encode()
        return page(start_response, "200 OK", body, "application/json")

    pages: dict[str, Application] = {
        "/": lambda _, start_response: page(start_response, "200 OK", PAGE, "text/html; charset=utf-8"),
        "/metrics": metrics,
        "/probe": probe,
        "/targets": discovery,
        "/healthz": lambda _, start_response: page(start_response, "200 OK", b"ok\n"),
    }

    def respond(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return page(start_response, "405 Method Not Allowed", b"GET or HEAD\n")
        if chosen := pages.get(environ.get("PATH_INFO", "")):
            return chosen(environ, start_response)
        return page(start_response, "404 Not Found", PATHS)

    return respond


def discovered(names: Sequence[str], environ: Environ) -> list[dict[str, Any]]:
    """Each server as a target of its own, as Prometheus' HTTP service discovery wants it.

    Prometheus then asks for each with its own time limit, and spreads them over its interval by itself.
    """
    address = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    probe = {"__metrics_path__": "/probe"}
    return [
        {"targets": [address], "labels": {**probe, "__param_target": name, "instance": f"{address}/{name}"}}
        for name in names
    ]


def page(
    start_response: StartResponse,
    status: str,
    body: bytes,
    content_type: str = "text/plain; charset=utf-8",
    environ: Environ | None = None,
) -> Iterable[bytes]:
    """An answer; compressed where the client's `environ` is given and asks for it."""
    headers = [("Content-Type", content_type)]
    if environ and gzip_accepted(environ.get("HTTP_ACCEPT_ENCODING", "")):
        body = gzip.compress(body, COMPRESSION)
        headers.append(("Content-Encoding", "gzip"))
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def patience(environ: Environ, timeout: float) -> float:
    """How long to wait for the servers, in seconds: no longer than Prometheus, which says how long it waits."""
    with contextlib.suppress(KeyError, ValueError):
        prometheus = float(environ["HTTP_X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS"])
        if prometheus > 0:
            return min(timeout, prometheus - min(RESERVE, prometheus / 10))
    return timeout


class Handler(WSGIRequestHandler):
    """A request: not logged, and not waited for without end."""

    timeout = CLIENT_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that it has there
        """Log nothing: Prometheus asks four times a minute."""


class HttpServer(ThreadingWSGIServer):
    """A thread for each request."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or failed the TLS handshake; what fails in the application is answered with 500."""

    def server_bind(self) -> None:
        """Bind, without asking DNS for our own name as the parent does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class HttpServerIpv6(HttpServer):
    """The same on an IPv6 address."""

    address_family = socket.AF_INET6


class MetricsServer:
    """The listening server, in a `with` block."""

    def __init__(self, address: tuple[str, int], targets: list[Target], options: argparse.Namespace) -> None:
        """Bind; every refusal is one line. `options` has timeout and the three of TLS."""
        tls = tls_context(options)
        host, port = address
        try:
            family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
            server_class = HttpServerIpv6 if family == socket.AF_INET6 else HttpServer
            self._server = make_server(host, port, application(targets, options.timeout), server_class, Handler)
        except (OSError, UnicodeError) as error:
            raise CommandError(f"--listen {options.listen}: {getattr(error, 'strerror', None) or error}") from None
        if tls is not None:
            # The handshake belongs to the request's thread: one slow client must not keep the others out.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        shown = f"[{host}]" if ":" in host else host or socket.gethostname()
        self.url = f"{'https' if tls else 'http'}://{shown}:{self._server.server_port}/metrics"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> MetricsServer:
        """Serve in a thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def tls_context(options: argparse.Namespace) -> ssl.SSLContext | None:
    """What serves https; None: http."""
    if not options.tls_cert and not options.tls_key:
        if options.tls_client_ca:
            raise CommandError("--tls-client-ca: needs --tls-cert and --tls-key")
        return None
    if not options.tls_cert or not options.tls_key:
        raise CommandError("--tls-cert and --tls-key: give both or neither")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    except OSError as error:
        raise CommandError(f"--tls-cert {options.tls_cert}, --tls-key {options.tls_key}: {told(error)}") from None
    if options.tls_client_ca:
        try:
            context.load_verify_locations(options.tls_client_ca)
        except OSError as error:
            raise CommandError(f"--tls-client-ca {options.tls_client_ca}: {told(error)}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def told(error: OSError) -> str:
    """What is wrong with a file; OpenSSL's own words are a code."""
    return "not the PEM files of one certificate" if isinstance(error, ssl.SSLError) else str(error.strerror)
