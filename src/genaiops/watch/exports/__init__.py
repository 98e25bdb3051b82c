"""Exports of other systems as spans, scores and prompts of ours: pure translation, record by record."""

from genaiops.watch.exports._found import ForeignPrompt, Found
from genaiops.watch.exports._langfuse import langfuse
from genaiops.watch.exports._mlflow import mlflow

__all__ = ["ForeignPrompt", "Found", "langfuse", "mlflow"]
