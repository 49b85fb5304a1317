"""Precision and memory format: chosen by the machine, kept by the run, told with its figures."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sceneproof import launch, numerics
from sceneproof import run as run_module
from sceneproof.data.tables import read_table
from sceneproof.engine import _Loop
from sceneproof.errors import InputError
from sceneproof.evaluate import evaluate
from sceneproof.files import read_json, write_json
from sceneproof.methods.base import Method, Output
from sceneproof.numerics import Numerics, computes_bf16, processor_flags
from sceneproof.optimisation import Optimisation, make_optimizer
from sceneproof.run import Run
from tests.test_train import interrupt_at, same
from tests.training import Small

Convolution = type[nn.Conv2d] | type[nn.Conv3d]

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small.make(tmp_path_factory.mktemp("small"))


def machine(monkeypatch: pytest.MonkeyPatch, *, bf16: bool) -> None:
    """Makes this a machine with bf16, or without; a real one may compute the former very slowly."""
    for module in (numerics, launch, run_module):
        monkeypatch.setattr(module, "computes_bf16", lambda device: bf16)


def processor(monkeypatch: pytest.MonkeyPatch, path: Path, *, asked: set[str], flags: str = "") -> None:
    """What PyTorch says of the processor, and what Linux does."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name in asked, raising=False)
    path.write_text(f"model name\t: A Processor 9\nflags\t\t: fpu {flags}\n")
    monkeypatch.setattr(numerics, "CPU_INFO", path)


@pytest.mark.parametrize(
    ("asked", "flags", "expected"),
    [
        ({"_is_avx512_bf16_supported"}, "avx2", {"avx512_bf16"}),
        ({"_is_amx_tile_supported"}, "avx2", {"amx_bf16"}),
        (set(), "avx2 avx512f avx512_vnni", set()),
        (set(), "avx512f avx512_bf16 amx_bf16", {"avx512_bf16", "amx_bf16"}),
    ],
)
def test_a_processor_with_bf16_computes_in_it_and_another_one_in_float32(
    asked: set[str], flags: str, expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor(monkeypatch, tmp_path / "cpuinfo", asked=asked, flags=flags)
    assert processor_flags() == expected
    assert Numerics.quickest(CPU).precision == ("bf16" if expected else "fp32")
    assert numerics.processor_name() == "A Processor 9"


def test_without_onednn_bf16_and_channels_innermost_bring_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor(monkeypatch, tmp_path / "cpuinfo", asked={"_is_avx512_bf16_supported"})
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert Numerics.quickest(CPU) == Numerics("fp32", channels_last=False)


def test_a_torch_without_the_private_questions_and_a_system_without_cpuinfo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    monkeypatch.setattr(numerics, "CPU_INFO", tmp_path / "none")
    assert processor_flags() == set()
    assert numerics.processor_name() == ""


def test_gpus_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert Numerics.quickest(GPU) == Numerics("bf16", channels_last=True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert Numerics.quickest(GPU) == Numerics("fp32", channels_last=True)


def test_what_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, bf16=True)
    assert Numerics.quickest(CPU, precision="fp32", channels_last=False) == Numerics("fp32", channels_last=False)
    machine(monkeypatch, bf16=False)
    assert Numerics.quickest(CPU, precision="bf16").precision == "bf16"


def test_a_run_tells_what_it_computes_in_and_so_do_its_figures(small: Small, tmp_path: Path) -> None:
    run = small.train(tmp_path / "run", optimisation={"epochs": 1})
    expected = "bf16" if computes_bf16(CPU) else "fp32"
    known = read_json(run.path / "environment.json")
    assert (known["precision"], known["channels_last"]) == (expected, Numerics.quickest(CPU).channels_last)
    assert known["processor"] == numerics.processor_name()
    metrics = evaluate(run.path, small.manifest, clips=1, quiet=True).metrics
    assert metrics["precision"] == expected
    _, facts = read_table(run.path / "evaluation" / "predictions.parquet", "predictions", ("video",))
    assert facts["precision"] == expected


def test_a_run_that_goes_on_on_another_processor_keeps_its_precision(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"epochs": 2}
    machine(monkeypatch, bf16=False)
    whole = small.train(tmp_path / "whole", optimisation=settings)
    with monkeypatch.context() as patch:
        patch.setattr(_Loop, "step", interrupt_at(2))
        with pytest.raises(KeyboardInterrupt):
            small.train(tmp_path / "run", optimisation=settings)
    machine(monkeypatch, bf16=True)
    capsys.readouterr()
    run = small.train(tmp_path / "run", optimisation=settings)
    assert "goes on in fp32, as it began; a new run here would compute in bf16" in capsys.readouterr().err
    assert same(run, whole)
    assert run.tested_in(CPU).precision == "fp32"


def test_bf16_is_kept_in_training_and_in_testing_where_the_device_has_it(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path / "run", small, {"precision": "bf16", "channels_last": True, "device": "cpu"})
    machine(monkeypatch, bf16=False)
    assert launch.numerics_for(run, Optimisation()) == Numerics("bf16", channels_last=True)
    assert run.tested_in(CPU) == Numerics("fp32", channels_last=True)  # emulated it would take forty times as long
    machine(monkeypatch, bf16=True)
    assert run.tested_in(CPU) == Numerics("bf16", channels_last=True)


def test_bf16_that_was_asked_for_is_tested_in_bf16_anywhere(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path / "run", small, {"precision": "bf16", "channels_last": False}, precision="bf16")
    machine(monkeypatch, bf16=False)
    assert run.tested_in(CPU) == Numerics("bf16", channels_last=False)


@pytest.mark.parametrize(
    ("device", "training"), [("cpu", Numerics("fp32", channels_last=False)), ("NVIDIA H100", Numerics("bf16", True))]
)
def test_a_run_from_before_this_was_recorded_goes_on_and_is_tested_as_it_was(
    device: str, training: Numerics, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path / "run", small, {"device": device})
    machine(monkeypatch, bf16=True)
    assert launch.numerics_for(run, Optimisation()) == training
    assert run.tested_in(CPU) == Numerics("fp32", channels_last=False)


class Two:
    """Two processes of accelerate, as far as a reduction goes."""

    num_processes, device = 2, CPU

    def __init__(self, others: float) -> None:
        self.others = others

    def reduce(self, value: Tensor, reduction: str) -> Tensor:
        assert reduction == "mean"
        return (value + self.others) / 2


def test_processes_on_machines_of_two_kinds_do_not_train_in_two_precisions() -> None:
    with pytest.raises(InputError, match=r"optimisation\.precision: auto means bf16 on some"):
        launch.refuse_mixed(Two(others=1.0), Numerics("fp32"))
    launch.refuse_mixed(Two(others=0.0), Numerics("fp32"))
    launch.refuse_mixed(Two(others=1.0), Numerics("bf16"))


def begun(path: Path, small: Small, environment: dict[str, object], **optimisation: object) -> Run:
    """A run folder without weights."""
    config = {"manifest": str(small.manifest), "optimisation": {"precision": "auto", **optimisation}}
    Run(path, config, ["a", "b"], []).begin()
    write_json(path / "environment.json", environment)
    return Run.open(path)


def test_evaluation_runs_under_autocast_where_training_did(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.train(tmp_path / "run", optimisation={"epochs": 1})
    known = read_json(run.path / "environment.json")
    write_json(run.path / "environment.json", known | {"precision": "bf16"})
    machine(monkeypatch, bf16=True)
    seen: list[bool] = []
    answer = Method.answer

    def watched(self: Method, video: Tensor) -> Output:
        seen.append(torch.is_autocast_enabled("cpu"))
        with torch.autocast("cpu", enabled=False):  # this machine may only emulate it
            return answer(self, video)

    monkeypatch.setattr(Method, "answer", watched)
    assert evaluate(run.path, small.manifest, clips=1, quiet=True).metrics["precision"] == "bf16"
    assert seen
    assert all(seen)


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.Conv3d])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_fused_optimisers_take_the_same_steps_also_where_a_gradient_comes_late(name: str, kind: Convolution) -> None:
    settings = Optimisation(optimizer=name, lr=0.05, weight_decay=0.1)  # type: ignore[arg-type]
    ours, theirs = (layers(kind) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    fused = make_optimizer([{"params": list(ours.parameters())}], settings)
    plain = (
        torch.optim.AdamW(theirs.parameters(), lr=0.05, weight_decay=0.1)
        if name == "adamw"
        else torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9, dampening=0.9, weight_decay=0.1)
    )
    assert fused.defaults["fused"]
    for step in range(5):
        video = torch.randn(2, 3, *[4] * (3 if kind is nn.Conv3d else 2))
        for network, optimizer in ((ours, fused), (theirs, plain)):
            optimizer.zero_grad()
            made = network[0](video)
            loss = made.square().mean() + (network[1](made).square().mean() if step >= 2 else 0)
            loss.backward()
            optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def layers(kind: Convolution) -> nn.Sequential:
    """Two convolutions with channels innermost."""
    network = Numerics("fp32", channels_last=True).arrange(nn.Sequential(kind(3, 4, 2), kind(4, 5, 2)))
    assert network.get_parameter("0.weight").stride(1) == 1
    return network


def test_settings_say_nothing_of_the_machine() -> None:
    assert dataclasses.asdict(Optimisation())["precision"] == "auto"
    assert dataclasses.asdict(Optimisation())["channels_last"] is None


@pytest.mark.parametrize(("kind", "size"), [(nn.Conv1d, (1,)), (nn.Conv2d, (3, 1)), (nn.Conv3d, (4, 1, 1))])
def test_bf16_has_the_gradient_of_float32_where_an_input_is_one_place_wide(
    kind: type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d], size: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 16, *size)
    gradients = []
    for precision in ("bf16", "fp32"):
        torch.manual_seed(1)
        network = Numerics(precision).arrange(nn.Sequential(kind(16, 16, 3, stride=2, padding=1)))
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            made = network(features)
        for _ in range(8):  # what is freed here is what a kernel that does not write its memory would read
            _ = [torch.full((length,), torch.nan) for length in (100, 1000, 4000, 10_000, 40_000)]
        torch.autograd.backward(made.float().pow(2).sum())
        gradients.append(network.get_parameter("0.weight").grad)
    bf16, fp32 = gradients
    assert bf16 is not None
    assert fp32 is not None
    torch.testing.assert_close(bf16, fp32, rtol=0.05, atol=0.05 * float(fp32.abs().max()))


@pytest.mark.parametrize("channels", [3, 5, 12])
@pytest.mark.parametrize("depth", [3, 7])
def test_bf16_has_the_output_of_float32_where_a_clip_is_one_frame(channels: int, depth: int) -> None:
    torch.manual_seed(0)
    clips = torch.randn(4, channels, 1, 32, 32)
    outputs = []
    for precision in ("bf16", "fp32"):
        torch.manual_seed(1)
        convolution = nn.Conv3d(channels, 64, (depth, 7, 7), stride=(1, 2, 2), padding=(depth // 2, 3, 3))
        network = Numerics(precision, channels_last=True).arrange(nn.Sequential(convolution))
        for _ in range(8):  # as above
            _ = [torch.full((length,), torch.nan) for length in (100, 1000, 4000, 10_000, 40_000)]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            outputs.append(network(clips).float())
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0.05, atol=0.05)
