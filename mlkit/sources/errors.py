"""The errors of this room."""


class SourceError(ValueError):
    """A table could not be read: the text names the file, the rule and what to do."""


class TooLargeError(SourceError):
    """A table does not fit into memory; a query may still read it piece by piece."""
