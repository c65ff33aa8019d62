"""Show measurements as a table, as Markdown, and as a plot."""

from pathlib import Path

from . import forms
from .measure import Measurement

HEAD = (
    *("case", "peer", "median ms", "min - max", "x compiled", "x interpreted"),
    *("nodes", "bytes a node", "remarks"),
)

Row = tuple[str, ...]


def rows(case: str, measurements: list[Measurement], differing: list[str]) -> list[Row]:
    """Return the table of a case, a row for each peer.

    Parameters
    ----------
    case : str
        Its name.
    measurements : list of Measurement
        chainrule first.
    differing : list of str
        Peers whose answers differ from chainrule's.

    Returns
    -------
    list of tuple of str
        The cells.
    """
    ours = [by_name(measurements, form) for form in (forms.COMPILED, forms.OURS)]
    return [_row(case, one, ours, one.peer in differing) for one in measurements]


def by_name(measurements: list[Measurement], peer: str) -> Measurement:
    """Return the measurement of a peer, without runs if there is none."""
    return next((one for one in measurements if one.peer == peer), Measurement(peer))


def _row(case: str, one: Measurement, ours: list[Measurement], differs: bool) -> Row:
    name = case.replace("_", "-")
    if not one.runs:
        return (name, one.peer, *[""] * (len(HEAD) - 3), one.problem)
    low, high = one.spread
    figures = [f"{key} {value:,.4g}" for key, value in one.last["figures"].items()]
    remarks = [*figures, "ANSWER DIFFERS" if differs else "", one.problem]
    nodes, size = one.last["nodes"], one.last["bytes_a_node"]
    return (
        name,
        one.peer,
        f"{one.seconds * 1e3:,.4g}",
        f"{low * 1e3:,.3g} - {high * 1e3:,.3g}",
        *(f"{one.seconds / form.seconds:,.3g}" if form.runs else "" for form in ours),
        f"{nodes:,}" if nodes else "",
        f"{size:.0f}" if size else "",
        "; ".join(filter(None, remarks)),
    )


def text(table: list[Row]) -> str:
    """Return a table with aligned columns."""
    table = [HEAD, *table]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join(line.rstrip() for line in lines)


def markdown(table: list[Row]) -> str:
    """Return a table in Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *table]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def plot(results: dict[str, list[Measurement]], path: Path) -> None:
    """Write a bar for each peer and case: its time as a multiple of chainrule's, compiled if measured.

    Parameters
    ----------
    results : dict
        Measurements by case.
    path : Path
        The file to write.
    """
    from matplotlib.figure import Figure

    compared = {case: found for case, found in results.items() if sum(bool(one.runs) for one in found) > 1}
    figure = Figure(figsize=(7.5, 1.2 + 0.28 * sum(map(len, compared.values()))), layout="constrained")
    axes = figure.add_subplot()
    labels, ratios, colors = [], [], []
    for case, found in compared.items():
        compiled = by_name(found, forms.COMPILED)
        ours = compiled if compiled.runs else found[0]
        for one in found:
            if one.runs:
                labels.append(f"{case.replace('_', '-')}  {one.peer}")
                ratios.append(one.seconds / ours.seconds)
                colors.append("#1f6fb4" if one.peer in (forms.OURS, forms.COMPILED) else "#c9ced6")
    bars = axes.barh(range(len(labels)), ratios, color=colors)
    axes.bar_label(bars, fmt="%.3g", padding=3)
    axes.margins(x=0.12, y=0.01)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("time, relative to chainrule")
    figure.savefig(path, dpi=150)
