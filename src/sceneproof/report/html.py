"""Pages from templates: one look, and all that comes from outside is escaped."""

from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

import sceneproof


def html(template: str, *, package: str = "sceneproof.report", **values: Any) -> str:
    """A page that stands alone.

    Args:
        template: its file in `package`; it fills the blocks of layout.html.j2, which is here.
        package: where the template lies, as an import path.
        values: what the template shows; the layout wants title, headline, notes and sections.

    Raises:
        jinja2.UndefinedError: a value that the template shows is missing.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("sceneproof.report", ".")]),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    css = Markup(files("sceneproof.report").joinpath("page.css").read_text())
    return environment.get_template(template).render(version=sceneproof.__version__, css=css, **values)
