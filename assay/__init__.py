"""The shell around the product: settings, the night, publishing, report, command line."""

__version__ = "0.1.0"
