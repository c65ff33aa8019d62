"""Running programs: arguments by name, cache, and compilation in the background."""
