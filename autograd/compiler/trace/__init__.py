"""Turn a recorded graph into a tape of scalar instructions."""
