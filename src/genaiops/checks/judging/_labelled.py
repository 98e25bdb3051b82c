"""Which answer a label of people is about, so that it is found again among the answers of a run."""

from genaiops.checks.judging._templates import TEMPLATES
from genaiops.core.digest import digest_value
from genaiops.domain import JudgeTemplate, Sample

_LENGTH = 16


def answer_key(template: JudgeTemplate, sample: Sample) -> str:
    """Of what was asked and answered, and of the reference and the passages where the template looks at them."""
    needs = TEMPLATES[template].needs
    texts: dict[str, object] = {"input": sample.input, "output": sample.output}
    texts |= {name: list(getattr(sample, name)) for name in ("expected", "context") if name in needs}
    return digest_value(texts).removeprefix("sha256:")[:_LENGTH]
