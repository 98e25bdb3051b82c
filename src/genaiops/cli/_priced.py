"""Which targets have a price, for `price check` and for what is said where a budget is set."""

from collections.abc import Collection

from genaiops.cli._output import Row
from genaiops.cli._session import Session


def unpriced(session: Session, currency: str | None = None) -> list[Row]:
    """The targets whose calls cost an unknown amount; with `currency`: an amount that is unknown in it."""
    lines = [line for line in session.items("/api/prices") if currency in {None, line["currency"]}]
    return [target for target in session.items("/api/targets") if not any(_covers(line, target) for line in lines)]


def warn_of_unpriced(session: Session, currency: str | None, only: Collection[str] | None = None) -> None:
    """Say which targets (of `only` these) a hard budget in that currency refuses; None: in any."""
    refused = [target for target in unpriced(session, currency) if target["enabled"]]
    refused = [target for target in refused if only is None or target["id"] in only]
    if not refused:
        return
    first = refused[0]
    names = ", ".join(target["id"] for target in refused)
    price = f"genaiops price set {first['provider']} {first['upstream_model']} --input 0.40 --output 1.60"
    other = "" if currency in {None, "USD"} else f" --currency {currency}"
    known = "No price is" if currency is None else f"No price in {currency} is"
    session.output.note(f"{known} known for {names}: a hard budget in {currency or 'money'} refuses calls to them.")
    session.output.note(f"Such as: {price}{other}")


def _covers(line: Row, target: Row) -> bool:
    if line["provider"] != target["provider"]:
        return False
    model: str = line["model"]
    upstream: str = target["upstream_model"]
    return upstream.startswith(model[:-1]) if model.endswith("*") else upstream == model
