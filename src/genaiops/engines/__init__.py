"""Adapters: one module or package per outside system (a database, a mapped file, a folder, a model runtime), each
behind a port."""
