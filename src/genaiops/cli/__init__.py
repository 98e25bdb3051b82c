"""The command line: `genaiops NOUN VERB`. One file per noun, loaded when it is used."""

from genaiops.cli.main import main

__all__ = ["main"]
