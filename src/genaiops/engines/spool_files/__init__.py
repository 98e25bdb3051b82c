"""The spool in plain files: a folder per worker life, numbered append-only segments, one writev(2) a record."""

from genaiops.engines.spool_files._reader import FilesSpoolReader, open_reader
from genaiops.engines.spool_files._writer import FilesSpoolWriter, open_writer

__all__ = ["FilesSpoolReader", "FilesSpoolWriter", "open_reader", "open_writer"]
