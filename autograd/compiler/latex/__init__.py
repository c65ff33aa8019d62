"""Array programs as mathematics: what `f.to_latex()` and `f.derivation()` of a compiled function show."""
