"""Red team: packs of attacks, the suites that are made of them, and how often they succeed."""

from genaiops.arena.redteam._building import Building, built
from genaiops.arena.redteam._catalogue import PackCard, cards, own_packs, packs_named
from genaiops.arena.redteam._converters import CONVERTERS, Converter, converter
from genaiops.arena.redteam._imports import ImportedAttacks, imported_attacks
from genaiops.arena.redteam._pack import Pack, PackSeed, PackTemplate, pack_schema, read_pack
from genaiops.arena.redteam._report import AttackRate, AttackReport, AttackRow, attack_report

__all__ = [
    "CONVERTERS",
    "AttackRate",
    "AttackReport",
    "AttackRow",
    "Building",
    "Converter",
    "ImportedAttacks",
    "Pack",
    "PackCard",
    "PackSeed",
    "PackTemplate",
    "attack_report",
    "built",
    "cards",
    "converter",
    "imported_attacks",
    "own_packs",
    "pack_schema",
    "packs_named",
    "read_pack",
]
