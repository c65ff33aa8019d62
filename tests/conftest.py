import os
import tempfile

# The tests compile into a cache of their own, which is empty when they begin.
_cache = tempfile.TemporaryDirectory(prefix="chainrule-")
os.environ["CHAINRULE_CACHE"] = _cache.name
