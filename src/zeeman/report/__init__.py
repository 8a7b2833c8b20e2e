"""A result in, one self-contained page out, with a decoder small enough to run inside it."""

from zeeman.report.export import Absent, PageDecoder, export_decoder
from zeeman.report.page import write_report
from zeeman.report.pictures import Picture, picture

__all__ = ["Absent", "PageDecoder", "Picture", "export_decoder", "picture", "write_report"]
