"""`sceneproof app`: the audit in the browser, with one clip that somebody drops there."""

import os
import tempfile
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneproof.audit.look import look
from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.settings import ModelSettings
from sceneproof.audit.subject import Subject
from sceneproof.contexts.backgrounds import VIDEOS, Backgrounds
from sceneproof.errors import InputError
from sceneproof.labelling.humans_command import Kind, labelling_of
from sceneproof.labelling.looked import Labelling
from sceneproof.labelling.upload import find_people, moves, read_upload
from sceneproof.report.audit.looked import looked_html, problem_html, style

if TYPE_CHECKING:
    from gradio import Blocks

LARGEST = "1gb"
"""Of an uploaded file."""
KEPT = 3600
"""Seconds after which uploaded files are removed, while the app runs; when it ends, all are."""
FONTS = ("system-ui", "sans-serif")
"""The system's own: fonts of Gradio's themes come from the web."""


def app(
    model: str,
    *,
    names: Path | None = None,
    inputs: InputSettings = InputSettings(),
    model_weights: str | None = None,
    detector: Kind | None = None,
    weights: str | None = None,
    download: bool = False,
    score: float | None = None,
    every: int | None = None,
    per_second: float | None = None,
    least_overlap: float = 0.3,
    gap: int = 1,
    size: int | None = None,
    share: float = 0.5,
    examples: Path | None = None,
    backgrounds: Path | None = None,
    clips: int = 3,
    seconds: float = 10.0,
    seed: int = 0,
    host: str = "127.0.0.1",
    port: int | None = None,
    device: str = "auto",
    batch: int = 8,
) -> None:
    """Opens a page where one clip is audited: as it is, without its person, without its scene, and where MODEL looks.

    MODEL is whatever `sceneproof audit` takes. Drop a video into the page, or choose an example; people are found by
    the detector that you give (--weights yolox.onnx), or by motion alone. Nothing leaves this machine. Ctrl-C ends it.
    Needs Gradio: pip install "sceneproof[app]".

    Args:
        model: The model: see `sceneproof audit --help`.
        names: File of the model's class names, one a line or as JSON, where the model does not bring them.
        inputs: What an exported file or a callable takes: frames, size, layout, mean and deviation.
        model_weights: File of weights for a torchvision model, instead of the published ones.
        detector: What finds people, as in `sceneproof label humans`; by default yolox where there are weights for it,
            else motion.
        weights: The detector's: for yolox the .onnx file, for faster-rcnn and mask-rcnn torchvision's .pth file, for
            hugging-face a folder or a name on the Hub.
        download: Fetch torchvision's weights where no file is given, or the Hub's model where it is not in the cache.
        score: People below it are left out: by default 0.1 for boxes, of which those below 0.3 are not used, and 0.5
            for masks.
        every: For boxes: the detector looks at every so many-th frame, and at the last; by default 4.
        per_second: For boxes, instead: about how many frames a second it looks at, where the rate is known.
        least_overlap: For boxes: IoU in frames looked at one after the other, for two boxes to be one person.
        gap: For boxes: how many frames looked at a person may be missing from and still be the same.
        size: For yolox: side of the model's picture, where the model leaves it open. For faster-rcnn and mask-rcnn:
            short side that frames are brought to, by default 800.
        share: For motion: the share of each picture's pixels that are called a person.
        examples: Folder of videos to choose from.
        backgrounds: Folder of pictures or videos to put people in front of; without one, a drawn scene.
        clips: Clips of the video, evenly spaced; their probabilities are averaged.
        seconds: What lies behind so many seconds of a file is not looked at, and the page says so.
        seed: Another seed, another drawn scene and texture.
        host: The address to listen on. With any but the default one other machines can use the page: it asks for no
            password.
        port: The port to listen on; by default the first free one from 7860 on.
        device: 'auto', 'cpu' or 'cuda', for the model and the detector.
        batch: Clips that go through the model together.

    Raises:
        InputError: bad input, or Gradio is not installed.
    """
    if clips < 1 or not seconds > 0:
        raise InputError(f"--clips must be at least 1 and --seconds above 0, not {clips} and {seconds:g}")
    chosen: Kind = detector or ("motion" if weights is None else "yolox")
    labelling = labelling_of(
        chosen, weights=weights, download=download, score=score, every=every, per_second=per_second,
        least_overlap=least_overlap, gap=gap, size=size, share=share, device=device,
    )  # fmt: skip
    subject = ModelSettings(
        model, None if names is None else str(names), inputs, model_weights, device, batch
    ).open()  # fmt: skip
    behind = None if backgrounds is None else Backgrounds.read(backgrounds)
    looking = Looking(subject, labelling, chosen == "motion", clips, seconds, seed, behind)
    serve(looking, {} if examples is None else examples_in(examples), host=host, port=port)


@dataclass(frozen=True)
class Looking:
    """What every uploaded clip is looked at with.

    Attributes:
        subject: the model.
        labelling: finds people.
        by_motion: whether it knows people by their motion alone.
        clips: clips of a video.
        seconds: that are read of a file.
        seed: of the drawn place and texture.
        backgrounds: pictures and videos to put people in front of; None: a drawn scene.
    """

    subject: Subject
    labelling: Labelling
    by_motion: bool
    clips: int = 3
    seconds: float = 10.0
    seed: int = 0
    backgrounds: Backgrounds | None = None

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
        looked = look(
            self.subject, upload.frames, people, clips=self.clips, seed=self.seed, backgrounds=self.backgrounds
        )
        facts = [f"{upload.width} × {upload.height}", f"{upload.total} frames", f"people by {self._how}"]
        warnings = [upload.cut] if upload.cut else []
        if not people.any():
            warnings.append(f"Nobody was found in this clip (by {self._how}), so there is nobody to take out.")
        elif self.by_motion:
            warnings.append(
                "People were found by motion alone: what moves, and what has its colours, counts as a person. "
                "Start the app with --weights yolox.onnx for a detector."
            )
        elif self.labelling.kind == "boxes":
            warnings.append("People were found as boxes: some of the scene is cut out, and pasted, with them.")
        return looked_html(looked, name=path.name, rate=upload.rate, facts=facts, warnings=warnings)

    @property
    def _how(self) -> str:
        return "motion" if self.by_motion else str(self.labelling.metadata["detector"]).partition(" (sha256")[0]


def examples_in(folder: Path) -> dict[str, Path]:
    """The videos of a folder and its sub-folders, by their paths below it.

    Raises:
        InputError: no such folder, or no video in it.
    """
    if not folder.is_dir():
        raise InputError(f"--examples {folder}: no such folder")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS and path.is_file())
    if not found:
        raise InputError(f"--examples {folder}: no videos ({', '.join(VIDEOS)}) are here")
    return {path.relative_to(folder).as_posix(): path for path in found}


def serve(looking: Looking, examples: Mapping[str, Path], *, host: str, port: int | None) -> None:
    """Shows the page until Ctrl-C.

    Raises:
        InputError: Gradio is not installed, or the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="sceneproof-app-") as folder:
        at_home = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "GRADIO_TEMP_DIR": folder}
        # Gradio looks whether its own page answers: not by way of a proxy
        around = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), host, "localhost"]))
        os.environ.update(at_home, no_proxy=around, NO_PROXY=around)
        try:
            import gradio
        except ImportError:
            raise InputError('the app needs Gradio: pip install "sceneproof[app]"') from None
        page = interface(looking, examples)
        theme = gradio.themes.Soft(font=FONTS, font_mono=("ui-monospace", "monospace"), primary_hue="sky").set(
            block_label_text_color="*neutral_800", block_label_text_color_dark="*neutral_100",
            block_title_text_color="*neutral_800", block_title_text_color_dark="*neutral_100",
        )  # fmt: skip  # the theme's own is pale on pale
        try:
            _, address, _ = page.queue().launch(
                server_name=host, server_port=port, share=False, inbrowser=False, prevent_thread_lock=True, quiet=True,
                ssr_mode=False, footer_links=[], run_history=False, max_file_size=LARGEST, enable_monitoring=False,
                theme=theme, css=style(),
            )  # fmt: skip
        except OSError as error:
            raise InputError(f"--host {host} --port {port or ''}: cannot be listened on: {error}") from None
        print(f"{looking.subject.title}: {address} (Ctrl-C ends it)", flush=True)
        try:
            threading.Event().wait()
        finally:
            page.close(verbose=False)


def interface(looking: Looking, examples: Mapping[str, Path]) -> "Blocks":
    """The page: a place to drop a clip, and what the model says of it."""
    import gradio

    how = "by motion alone, since no detector was given" if looking.by_motion else f"by {looking._how}"
    about = (
        f"Drop a clip: you see what the model **{_plain(looking.subject.title)}** says of it, what is left of that "
        f"without the person and without the scene, and where it looks. People are found {_plain(how)}. The first "
        f"{looking.seconds:g}\N{NO-BREAK SPACE}s of a file are looked at. Nothing leaves this machine."
    )

    def example(name: str | None) -> str:
        return looking.answer(examples.get(name or ""))

    handler: dict[str, Any] = {"show_progress": "minimal", "concurrency_limit": 1, "concurrency_id": "model"}
    with gradio.Blocks(title="sceneproof", analytics_enabled=False, delete_cache=(KEPT, KEPT)) as page:
        gradio.Markdown("# Does it see the action, or the place?")
        gradio.Markdown(about)
        with gradio.Row():
            clip = gradio.File(label="A clip", file_count="single", height=140)
            if examples:
                choice = gradio.Dropdown(list(examples), value=None, label="Or an example", filterable=True)
        answer = gradio.HTML(looking.answer(None), elem_id="answer")
        clip.upload(looking.answer, clip, answer, **handler)
        clip.clear(lambda: looking.answer(None), None, answer, **handler)
        if examples:
            choice.input(example, choice, answer, **handler)
    return page  # type: ignore[no-any-return]  # Gradio's context managers are untyped


def _plain(text: str) -> str:
    """Text as Markdown shows it: no letter of it is a mark."""
    return "".join(f"&#{ord(letter)};" if not letter.isalnum() and letter != " " else letter for letter in text)
