"""Alembic's environment of the records: no ini file, one revision a file in `versions`."""
