"""Sphinx's configuration; ``nnkit site`` gives it what to read."""

from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nnkit.course.about import THEME, about
from nnkit.course.site.reference import aliases
from nnkit.course.site.repository import DISTRIBUTION

release = version_of(DISTRIBUTION)
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_codeautolink",
    "nnkit.course.site.docstrings",
    "nnkit.course.site.mending",
]

# lectures have been run
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # require.js from elsewhere; figures are frames
myst_enable_extensions = ["dollarmath", "colon_fence"]
nb_render_markdown_format = "myst"  # formulas and tables in what a cell shows, too

# reference
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# what is not in the site: types of other packages, and our own that are not exported
nitpick_ignore_regex = [
    (r"py:.*", r"(?!nnkit\b).*"),
    (r"py:class", r"nnkit\..*"),
]

# links from code to the reference, and back
codeautolink_concat_default = True
codeautolink_inventory_map = aliases()

# offline: one file of MathJax 3, which draws without fonts
_mathjax = find_spec("sphinx-mathjax-offline")
assert _mathjax is not None
assert _mathjax.origin is not None
mathjax_path = "tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}}  # loads more; each formula is a tab stop
html_static_path: list[str] = [
    "static",
    str(Path(_mathjax.origin).parent / "static" / "mathjax" / mathjax_path),
]
html_css_files = ["course.css"]
html_js_files = ["offline.js"]

html_theme = "pydata_sphinx_theme"
html_context = {"default_mode": "auto"}
html_copy_source = False
html_sidebars: dict[str, list[str]] = {"changelog": [], "citing": []}  # no pages are below them
html_show_sourcelink = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}


def setup(app: Any) -> None:
    """Say what the course says of itself, in its look; both are beside the pages."""
    told = about(Path(app.srcdir))
    app.config.project = app.config.html_title = told.title
    app.config.author = told.authors
    app.config.copyright = "; ".join(filter(None, [told.authors, told.licences]))
    theme = Path(app.srcdir, THEME)
    if theme.is_file():
        app.config.html_static_path.append(str(theme))
        app.add_css_file(THEME)
