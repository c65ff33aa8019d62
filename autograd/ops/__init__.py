"""The table of operations: rows, their rules, and the source written from them."""
