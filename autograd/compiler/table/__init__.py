"""Programs without regularity, as a table that is interpreted."""
