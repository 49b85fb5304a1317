"""Files that are written whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sceneproof.addresses import Address, Place, located, opened_file, upload
from sceneproof.errors import InputError


@contextmanager
def whole(path: Address | Place) -> Iterator[Path]:
    """Yields a temporary path, beside `path` unless that is an address, that takes its place when the block ends well.

    The temporary name keeps the suffix, so writers that look at it still work. A process that is killed leaves
    `path` as it was. A full disk surfaces as the writer's OSError, with `path` untouched. To an address the file is
    uploaded by one call: object stores show it when all of it is there.

    Raises:
        AddressError: the address cannot be reached or written.
    """
    path = located(path)
    if not isinstance(path, Path):
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder, path.name)
            upload(Path(folder, path.name), path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        temporary.touch()
        mode = temporary.stat().st_mode & 0o777  # what the umask leaves; some writers make files for their owner alone
        yield temporary
        temporary.chmod(mode)
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Address | Place, value: Any) -> None:
    """Writes indented JSON, whole or not at all; refuses NaN, which JSON does not have."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Address | Place) -> Any:
    """Reads JSON.

    Raises:
        InputError: the file is missing, cannot be reached or is not JSON.
    """
    try:
        with opened_file(located(path)) as file:
            return json.loads(file.read().decode())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not JSON: {error}") from None
