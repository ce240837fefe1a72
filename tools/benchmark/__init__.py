"""The benchmark behind tools/bench: cycodec beside its peers, in one run, on the same clips."""
