"""Whether two streams of yes and no have one rate, looked at after every pair: a test that may be stopped at any time.

An outcome of either stream makes a block, whose e-value is p_a(y_a) p_b(y_b) / (p(y_a) p(y_b)) with p the mean of p_a
and p_b, which are estimated of the blocks before (R. Turner, A. Ly and P. Gruenwald, "Generic E-variables for exact
sequential k-sample tests that allow for optional stopping", Journal of Statistical Planning and Inference 230, 2024,
section 2). While both rates are the same, whatever it is, the product reaches 1 / alpha with a probability of at most
alpha, ever (Ville's inequality)."""

from math import log

import msgspec


class TwoStreams(msgspec.Struct, frozen=True, array_like=True):
    """What `blocks` of one outcome each said: how often it was yes in either, and the natural logarithm of the
    product."""

    blocks: int = 0
    yes_a: int = 0
    yes_b: int = 0
    log_e: float = 0.0

    def after(self, a: bool, b: bool) -> "TwoStreams":
        """With a further block."""
        p_a, p_b = ((yes + 0.5) / (self.blocks + 1) for yes in (self.yes_a, self.yes_b))
        p = (p_a + p_b) / 2
        gained = _log(p_a, a) + _log(p_b, b) - _log(p, a) - _log(p, b)
        return TwoStreams(self.blocks + 1, self.yes_a + a, self.yes_b + b, self.log_e + gained)

    @property
    def difference(self) -> float:
        """Of the shares of yes, the first less the second; 0 before there is a block."""
        return (self.yes_a - self.yes_b) / self.blocks if self.blocks else 0.0


def _log(p: float, yes: bool) -> float:
    return log(p if yes else 1 - p)
