"""The process that signs images for one gateway worker: `python -m genaiops.engines.image_marking CHAIN KEY [ROOT]`.

Orders come on the standard input, answers go to the standard output (see `_messages`). It ends with its input, so with
its worker, whatever ended that.
"""

import argparse
import functools
import importlib.metadata
import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from genaiops.core.errors import GenaiopsError
from genaiops.domain import ImageMark
from genaiops.engines.c2pa_manifest import Credentials, Origin, given_credentials, sign
from genaiops.engines.image_marking._bodies import Sign, mark_body
from genaiops.engines.image_marking._messages import SIZES, Done, Order, framed, parted
from genaiops.ports.provenance import MadeBy


def signing(made: MadeBy, credentials: Credentials) -> Sign:
    """The same image is signed once: another version of a body gets the same bytes."""
    origin = Origin(
        made.model, made.provider, importlib.metadata.version("genaiops"), "generated image", request=made.request
    )

    @functools.cache
    def signed(image: bytes, kind: str) -> tuple[bytes, ImageMark]:
        found, verdict = sign(image, kind, origin, credentials)
        if verdict.outcome == "pass":
            parent = "c2pa.opened" in verdict.evidence
            return found, ImageMark("marked", kind, len(found), parent)
        outcome = "format" if verdict.outcome == "fail" else "error"
        return image, ImageMark(outcome, kind, len(image), reason=verdict.reason)

    return signed


def done(order: Order, data: bytes, credentials: Credentials) -> list[bytes]:
    sign_one = signing(order.made, credentials)
    bodies: list[bytes] = []
    marks: tuple[ImageMark, ...] = ()
    for number, body in enumerate(parted(data, order.sizes)):
        changed, found = mark_body(body, sign_one)
        bodies.append(changed)
        marks = marks if number else found
    return framed(Done(marks, tuple(map(len, bodies))), tuple(bodies))


def serve(orders: BinaryIO, answers: BinaryIO, credentials: Credentials) -> None:
    while len(head := orders.read(SIZES.size)) == SIZES.size:
        size, rest = SIZES.unpack(head)
        order = msgspec.msgpack.decode(orders.read(size), type=Order)
        answers.writelines(done(order, orders.read(rest), credentials))
        answers.flush()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m genaiops.engines.image_marking", description=__doc__)
    parser.add_argument("chain", type=Path)
    parser.add_argument("key", type=Path)
    parser.add_argument("root", type=Path, nargs="?")
    given = parser.parse_args(arguments)
    try:
        credentials = given_credentials(given.chain, given.key, given.root)
        answers = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)  # what the library may print must not stand among the answers
        serve(sys.stdin.buffer, answers, credentials)
    except GenaiopsError as error:
        print(f"Images are not signed: {error}", file=sys.stderr)
        return 3
    except (BrokenPipeError, KeyboardInterrupt):  # the worker has gone, or both were told to go
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
