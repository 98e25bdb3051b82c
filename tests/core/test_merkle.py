"""Merkle trees against the recursive definition of RFC 6962, and the vectors of its reference implementation."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from genaiops.core import merkle

# The leaves and roots of certificate-transparency's own tests (merkle_tree_test, RFC 6962 hasher).
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def recursive(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + recursive(leaves[:split]) + recursive(leaves[split:])).digest()


def some(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


def test_the_known_roots() -> None:
    tree = merkle.Tree()
    assert tree.root() == merkle.EMPTY_ROOT
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(merkle.leaf_hash(leaf))
        assert tree.root().hex() == root


@given(st.integers(0, 70))
def test_a_tree_that_grew_is_the_tree_of_the_definition(size: int) -> None:
    assert merkle.root_of(some(size)) == recursive(some(size))


@given(st.data())
def test_every_leaf_is_shown_to_be_in_its_place_and_nowhere_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    leaves = some(size)
    root, path = merkle.root_of(leaves), merkle.inclusion_proof(leaves, index)
    assert merkle.included(leaves[index], index, size, root, path)
    other = data.draw(st.integers(-1, size))
    assert merkle.included(leaves[index], other, size, root, path) is (other == index)
    assert not merkle.included(merkle.leaf_hash(b"another"), index, size, root, path)
    assert not merkle.included(leaves[index], index, size, root, [*path, root])


@given(st.data())
def test_a_larger_tree_is_shown_to_begin_with_the_smaller(data: st.DataObject) -> None:
    second = data.draw(st.integers(1, 70))
    first = data.draw(st.integers(1, second))
    leaves = some(second)
    path = merkle.consistency_proof(leaves, first)
    roots = merkle.root_of(leaves[:first]), merkle.root_of(leaves)
    assert merkle.consistent(first, second, *roots, path)
    altered = [*leaves]
    altered[data.draw(st.integers(0, first - 1))] = merkle.leaf_hash(b"another")
    forged = merkle.consistency_proof(altered, first)
    assert not merkle.consistent(first, second, roots[0], merkle.root_of(altered), forged)
    assert not merkle.consistent(first, second, *roots, [*path, roots[0]])
