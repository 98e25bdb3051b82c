"""The port Scripts: a process for each language, which stays, with the rights of whoever runs the suite.

It is for code in the user's own folder, run by the user's own command. Code of others belongs in engines/sandbox.
"""

from genaiops.engines.scripts._hosts import NODE_REMEDY, Hosts, find_node

__all__ = ["NODE_REMEDY", "Hosts", "find_node"]
