"""The one exception for input that a user can mend: the command line prints it and exits with code 2."""


class InputError(ValueError):
    """Bad input: the message names the file, row or key, and says what to do."""


class TrainingError(RuntimeError):
    """Training cannot go on: the message says why, and where the last good checkpoint is."""
