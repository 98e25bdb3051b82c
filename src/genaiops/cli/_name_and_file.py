"""`push NAME FILE`: the name comes first, as it does for whatever else is done with a named thing."""

from pathlib import Path

from genaiops.cli._output import Output


def name_and_file(name: str, file: str, output: Output) -> tuple[str, str]:
    """The two, also when they came the other way round: the first is there as a file, and the second is not."""
    if not _is_file(file) and _is_file(name):
        output.note(f"Taken as {file} {name}: the name comes first, then the file.")
        return file, name
    return name, file


def _is_file(text: str) -> bool:
    return text == "-" or Path(text).is_file()
