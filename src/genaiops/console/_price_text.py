"""What a line of the price table says beside the rates of input and output."""

from collections.abc import Sequence

from genaiops.console._format import count, price
from genaiops.core.money import from_nano
from genaiops.domain import Price, Rates

_RATES = {
    "cache_read": "cache read",
    "cache_write": "cache write",
    "cache_write_1h": "cache write, an hour",
    "reasoning": "reasoning",
    "audio_input": "audio in",
    "audio_output": "audio out",
    "image_input": "images in",
    "image_output": "images out",
}
_FEES = {
    "call": "a call",
    "search": "a search",
    "image": "an image",
    "characters": "a million characters",
    "audio_minute": "a minute of audio",
}


def further(line: Price) -> Sequence[str]:
    """One text each: rates of rarer tokens, fees, tiers, classes of service. Nothing for what is charged as its
    parent."""
    return [*_rates(line), *_fees(line), *_tiers(line), *_services(line)]


def _rates(rates: Rates) -> list[str]:
    return [f"{word} {price(rate)}" for name, word in _RATES.items() if (rate := getattr(rates, name)) is not None]


def _fees(line: Price) -> list[str]:
    charged = [] if line.fees is None else [(word, getattr(line.fees, name)) for name, word in _FEES.items()]
    return [f"{from_nano(fee)} {word}" for word, fee in charged if fee]


def _tiers(line: Price) -> list[str]:
    return [
        f"over {count(tier.above_tokens)} tokens of input: "
        + ", ".join([f"input {price(tier.input)}", f"output {price(tier.output)}", *_rates(tier)])
        for tier in line.tiers
    ]


def _services(line: Price) -> list[str]:
    return [f"{name} x {share / 1000:g}" for name, share in line.services.items()]


def tokens_are_free(line: Price) -> bool:
    """Whether its zeros are so because something else is charged."""
    return not line.input and not line.output and bool(_fees(line))
