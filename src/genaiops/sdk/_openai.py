"""OpenAI's own clients, set up for the gateway."""

from typing import TYPE_CHECKING, Any

from genaiops.core.errors import ConfigError, Unauthenticated
from genaiops.sdk._address import KEY_VARIABLE, find_address
from genaiops.sdk._context import add_traceparent
from genaiops.sdk._runtime import settings

if TYPE_CHECKING:
    import openai


def openai_client(**options: Any) -> "openai.OpenAI":
    """An `openai.OpenAI` that calls the gateway and whose calls join the open trace. `options` are OpenAI's own.

    ConfigError without the package openai; Unauthenticated without a key."""
    module = _openai()
    http = module.DefaultHttpxClient(event_hooks={"request": [add_traceparent]})
    return module.OpenAI(**{**_place(), "http_client": http, **options})


def async_openai_client(**options: Any) -> "openai.AsyncOpenAI":
    """The same as an `openai.AsyncOpenAI`."""
    module = _openai()

    async def add(request: Any) -> None:
        add_traceparent(request)

    http = module.DefaultAsyncHttpxClient(event_hooks={"request": [add]})
    return module.AsyncOpenAI(**{**_place(), "http_client": http, **options})


def _openai() -> Any:
    try:
        import openai
    except ImportError as error:
        raise ConfigError(
            "The package openai is not installed.", remedy="pip install openai", code="not_installed"
        ) from error
    return openai


def _place() -> dict[str, str]:
    address = find_address(settings().url, settings().api_key)
    if address.key is None:
        # Without one OpenAI's client would take OPENAI_API_KEY, and send it to where it does not belong.
        raise Unauthenticated(
            f"There is no key for {address.url}.",
            remedy=f"Set {KEY_VARIABLE}, or call genaiops.configure.",
            code="no_key",
        )
    return {"base_url": f"{address.url}/v1", "api_key": address.key}
