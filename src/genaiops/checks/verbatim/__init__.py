"""Whether a text repeats registered documents word for word (works under copyright, internal papers).

Documents are kept as winnowed fingerprints (S. Schleimer, D. Wilkerson, A. Aiken, "Winnowing: local algorithms for
document fingerprinting", SIGMOD 2003): of every `window` neighbouring runs of `k` words the one with the smallest hash.
The text is looked up whole, not winnowed. Therefore

- no run of fewer than k words is ever found (but for hashes that meet by chance: 2^-61 for each pair);
- every run of k + window - 1 words or more is found;
- a run of n words is measured as at least n - 2 * (window - 1) and never as more than n.

A k-gram that stands in very many places is kept for 4 places of a document and 16 in all.

Index         the fingerprints of documents: made, written, read; `merging` makes one of several
Overlapping   what of them comes back in a text, whole or piece by piece
Following     a text given back piece by piece, with the runs in it that may be cut out
"""

from genaiops.checks.verbatim._columns import Document
from genaiops.checks.verbatim._following import Following, Repeat
from genaiops.checks.verbatim._index import Index
from genaiops.checks.verbatim._overlap import Overlap, Overlapping, judge, overlaps

__all__ = ["Document", "Following", "Index", "Overlap", "Overlapping", "Repeat", "judge", "overlaps"]
