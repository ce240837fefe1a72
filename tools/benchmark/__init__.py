"""The benchmark behind tools/bench compares cycodec with its peers on the same clips."""
