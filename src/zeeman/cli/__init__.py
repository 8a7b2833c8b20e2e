"""The command line: each verb turns its arguments into one library call."""

from zeeman.cli.app import main

__all__ = ["main"]
