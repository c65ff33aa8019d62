"""From a graph to a tape, one instruction a number."""
