"""Tables, for terminals and for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Shown = TypeVar("Shown")
Cells = Sequence[str]


def without_middle(
    items: Sequence[Item],
    most: int,
    show: Callable[[Item], Sequence[Shown]],
    left_out: Callable[[str], Shown],
) -> list[Shown]:
    """Return what items are shown as; of many the first and the last ones, and how many are left out.

    Parameters
    ----------
    items : sequence
        The items; those in the middle are not shown, however many there are.
    most : int
        The largest number of items to show.
    show : callable
        From an item to a list of lines or rows.
    left_out : callable
        From a text such as ``"… 1,000 more …"`` to a line or row.

    Returns
    -------
    list
        The lines or rows.

    Examples
    --------
    >>> without_middle(range(1000), 4, lambda i: [str(i)], str)
    ['0', '1', '… 996 more …', '998', '999']
    """
    half = most // 2
    first, last = (items[:half], items[-half:]) if len(items) > most else (items, items[:0])
    marks = [left_out(f"… {len(items) - 2 * half:,} more …")] if len(items) > most else []
    return [
        *(line for item in first for line in show(item)),
        *marks,
        *(line for item in last for line in show(item)),
    ]


def text_table(head: Cells, rows: Sequence[Cells]) -> str:
    """Return a table as lines of text, with numbers to the right and words to the left.

    Parameters
    ----------
    head : sequence of str
        The titles of the columns.
    rows : sequence of sequence of str
        The cells.

    Returns
    -------
    str
        The lines; without blanks at their ends.

    Examples
    --------
    >>> print(text_table(["node", "value"], [["x", "3"], ["score", "10.5"]]))
    node   value
    x          3
    score   10.5
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    pads = [str.rjust if number else str.ljust for number in _columns_of_numbers(head, rows)]
    return "\n".join(
        "  ".join(pad(cell, width) for pad, cell, width in zip(pads, cells, widths, strict=True)).rstrip()
        for cells in [head, *rows]
    )


def html_table(head: Cells, rows: Sequence[Cells], title: str = "", more: str = "") -> str:
    """Return a table as HTML for a notebook, whose colours and font it takes on.

    Parameters
    ----------
    head : sequence of str
        The titles of the columns.
    rows : sequence of sequence of str
        The cells; any text, which is escaped. A single cell goes over all columns.
    title : str
        A line above the table.
    more : str
        A line below it.

    Returns
    -------
    str
        The HTML; without rows, the title alone.

    Examples
    --------
    >>> html_table([], [], "nothing <found>")
    '<p>nothing &lt;found&gt;</p>'
    """
    from html import escape  # 1 ms, for notebooks alone

    above = f"<p>{escape(title)}</p>" if title else ""
    if not rows:
        return above
    # A number such as 1.5e-08 is not broken at its sign.
    sides = ["right; white-space: nowrap" if number else "left" for number in _columns_of_numbers(head, rows)]

    def line(tag: str, cells: Cells) -> str:
        if len(cells) < len(head):
            return f'<tr><td colspan="{len(head)}" style="text-align: left">{escape(cells[0])}</td></tr>'
        # Notebooks align all cells to the right. What is a formula or a sentence reads from the left.
        each = zip(sides, cells, strict=True)
        texts = (f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for side, cell in each)
        return f"<tr>{''.join(texts)}</tr>"

    body = "".join(line("td", cells) for cells in rows)
    below = f"<p>{escape(more)}</p>" if more else ""
    return f"{above}<table><thead>{line('th', head)}</thead><tbody>{body}</tbody></table>{below}"


def _columns_of_numbers(head: Cells, rows: Sequence[Cells]) -> list[bool]:
    """Return for each column whether its cells are numbers, or nothing."""
    whole = [row for row in rows if len(row) == len(head)]
    return [all(_is_number(row[i]) for row in whole) for i in range(len(head))]


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "").rstrip("%") or "0")
    except ValueError:
        return False
    return True
