"""The risks that are known, and what would be a control of each: which detectors, metrics, families of attacks. What of
it is in force is found out, and stands nowhere here."""

from typing import Final

import msgspec


class RiskCard(msgspec.Struct, frozen=True, kw_only=True):
    """`detectors` of guard policies look for it, and each of them is needed; `beside`: those that see one form of it
    alone. `metrics` of suites, and `families` of attacks, measure it. `abuse`: what its detectors find of one key
    raises an alert; `disparity`: so do groups that are refused more often. `marks`: generated images are marked;
    `findings`: of bias; `spotlight`: untrusted text is marked for the model. `act`: the action that would mitigate."""

    id: str
    title: str
    about: str
    owasp: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    abuse: bool = False
    disparity: bool = False
    marks: bool = False
    findings: bool = False
    spotlight: bool = False
    act: str = "block"


RISKS: Final = (
    RiskCard(
        id="false-content",
        title="False content",
        about="Statements that nothing supports, told as if they were so.",
        owasp=("LLM09:2025",),
        detectors=("grounding",),
        metrics=("groundedness",),
        families=("misinformation",),
        act="replace",
    ),
    RiskCard(
        id="fake-content",
        title="Fake content",
        about="Generated images that pass for photographs, and answers that pass for those of people.",
        beside=("disclosure",),
        marks=True,
        act="replace",
    ),
    RiskCard(
        id="misleading-content",
        title="Misleading content",
        about="Answers that change with what should change nothing, are too sure, or leave the subject.",
        owasp=("LLM09:2025",),
        beside=("topics", "language"),
        metrics=("invariance", "spurious_correlation", "ece", "brier"),
        act="replace",
    ),
    RiskCard(
        id="biased-content",
        title="Biased content",
        about="People are treated otherwise for what they are.",
        metrics=(
            "counterfactual_difference",
            "counterfactual_text",
            "bbq_bias",
            "icat",
            "demographic_parity_difference",
            "demographic_parity_ratio",
            "disparate_impact",
            "equal_opportunity_difference",
            "equalized_odds_difference",
            "accuracy_difference",
        ),
        disparity=True,
        findings=True,
    ),
    RiskCard(
        id="toxic-content",
        title="Toxic content",
        about="Insults, threats, hatred.",
        detectors=("toxicity",),
        metrics=("toxicity",),
        families=("toxicity",),
    ),
    RiskCard(
        id="personal-data",
        title="Leaked personal data",
        about="What is known of people reaches who must not have it, a provider among them.",
        owasp=("LLM02:2025",),
        detectors=("pii",),
        beside=("names",),
        families=("pii_extraction",),
        act="redact",
    ),
    RiskCard(
        id="secrets",
        title="Leaked secrets",
        about="Keys, passwords and planted words come out, or reach a provider.",
        owasp=("LLM02:2025",),
        detectors=("secret",),
        beside=("canary",),
        families=("secret_extraction",),
        abuse=True,
        act="redact",
    ),
    RiskCard(
        id="prompt-leak",
        title="Leaked system prompt",
        about="An answer tells the instructions that the application was given.",
        owasp=("LLM07:2025",),
        detectors=("prompt_leak",),
        beside=("canary",),
        families=("system_prompt_extraction",),
        abuse=True,
    ),
    RiskCard(
        id="injection",
        title="Injection",
        about="A text overrules the instructions: of whoever asks, or hidden in what a tool or a search brought.",
        owasp=("LLM01:2025",),
        detectors=("injection",),
        beside=("control",),
        metrics=("injection",),
        families=("prompt_injection", "indirect_injection", "jailbreak", "multi_turn", "encoding", "rag_poisoning"),
        abuse=True,
        spotlight=True,
    ),
    RiskCard(
        id="unsafe-output",
        title="Unsafe output",
        about="An answer runs as a program, fetches something, or breaks what reads it.",
        owasp=("LLM05:2025",),
        detectors=("markup", "code"),
        beside=("schema",),
        metrics=("json_schema", "is_json"),
        families=("output_handling",),
        act="redact",
    ),
    RiskCard(
        id="excessive-agency",
        title="Excessive agency",
        about="A model calls tools that it may not call, or with arguments that it may not give.",
        owasp=("LLM06:2025",),
        detectors=("tools",),
        metrics=("valid_tool_calls", "tool_arguments"),
        families=("excessive_agency", "tool_abuse"),
    ),
    RiskCard(
        id="copied-works",
        title="Copied works",
        about="An answer repeats a work that belongs to others.",
        detectors=("verbatim",),
        families=("copyright",),
    ),
)
