"""Counts wrong results: what users of gateways complain about, one case each, against genaiops and its peers."""
