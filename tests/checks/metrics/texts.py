"""Texts to hold metrics against their references: short ones of few words, so that they overlap, in several scripts."""

from random import Random

from hypothesis import strategies as st

from genaiops.domain import Sample

_PLAIN = """
the a an cat cats sat sitting on mats of red house houses quickly runs running U.S. don't 3.50 50% co-operate Straße
élève naïve 東京 大阪 привет мир مرحبا 😀 ; , . ! ? ( ) — ...
"""
WORDS = (*_PLAIN.split(), "\n", "\n\n")

sentences = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
cases = st.tuples(sentences, st.lists(sentences, min_size=1, max_size=3))


def samples(number: int, seed: int = 1, references: int = 3) -> list[Sample]:
    """Answers that were made of their references by leaving out, doubling and changing words."""
    random = Random(seed)
    made: list[Sample] = []
    for each in range(number):
        wanted = [random.choice(WORDS) for _ in range(random.randrange(0, 25))]
        said = [
            word
            for one in wanted
            for word in random.choice(((one,), (one,), (one,), (), (one, one), (random.choice(WORDS),)))
        ]
        others = [random.sample(wanted, len(wanted)) for _ in range(random.randrange(references))]
        expected = tuple(" ".join(words) for words in (wanted, *others))
        made.append(Sample(id=f"case {each}", output=" ".join(said), expected=expected))
    return made
