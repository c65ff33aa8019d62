"""The twelve evaluations of GradBench (github.com/gradbench/gradbench), as a user of chainrule writes them.

One file a module, of the name that GradBench gives it. ``python -m benchmarks.gradbench`` speaks its
protocol; ``python -m benchmarks.gradbench.evaluate`` runs its evaluations with its
tools and ours.
"""

MODULES = ("hello", "llsq", "lse", "ode", "det", "gmm", "kmeans", "lstm", "ba", "ht", "particle", "saddle")
