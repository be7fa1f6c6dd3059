"""The report of a model as one file that prints."""

from dashboard.views.report.render import file_name, report

__all__ = ["file_name", "report"]
