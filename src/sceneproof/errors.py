"""The exceptions of this package: bad input, which a user can mend, a video's fault, the machine's trouble."""


class InputError(ValueError):
    """Bad input: the message names the file, row or key, and says what to do."""

    def __init__(self, *said: object) -> None:
        super().__init__(*map(_without_traceback, said))


CURE = "make it again, or copy it anew"


class DamagedError(InputError):
    """A file whose bytes are not those that were written.

    Attributes:
        reason: that, in a few words, without the file's name.
    """

    reason = "damaged: its bytes are not those that were written (SHA-256)"

    def __init__(self, path: object, cure: str = CURE) -> None:
        super().__init__(f"{path}: {self.reason}: {cure}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str]]:
        """Between processes only the text counts."""
        return InputError, (str(self),)


class VideoError(Exception):
    """A file that does not give its frames; the text is the reason, in a few words."""


class TrainingError(RuntimeError):
    """Training cannot go on: the message says why, and where the last good checkpoint is."""


class MachineError(RuntimeError):
    """The machine fails, not the input: a full disk, no memory, a drive that is gone. The message says what to do."""

    def __init__(self, *said: object) -> None:
        super().__init__(*map(_without_traceback, said))


class ConditionMetError(Exception):
    """A condition of an audit's --fail-if holds: the message says which, and what was measured."""


def _without_traceback(said: object) -> object:
    """What was said, without the traceback that PyTorch puts before an error of a loader's worker."""
    if isinstance(said, str) and said.startswith("Caught ") and "Original Traceback" in said:
        return said.rstrip().rpartition("\n")[2].partition(": ")[2]
    return said


class AddressError(InputError):
    """An address that cannot be read or written.

    Attributes:
        reason: why, in a few words, without the address.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.reason = reason

    def __str__(self) -> str:
        return ": ".join(map(str, self.args))


class UnreachableError(AddressError):
    """A store or server that does not answer, or does not let anybody in: no fault of a file there."""
