"""The one exception for input that a user can mend: the command line prints it and exits with code 2."""


class InputError(ValueError):
    """Bad input: the message names the file, row or key, and says what to do."""


class TrainingError(RuntimeError):
    """Training cannot go on: the message says why, and where the last good checkpoint is."""


class MachineError(RuntimeError):
    """The machine fails, not the input: a full disk, no memory, a drive that is gone. The message says what to do."""


class ConditionMetError(Exception):
    """A condition of an audit's --fail_if holds: the message says which, and what was measured."""


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
