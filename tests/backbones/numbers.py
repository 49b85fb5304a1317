"""The authors' own numbers (see reference.py), for tests to compare with."""

import json
from pathlib import Path
from typing import Any

NUMBERS: dict[str, Any] = json.loads((Path(__file__).parent / "reference.json").read_text())
