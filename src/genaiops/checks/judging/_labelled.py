"""Which answer a label of people is about, so that it is found again among the answers of a run."""

from genaiops.checks.judging._pictures import is_picture, named, parted
from genaiops.checks.judging._templates import TEMPLATES
from genaiops.core.digest import digest_value
from genaiops.domain import JudgeTemplate, Sample

_LENGTH = 16


def answer_key(template: JudgeTemplate, sample: Sample) -> str:
    """Of what was asked and answered, and of the reference and the passages where the template looks at them."""
    needs = TEMPLATES[template].needs
    texts: dict[str, object] = {"input": sample.input, "output": sample.output}
    shown = parted({"answer": sample.output}, {"answer": sample.media, "question": sample.asked_media})[1]
    if shown:  # whether the picture stood in the text of the answer or beside it
        texts |= {"output": "" if is_picture(sample.output) else sample.output, "pictures": named(shown)}
    texts |= {name: list(getattr(sample, name)) for name in ("expected", "context") if name in needs}
    return digest_value(texts).removeprefix("sha256:")[:_LENGTH]
