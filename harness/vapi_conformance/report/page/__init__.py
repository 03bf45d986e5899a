"""The report as a page: view models made from report documents, one or several, and the templates that show them."""

from vapi_conformance.report.page.rendering import render_page

__all__ = ["render_page"]
