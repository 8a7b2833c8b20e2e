"""A result in, one self-contained page out, with a decoder small enough to run inside it."""

from zeeman.report.export import Absent, PageDecoder, export_decoder
from zeeman.report.page import write_report

__all__ = ["Absent", "PageDecoder", "export_decoder", "write_report"]
