"""The node, its operators, and walks over the graph that it records."""
