"""A file that somebody hands in, to a piece of a page: what the model says of it, or what is wrong."""

import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sceneproof.audit.single import audit_clip
from sceneproof.audit.subject import Subject
from sceneproof.contexts.backgrounds import VIDEOS, Backgrounds
from sceneproof.correction import Remedy
from sceneproof.data.box_places import area_doubts
from sceneproof.errors import InputError
from sceneproof.files import named, no_folder
from sceneproof.labelling.contracts import Labelling
from sceneproof.labelling.upload import find_people, moves, read_upload
from sceneproof.pages.clip import clip_html, problem_html
from sceneproof.pages.kit import percent
from sceneproof.wording import counted


@dataclass(frozen=True)
class UploadAudit:
    """What every uploaded clip is audited with.

    Attributes:
        subject: the model.
        labelling: finds people.
        by_motion: whether it knows people by their motion alone.
        clips: clips of a video.
        seconds: that are read of a file.
        seed: of the drawn place and texture.
        backgrounds: pictures and videos to put people in front of; None: a drawn scene.
        remedy: what takes the scene's part out of the model's answers; None: nothing.
    """

    subject: Subject
    labelling: Labelling
    by_motion: bool
    clips: int = 3
    seconds: float = 10.0
    seed: int = 0
    backgrounds: Backgrounds | None = None
    remedy: Remedy | None = None

    def answer(self, file: str | Path | None) -> str:
        """A file to a piece of the page: what the model says, or what is wrong; never an error."""
        if not file:
            return problem_html("No video yet: drop one above, or choose it there.")
        path = Path(file)
        try:
            return self._answer(path)
        except InputError as error:
            return problem_html(str(error), path.name)
        except Exception as error:  # noqa: BLE001  # a model of the user's may raise anything; the page goes on
            traceback.print_exc()
            reason = f"{type(error).__name__}: {error}"
            return problem_html(f"This went wrong: {reason}. The terminal that runs the app tells where.", path.name)

    def _answer(self, path: Path) -> str:
        upload = read_upload(path, seconds=self.seconds)
        people = find_people(self.labelling, upload.frames, upload.rate)
        people &= not self.by_motion or moves(upload.frames)
        audited = audit_clip(
            self.subject, upload.frames, people, clips=self.clips, seed=self.seed, backgrounds=self.backgrounds,
            remedy=self.remedy,
        )  # fmt: skip
        facts = [f"{upload.width} × {upload.height}", counted(upload.total, "frame"), f"people by {self.how}"]
        facts += [f"the model reads {self.subject.reads}"] if self.subject.reads else []
        warnings = [upload.cut] if upload.cut else []
        if people.any():
            shares = people.mean((1, 2))[people.any((1, 2))]
            cover = percent(float(np.median(shares)), 0)
            facts.append(f"people in {len(shares)} of {len(people)} frames, on {cover} of the picture")
            doubts = area_doubts(shares, "what is taken for people", np.inf)
            warnings += [f"{doubt.text[0].upper()}{doubt.text[1:]}." for doubt in doubts]
        if not people.any():
            warnings.append(f"Nobody was found in this clip (by {self.how}), so there is nobody to take out.")
        elif self.by_motion:
            warnings.append(
                "People were found by motion alone: what moves, and what has its colours, counts as a person. "
                "Start the app with --detector YOLOX --detector.weights yolox.onnx for a detector."
            )
        elif self.labelling.kind == "boxes":
            warnings.append("People were found as boxes: some of the scene is cut out, and pasted, with them.")
        return clip_html(audited, name=path.name, rate=upload.rate, facts=facts, warnings=warnings)

    @property
    def how(self) -> str:
        """What finds people, in a word or two."""
        return "motion" if self.by_motion else str(self.labelling.metadata["detector"]).partition(" (sha256")[0]


def examples_in(folder: Path) -> dict[str, Path]:
    """The videos of a folder and its sub-folders, by their paths below it.

    Raises:
        InputError: no such folder, or no video in it.
    """
    if not folder.is_dir():
        raise InputError(f"--examples {no_folder(folder)}")
    videos = sorted(named(path) for path in folder.rglob("*") if path.suffix.lower() in VIDEOS and path.is_file())
    if not videos:
        raise InputError(f"--examples {folder}: no videos ({', '.join(VIDEOS)}) are here")
    return {path.relative_to(folder).as_posix(): path for path in videos}
