"""Whom the rules of guard policies ask: our guard server, classifiers of one's own, whoever finds names."""

import importlib.util
import os
from collections.abc import Callable

from genaiops.app.asking import HttpAsk
from genaiops.app.guard_settings import OwnClassifier, read_classifiers, read_names
from genaiops.app.home import Home
from genaiops.app.model_addresses import GUARD, KEY_VARIABLE, last_ports
from genaiops.app.settings import GuardOptions
from genaiops.domain import GuardRule
from genaiops.engines.classifier_http import GuardClassifiers, LabelClassifiers
from genaiops.engines.kingfisher import EXTRA_MISSING, MODULE, SecretsService
from genaiops.engines.names import AnalyzerNames
from genaiops.guard import detector_of, names_engine, topics_of
from genaiops.ports.classifiers import Classifiers
from genaiops.ports.names import Names

_UNSURE = 0.5


class Advice:
    """For one event loop. `secret` gives what a secret's name stands for (None: it is not there), `timeout` bounds one
    answer, in seconds."""

    def __init__(
        self, home: Home, options: GuardOptions, secret: Callable[[str], str | None], *, timeout: float
    ) -> None:
        self.known = read_classifiers(options.classifiers)
        """The classifiers that policies may name."""
        self._service = read_names(options.names)
        self._secrets = options.secrets
        self._home = home
        self._secret = secret
        self._timeout = timeout
        self._asks: dict[str, HttpAsk] = {}

    @property
    def ready(self) -> bool:
        """Somebody can be asked: our guard server has an address, or there are others."""
        return GUARD in last_ports(self._home) or bool(self.known) or self._service is not None

    def broken(self, rule: GuardRule) -> str:
        """Why a rule that is in force can say nothing here; "": it can."""
        lacking = self.lacks(rule)
        if lacking is not None:
            return f"It {lacking[0]}."
        own = rule.options.get("classifier")
        asked = detector_of(rule.detector).tier == "model" and rule.detector != "names" and own is None
        if asked and GUARD not in last_ports(self._home):
            return "Nobody answers for its classifier here: the guard server does not run (embedded.guard)."
        return ""

    def lacks(self, rule: GuardRule) -> tuple[str, str] | None:
        """What the rule looks for that nobody here finds, and what to do about it; None: nothing is missing."""
        if rule.detector == "names" and self._service is None:
            remedy = 'Set guard.names in genaiops.toml, for example to "spacy", and start again.'
            return "looks for names, and nobody here finds them", remedy
        engine = names_engine(rule)
        if engine is None:
            return None
        if importlib.util.find_spec(MODULE) is None:
            return f"looks for secrets with {engine}, which is not installed", EXTRA_MISSING
        if self._secrets != engine:
            remedy = f'Set guard.secrets = "{engine}" in genaiops.toml, and start again.'
            return f"looks for secrets with {engine}, which does not run here", remedy
        return None

    def reaches(self, rule: GuardRule) -> bool:
        """Whether there is somebody to ask for the rule, or the rule is at fault that there is not."""
        if rule.detector == "names" or "classifier" in rule.options or names_engine(rule):
            return True
        return GUARD in last_ports(self._home)

    def classifiers(self, rule: GuardRule) -> Classifiers | None:
        """Who is asked for the rule; None: nobody is there."""
        named = rule.options.get("classifier")
        if named is not None:
            own = self.known.get(named)
            return None if own is None else self._labels(rule, own)
        ask = self._guard_server("/v1/classify")
        if ask is None:
            return None
        topics = topics_of(rule) if rule.detector == "topics" else ()
        return GuardClassifiers(ask, classifiers=(rule.detector,), topics=topics, timeout=self._timeout)

    def names(self, rule: GuardRule) -> Names | None:
        """Who finds names, or secrets by an engine, for the rule; None: nobody is there."""
        if names_engine(rule):
            ask = self._guard_server("/v1/secrets") if self._secrets else None
            return None if ask is None else SecretsService(ask, seconds=self._timeout)
        service = self._service
        if service is None:
            return None
        least = _UNSURE if rule.threshold is None else rule.threshold
        if service.shape == "spacy":
            ask = self._guard_server("/v1/names")
            if ask is None:
                return None
            return AnalyzerNames(ask, "the guard server", threshold=least, seconds=self._timeout)
        ask = self._ask(service.url, None)
        return AnalyzerNames(ask, service.url, shape=service.shape, threshold=least, seconds=self._timeout)

    def _labels(self, rule: GuardRule, own: OwnClassifier) -> LabelClassifiers:
        ask = self._ask(own.url, self._secret(own.secret) if own.secret else None)
        threshold = _UNSURE if rule.threshold is None else rule.threshold
        if "labels" not in rule.options:
            return LabelClassifiers(ask, name=rule.detector, threshold=threshold, timeout=self._timeout)
        labels = frozenset(each.upper() for each in rule.options["labels"])
        return LabelClassifiers(ask, name=rule.detector, threshold=threshold, positive=labels, timeout=self._timeout)

    def _guard_server(self, path: str) -> HttpAsk | None:
        port = last_ports(self._home).get(GUARD)
        return None if port is None else self._ask(f"http://127.0.0.1:{port}{path}", os.environ.get(KEY_VARIABLE))

    async def aclose(self) -> None:
        for ask in self._asks.values():
            await ask.aclose()

    def _ask(self, url: str, key: str | None) -> HttpAsk:
        """Its connections stay open."""
        found = self._asks.get(url)
        if found is None:
            found = self._asks[url] = HttpAsk(url, key=key, timeout=self._timeout)
        return found
