from __future__ import annotations

from collections.abc import Mapping

from autograd.show.picture.drawing import Drawing
from autograd.show.picture.views import Detail, View


def test_views_and_details_are_made_when_asked_for() -> None:
    """The text and the image of a picture cost no view and no detail; each is made once."""
    made = []

    def views() -> Mapping[str, View]:
        made.append("views")
        return {"": View("all", "digraph { a -> b }", {"a": "a"}), "a": View("a", "digraph { c }", {})}

    def details() -> Mapping[str, Detail]:
        made.append("details")
        return {"a": Detail("a", (("value", "2"),), "given")}

    picture = Drawing("digraph { a -> b }", views, details)
    assert picture.render("svg")
    assert repr(picture).startswith("<Drawing of 1 edges")
    assert made == []
    assert picture.views["a"].source == "digraph { c }"
    assert picture.details["a"].explanation == "given"
    assert (len(picture.views), len(picture.details)) == (2, 1)
    assert made == ["views", "details"]


def test_a_picture_without_states() -> None:
    """A picture that nothing unfolds in is its only view."""
    picture = Drawing("digraph { a }")
    assert picture.views == {"": View("", "digraph { a }", {})}
    assert picture.details == {}
