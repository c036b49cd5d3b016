"""What the service says when it can't do as asked."""


class RequestRefused(Exception):
    """The request itself is wrong; answered as `{"error": {"code", "message"}}`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class StepFailed(Exception):
    """The step was understood and executed, and came to nothing."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class ToolFailed(Exception):
    """A tool call came to nothing; the model is told and may go on."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid_step(message: str) -> RequestRefused:
    return RequestRefused(400, "invalid_step", message)
