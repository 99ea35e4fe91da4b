"""ordermill: orders out of web shops, kept exactly, invoiced to the cent."""

__version__ = "0.1.0"
