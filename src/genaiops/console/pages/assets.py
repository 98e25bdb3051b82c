"""Style, scripts and the chart library."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from genaiops.console._assets import BUNDLE, Asset, ChartLibrary, asset
from genaiops.console._visit import HEADERS, Web


def handlers(library: ChartLibrary) -> list[Any]:
    @get("/static/{name:str}")
    async def static(request: Web, name: FromPath[str]) -> Response[bytes]:
        return _answer(request, await library.get() if name == BUNDLE else asset(name))

    return [static]


def _answer(request: Web, found: Asset) -> Response[bytes]:
    """Addresses carry the release, so a browser may keep what it got."""
    headers = {
        **HEADERS,
        "cache-control": "public, max-age=31536000, immutable" if request.url.query else "no-cache",
        "etag": f'"{found.tag}"',
        "vary": "accept-encoding",
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(b"", status_code=304, headers=headers)
    body = found.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"], body = "gzip", found.zipped
    return Response(body, media_type=found.type, headers=headers)
