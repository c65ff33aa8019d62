"""Run programs: names of arguments, the cache, and compilation in the background."""
