"""Families of cases: the same question about people who differ in one attribute or in several at once, or the same
question changed in a way that should change no answer."""

from genaiops.arena.counterfactuals._expand import Expanded, Left, Varied, attributes_document, expanded
from genaiops.arena.counterfactuals._perturbing import CHANGES, Perturbed, perturbed
from genaiops.arena.counterfactuals._values import LANGUAGE

__all__ = [
    "CHANGES",
    "LANGUAGE",
    "Expanded",
    "Left",
    "Perturbed",
    "Varied",
    "attributes_document",
    "expanded",
    "perturbed",
]
