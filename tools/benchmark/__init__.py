"""The benchmark behind tools/bench compares cycodec with its peers in one run, on the same clips."""
