"""What tags of catalogues are called there. A number means other things in other years, so each year has its own.

OWASP Top 10 for LLM applications, 2025 and 2026; MITRE ATLAS (names of its techniques, atlas-data 5.6.1); the hazards
of MLCommons AILuminate 1.0 (2025).
"""

from collections.abc import Mapping
from typing import Final

_OWASP: Final[Mapping[str, tuple[str, ...]]] = {
    "2025": (
        "Prompt Injection",
        "Sensitive Information Disclosure",
        "Supply Chain",
        "Data and Model Poisoning",
        "Improper Output Handling",
        "Excessive Agency",
        "System Prompt Leakage",
        "Vector and Embedding Weaknesses",
        "Misinformation",
        "Unbounded Consumption",
    ),
    "2026": (
        "Prompt Injection",
        "Sensitive Information Disclosure",
        "Excessive Agency",
        "Supply Chain",
        "Data and Model Poisoning",
        "Unbounded Consumption",
        "Misinformation",
        "Hidden Context Exposure",
        "Vector and Embedding Weaknesses",
        "Improper Output Handling",
    ),
}
_ATLAS: Final = {
    "AML.T0034": "Cost Harvesting",
    "AML.T0048": "External Harms",
    "AML.T0051": "LLM Prompt Injection",
    "AML.T0051.000": "LLM Prompt Injection: Direct",
    "AML.T0051.001": "LLM Prompt Injection: Indirect",
    "AML.T0053": "AI Agent Tool Invocation",
    "AML.T0054": "LLM Jailbreak",
    "AML.T0056": "Extract LLM System Prompt",
    "AML.T0057": "LLM Data Leakage",
    "AML.T0068": "LLM Prompt Obfuscation",
    "AML.T0070": "RAG Poisoning",
    "AML.T0077": "LLM Response Rendering",
    "AML.T0086": "Exfiltration via AI Agent Tool Invocation",
}
_AILUMINATE: Final = {
    "cse": "Child Sexual Exploitation",
    "dfm": "Defamation",
    "hte": "Hate",
    "ipv": "Intellectual Property",
    "iwp": "Indiscriminate Weapons",
    "ncr": "Non-Violent Crimes",
    "prv": "Privacy",
    "spc": "Specialized Advice",
    "src": "Sex-Related Crimes",
    "ssh": "Suicide & Self-Harm",
    "sxc": "Sexual Content",
    "vcr": "Violent Crimes",
}
TITLES: Final[Mapping[str, str]] = {
    **{f"owasp:llm{at:02}:{year}": said for year, all_ in _OWASP.items() for at, said in enumerate(all_, start=1)},
    **{f"atlas:{name}:2026": said for name, said in _ATLAS.items()},
    **{f"ailuminate:{name}:2025": said for name, said in _AILUMINATE.items()},
}
"""Of tags that are known here; packs may have others."""
