"""Documents as people write them, read strictly; what is wrong is told with its line."""

from genaiops.checks.written._lines import toml_lines, yaml_lines
from genaiops.checks.written._read import (
    LARGEST,
    Document,
    Fault,
    WrittenForm,
    converted,
    form_of,
    on_line,
    read_document,
)

__all__ = [
    "LARGEST",
    "Document",
    "Fault",
    "WrittenForm",
    "converted",
    "form_of",
    "on_line",
    "read_document",
    "toml_lines",
    "yaml_lines",
]
