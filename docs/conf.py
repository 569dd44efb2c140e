"""How Sphinx makes the site; `make site` calls it. The sources are the folder of the course."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("site")))
from lesson_pages import CARDS, REPOSITORY

project = "LeNet course kit"
author = "the authors of the course"
copyright = "text and figures CC BY 4.0, code MIT"
language = "en"

extensions = ["myst_nb", "lesson_pages"]
root_doc = "docs/contents"
include_patterns = [
    "docs/**.md",
    "figures/README.md",
    "data/README.md",
    "notebooks/[0-9]*.ipynb",
    "notebooks/exercises/*.ipynb",
    "CHANGELOG.md",
    "README.md",
]
exclude_patterns = [".*", "build", "lenet_helpers", "tests", "data/MNIST", "**/.*"]

nb_execution_mode = "off"  # the notebooks are committed with their outputs
nb_ipywidgets_js = {}  # it would come from elsewhere; live pieces are in the notebook
nb_render_markdown_format = "myst"  # a table that a cell prints
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
myst_heading_slug_func = "github"  # as on GitHub, for which the links are written
suppress_warnings = ["myst.header"]  # a page of the docs may begin with a smaller heading

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["site/static", "../build/mathjax"]
html_css_files = ["site.css"]
html_favicon = "site/static/icon.svg"
templates_path = ["site/templates"]
html_additional_pages = {"index": "first_page.html"}
html_context = {"cards": CARDS, "default_mode": "auto"}
html_copy_source = False  # lesson_pages lays the notebooks down for download
html_show_sourcelink = False
html_show_search_summary = False  # it is fetched, which a page from a folder may not
html_use_index = False
html_last_updated_fmt = None  # so that two builds are the same
mathjax_path = "tex-svg.js"  # vendored by make_site
html_theme_options = {
    "logo": {"text": project},
    "navbar_persistent": [],  # the search stands in the sidebar
    "footer_content_items": ["copyright"],
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if REPOSITORY:
    html_theme_options |= {
        "repository_url": f"https://github.com/{REPOSITORY}",
        "use_repository_button": True,
    }
