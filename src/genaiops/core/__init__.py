"""What everything else stands on: ids, digests, errors, clock, money, mergeable histograms. Standard library and
msgspec only.
"""
