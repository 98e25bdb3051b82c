"""`python -m genaiops` is the `genaiops` command."""

from genaiops.cli import main

main()
