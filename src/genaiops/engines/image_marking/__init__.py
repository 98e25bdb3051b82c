"""Generated images in answers, signed as such by a process of their own (the extra `c2pa`): see `c2pa_manifest`."""

from genaiops.engines.image_marking._bodies import Sign, mark_body
from genaiops.engines.image_marking._process import ProcessMarker

__all__ = ["ProcessMarker", "Sign", "mark_body"]
