"""docs/api.md lists what there is."""

import re
from pathlib import Path

from genaiops.hub import PERMISSIONS
from tests.api.conftest import ROLES
from tests.api.test_access import TABLE

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_place_and_method_is_in_the_table() -> None:
    listed = {
        (method, place)
        for place, methods in re.findall(r"^\| `/api(\S+)` \| ([A-Z, ]+) \|", PAGE, re.MULTILINE)
        for method in methods.split(", ")
    }
    assert listed == {(method, re.sub(r":\w+}", "}", path)) for method, path in TABLE}


def test_the_table_of_permissions_is_true() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|(.+)\|$", PAGE, re.MULTILINE)
    told = {
        (permission, role)
        for names, cells in rows
        if "`read`" in names
        or names == "`artifacts`"
        or "`keys`" in names
        or "`people`" in names
        or "`playground`" in names
        for permission in re.findall(r"`(\w+)`", names)
        for role, cell in zip(ROLES, cells.split("|"), strict=True)
        if cell.strip() == "yes"
    }
    assert told == {(permission, role) for role in ROLES for permission in PERMISSIONS[role]}
