"""The errors of this room."""


class ExecutorError(ValueError):
    """There is no such executor, or it can not be reached."""


class SegmentsError(ValueError):
    """A case can not be divided as ``segments`` says."""


class WorkspaceError(ValueError):
    """The workspace can not be reached by the address that was given."""
