"""Who may ask: this machine's own pages, or those who know the token; and what a page may load."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from textvae.explore import LOOPBACK
from textvae.explore.failures import Failure

# Nothing but this server's own files; and no string becomes markup or code, whatever a script tries.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Guard:
    """ASGI middleware before everything else.

    Without a ``token``, requests have to name this machine itself as their host: a page elsewhere, whose name was
    made to resolve to 127.0.0.1 (DNS rebinding), names its own. With one, every request to the API must bring it as
    ``Authorization: Bearer TOKEN``. A request that a page of another origin sends is refused in any case.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        failure = self._refused(scope["path"], Headers(scope=scope))
        answer = self.app if failure is None else failure.response()
        await answer(scope, receive, guarded)

    def _refused(self, path: str, headers: Headers) -> Failure | None:
        host = headers.get("host", "")
        if self.token is None and _name(host) not in LOOPBACK:
            return Failure(403, "host", "This server answers only to 127.0.0.1 and localhost.")
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return Failure(403, "origin", "Pages of other origins may not ask this server.")
        if self.token is not None and path.startswith("/api/"):
            given = headers.get("authorization", "").removeprefix("Bearer ")
            if not secrets.compare_digest(given.encode(), self.token.encode()):
                return Failure(401, "token", "The API wants its token: Authorization: Bearer TOKEN.")
        return None


def _name(host: str) -> str | None:
    """The name in ``name:port``, without the brackets of an IPv6 address."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
