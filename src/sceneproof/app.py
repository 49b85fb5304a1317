"""`sceneproof app`: the audit in the browser, with one clip that somebody drops there."""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sceneproof.audit.models.inputs import InputSettings
from sceneproof.audit.settings import ModelSettings
from sceneproof.audit.single import SHOWN
from sceneproof.audit.uploads import UploadAudit, examples_in
from sceneproof.contexts.backgrounds import Backgrounds
from sceneproof.correction import Remedy
from sceneproof.errors import InputError
from sceneproof.gate import LARGEST, Gate, own_names
from sceneproof.interrupts import Terminated, termination_interrupts
from sceneproof.jobs.processes import hold_starts
from sceneproof.labelling.humans_command import FORMER_WORDS as FORMER_DETECTORS
from sceneproof.labelling.humans_command import MotionMask, PeopleModel, people_labelling
from sceneproof.pages.clip import style
from sceneproof.spec import Spec

if TYPE_CHECKING:
    from gradio import Blocks

KEPT = 3600
"""Seconds after which uploaded files are removed, while the app runs; when it ends, all are."""
FORMER_WORDS = {old: new for old, new in FORMER_DETECTORS.items() if old not in ("--device", "--threads")}
"""How the detector's options were spelled before, and how they are now; `--device` is the model's."""
STARTING = 10.0
"""Seconds that a worker may take to start when the app ends."""
FONTS = ("system-ui", "sans-serif")
"""The system's own: fonts of Gradio's themes come from the web."""


def app(
    model: str,
    *,
    names: Path | None = None,
    inputs: InputSettings = InputSettings(),
    model_weights: str | None = None,
    detector: PeopleModel = MotionMask,
    every: int | None = None,
    per_second: float | None = None,
    least_overlap: float = 0.3,
    gap: int = 1,
    examples: Path | None = None,
    backgrounds: Path | None = None,
    remedy: Path | None = None,
    clips: int = 3,
    seconds: float = 10.0,
    seed: int = 0,
    host: str = "127.0.0.1",
    port: int | None = None,
    allowed_hosts: Sequence[str] = (),
    device: str = "auto",
    batch: int = 8,
    trust: list[str] | None = None,
) -> None:
    """Opens a page where one clip is audited: as it is, without its person, without its scene, and where MODEL looks.

    MODEL is whatever `sceneproof audit` takes. Drop a video into the page, or choose an example; people are found by
    the detector that you give (--detector YOLOX --detector.weights yolox.onnx), or by motion alone. Nothing leaves this
    machine. Ctrl-C ends it. Needs Gradio: pip install "sceneproof[app]".

    Args:
        model: The model: see `sceneproof audit --help`.
        names: File of the model's class names, one a line or as JSON, where the model does not bring them.
        inputs: What an exported file or a callable takes: frames, size, layout, mean and deviation.
        model_weights: File of weights for a torchvision model, instead of the published ones; RAFT's, for a run that
            was trained on flow by RAFT.
        detector: What finds people, as in `sceneproof label humans`: YOLOX, FasterRCNN, HuggingFaceDetector, MaskRCNN,
            MotionMask, or the import path of your own. Its options are --detector.NAME; --detector.help CLASS lists
            them. Boxes with a score below 0.3 are not used.
        every: For boxes: the detector looks at every so many-th frame, and at the last; by default 4.
        per_second: For boxes, instead: about how many frames a second it looks at, where the rate is known.
        least_overlap: For boxes: IoU in frames looked at one after the other, for two boxes to be one person.
        gap: For boxes: how many frames looked at a person may be missing from and still be the same.
        examples: Folder of videos to choose from.
        backgrounds: Folder of pictures or videos to put people in front of; without one, a drawn scene.
        remedy: File of `sceneproof remedy` for this model: the page also says its answer without the scene’s part.
        clips: Clips of the video, evenly spaced; their probabilities are averaged.
        seconds: What lies behind so many seconds of a file is not looked at, and the page says so.
        seed: Another seed, another drawn scene and texture.
        host: The address to listen on. With any but the default one other machines can use the page: it asks for no
            password.
        port: The port to listen on; by default the first free one from 7860 on.
        allowed_hosts: Names besides this machine's own that the page may be asked for by, such as that of a proxy.
        device: 'auto', 'cpu' or 'cuda', for the model.
        batch: Clips that go through the model together.
        trust: Modules or classes (mypackage, mypackage.models.Net) that a run's configuration may name besides
            sceneproof's own. To import them executes their code.

    Raises:
        InputError: bad input, or Gradio is not installed.
    """
    if clips < 1 or not seconds > 0:
        raise InputError(f"--clips must be at least 1 and --seconds above 0, not {clips} and {seconds:g}")
    finder = Spec.of(detector)
    labelling = people_labelling(finder, every=every, per_second=per_second, least_overlap=least_overlap, gap=gap)
    subject = ModelSettings(
        model, None if names is None else str(names), inputs, model_weights, device, batch,
        None if trust is None else tuple(trust),
    ).open()  # fmt: skip
    behind = None if backgrounds is None else Backgrounds.read(backgrounds)
    cure = None
    if remedy is not None:
        cure = Remedy.read(remedy)
        cure.refuse_other(subject.actions, subject.identity, remedy)
        if cure.scene not in SHOWN:
            raise InputError(
                f"--remedy {remedy}: chosen on clips that this page does not show ({cure.scene}): choose it with "
                f"`sceneproof remedy AUDIT --scene human_inpainted`"
            )
    by_motion = finder.class_path.endswith(".MotionMask")
    desk = UploadAudit(subject, labelling, by_motion, clips, seconds, seed, behind, cure)
    clips_at_hand = {} if examples is None else examples_in(examples)
    try:
        serve(desk, clips_at_hand, host=host, port=port, allowed_hosts=allowed_hosts)
    except KeyboardInterrupt as error:
        hold_starts(STARTING)
        if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
            _leave(error)
        raise


def _leave(error: KeyboardInterrupt) -> NoReturn:
    """Ends this process at once: Python would wait for the threads that work at answers, which nobody reads."""
    asked = isinstance(error, Terminated)
    for process in multiprocessing.active_children():
        process.kill()
    print("sceneproof: terminated." if asked else "sceneproof: interrupted.", file=sys.stderr, flush=True)
    os._exit(128 + (signal.SIGTERM if asked else signal.SIGINT))


def serve(
    desk: UploadAudit, examples: Mapping[str, Path], *, host: str, port: int | None, allowed_hosts: Sequence[str] = ()
) -> None:
    """Shows the page until Ctrl-C or a termination request.

    Raises:
        InputError: Gradio is not installed, or the port is taken.
    """
    with (
        termination_interrupts(),
        tempfile.TemporaryDirectory(prefix="sceneproof-app-", ignore_cleanup_errors=True) as folder,
    ):
        at_home = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "GRADIO_TEMP_DIR": folder}
        # Gradio looks whether its own page answers: not by way of a proxy
        around = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), host, "localhost"]))
        os.environ.update(at_home, no_proxy=around, NO_PROXY=around)
        try:
            import gradio
            from starlette.middleware import Middleware
        except ImportError:
            raise InputError('the app needs Gradio: pip install "sceneproof[app]"') from None
        page = interface(desk, examples)
        theme = gradio.themes.Soft(font=FONTS, font_mono=("ui-monospace", "monospace"), primary_hue="sky").set(
            block_label_text_color="*neutral_800", block_label_text_color_dark="*neutral_100",
            block_title_text_color="*neutral_800", block_title_text_color_dark="*neutral_100",
        )  # fmt: skip  # the theme's own is pale on pale
        proxies = frozenset(name.lower() for name in allowed_hosts)
        gate = Middleware(Gate, names=own_names(host, proxies), proxies=proxies, folder=Path(folder))
        try:
            _, address, _ = page.queue().launch(
                server_name=host, server_port=port, share=False, inbrowser=False, prevent_thread_lock=True, quiet=True,
                ssr_mode=False, footer_links=[], run_history=False, max_file_size=LARGEST, enable_monitoring=False,
                theme=theme, css=style(), app_kwargs={"middleware": [gate]},
            )  # fmt: skip
        except OSError as error:
            where = f"{host}, port {port}" if port is not None else host
            raise InputError(
                f"{where}: taken, or not ours to listen on; without --port the first free one is"
            ) from error
        print(f"{desk.subject.title}: {address} (Ctrl-C ends it)", flush=True)
        try:
            threading.Event().wait()
        finally:
            page.close(verbose=False)


def interface(desk: UploadAudit, examples: Mapping[str, Path]) -> "Blocks":
    """The page: a place to drop a clip, and what the model says of it."""
    import gradio

    how = "by motion alone, since no detector was given" if desk.by_motion else f"by {desk.how}"
    about = (
        f"Drop a clip: you see what the model **{_plain(desk.subject.title)}** says of it, what is left of that "
        f"without the person and without the scene, and where it looks. People are found {_plain(how)}. The first "
        f"{desk.seconds:g}\N{NO-BREAK SPACE}s of a file are looked at. Nothing leaves this machine."
    )

    def example(name: str | None) -> str:
        return desk.answer(examples.get(name or ""))

    handler: dict[str, Any] = {"show_progress": "minimal", "concurrency_limit": 1, "concurrency_id": "model"}
    with gradio.Blocks(title="sceneproof", analytics_enabled=False, delete_cache=(KEPT, KEPT)) as page:
        gradio.Markdown("# Does it see the action, or the place?")
        gradio.Markdown(about)
        with gradio.Row():
            clip = gradio.File(label="A clip", file_count="single", height=140)
            if examples:
                choice = gradio.Dropdown(list(examples), value=None, label="Or an example", filterable=True)
        answer = gradio.HTML(desk.answer(None), elem_id="answer")
        clip.upload(desk.answer, clip, answer, **handler)
        clip.clear(lambda: desk.answer(None), None, answer, **handler)
        if examples:
            choice.input(example, choice, answer, **handler)
    return page  # type: ignore[no-any-return]  # Gradio's context managers are untyped


def _plain(text: str) -> str:
    """Text as Markdown shows it: no letter of it is a mark."""
    return "".join(f"&#{ord(letter)};" if not letter.isalnum() and letter != " " else letter for letter in text)
