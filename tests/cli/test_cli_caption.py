"""`pictell caption`: what is printed for what, and what happens when something is wrong."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pictell import Alternative, Caption
from pictell.captioner import load
from pictell.cli import caption as module

MakePhoto = Callable[..., Path]
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX names, pipes or signals")


@pytest.fixture
def model(tiny_bundle: Path) -> tuple[str, Path]:
    return ("--model", tiny_bundle)


@pytest.fixture
def says(tiny_bundle: Path) -> Callable[..., str]:
    """What the library says of a photo."""
    captioner = load(tiny_bundle, threads=1)

    def text(path: Path, **options: int) -> str:
        found = captioner.caption(path, **options).text
        assert found
        return found

    return text


# -- what is printed ----------------------------------------------------------------------------------------------


def test_one_photo_gives_its_caption_alone(run: Any, photo: MakePhoto, says: Any, model: Any) -> None:
    path = photo("a.png")
    ran = run("caption", path, *model)
    assert (ran.code, ran.out, ran.err) == (0, says(path) + "\n", "")


def test_several_photos_give_path_and_caption_in_order(run: Any, photo: MakePhoto, says: Any, model: Any) -> None:
    paths = [photo(f"{name}.png", seed) for seed, name in enumerate("cab")]
    ran = run("caption", *paths, *model)
    assert ran.lines == [f"{path}\t{says(path)}" for path in paths]
    assert (ran.code, ran.err) == (0, "")
    assert len({line.partition("\t")[2] for line in ran.lines}) > 1


def test_a_raw_file_is_captioned_by_its_preview(
    run: Any, photo: MakePhoto, says: Any, tmp_path: Path, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for exiftool finds one; the raw file's name stands in messages."""
    from pictell.albums import raw

    shown = photo("a.jpg")
    (tmp_path / "x.DNG").write_bytes(b"raw")
    (tmp_path / "y.cr3").write_bytes(b"raw")
    monkeypatch.setattr(raw, "preview", lambda path: shown.read_bytes() if path.suffix == ".DNG" else b"no picture")
    ran = run("caption", tmp_path / "x.DNG", tmp_path / "y.cr3", *model)
    assert ran.out == f"{tmp_path}/x.DNG\t{says(shown)}\n"
    assert (ran.code, ran.err) == (1, f"pictell: {tmp_path}/y.cr3: not a photo (this is text)\n")


def test_a_directory_is_searched_and_sorted(run: Any, photo: MakePhoto, says: Any, tmp_path: Path, model: Any) -> None:
    paths = [photo(f"d/{name}", seed) for seed, name in enumerate(["b.png", "a/z.png", "c.JPG", "a/k/x.png"])]
    (tmp_path / "d" / "notes.txt").write_text("no photo")
    ran = run("caption", tmp_path / "d", *model)
    assert ran.lines == [f"{path}\t{says(path)}" for path in sorted(paths)]
    assert (ran.code, ran.err) == (0, "")


def test_a_directory_of_one_photo_gives_its_path_too(run: Any, photo: MakePhoto, tmp_path: Path, model: Any) -> None:
    path = photo("d/only.png")
    assert run("caption", tmp_path / "d", *model).out.startswith(f"{path}\t")


def test_alternatives_stand_below_with_their_log_probabilities(run: Any, photo: MakePhoto, model: Any) -> None:
    path = photo("a.png")
    rows = [line.split("\t") for line in run("caption", path, "--num", "3", *model).lines]
    assert [len(row) for row in rows] == [2, 2, 2]
    numbers = [float(row[1]) for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] < 0
    assert len({row[0] for row in rows}) == 3
    several = [line.split("\t") for line in run("caption", path, path, "--num", "3", *model).lines]
    assert several == [[str(path) if i == 0 else "", *row] for _ in range(2) for i, row in enumerate(rows)]


def test_json_has_the_promised_fields(run: Any, photo: MakePhoto, says: Any, model: Any) -> None:
    path = photo("a.png")
    ran = run("caption", path, path, "--json", "--num", "2", *model)
    one, other = (json.loads(line) for line in ran.lines)
    assert one == other
    assert list(one) == ["path", "text", "log_prob", "confidence", "band", "words", "alternatives", "model"]
    assert one["path"] == str(path)
    assert one["text"] == says(path) == " ".join(word["text"] for word in one["words"])
    assert one["confidence"] is None
    assert one["model"] == "tiny@7"
    assert one["log_prob"] < 0
    assert all(set(word) == {"text", "prob"} and 0 < word["prob"] <= 1 for word in one["words"])
    [alternative] = one["alternatives"]
    assert set(alternative) == {"text", "log_prob"}
    assert alternative["log_prob"] <= one["log_prob"]


def test_a_withheld_caption_is_told_with_its_reason() -> None:
    withheld = Caption(text=None, log_prob=-3.0, model="m@1", reason="looks like a page of text")
    fields = module.fields_of(withheld)
    assert (fields["text"], fields["reason"]) == (None, "looks like a page of text")
    assert list(module._lines("a.jpg", withheld, 1)) == ["a.jpg\t[looks like a page of text]"]


def test_what_a_model_says_cannot_steer_the_terminal() -> None:
    hostile = Caption("a \x1b[31mred\tcat\n", -1.0, "m@1", alternatives=(Alternative("b\r", -2.0),))
    assert list(module._lines("a.jpg", hostile, 2)) == ["a.jpg\ta \\x1b[31mred\\tcat\\n\t-1.00", "\tb\\r\t-2.00"]


def test_options_reach_the_model(run: Any, photo: MakePhoto, says: Any, model: Any) -> None:
    path = photo("a.png", 3)
    assert len(run("caption", path, "--max-words", "2", *model).out.split()) == 2
    ran = run("caption", path, "--beam", "1", "--threads", "1", *model)
    assert ran.out == says(path, beam=1) + "\n"


# -- what is asked of captions -------------------------------------------------------------------------------------


def test_steering_reaches_the_model(run: Any, photo: MakePhoto, model: Any) -> None:
    paths = [photo(f"{seed}.png", seed) for seed in range(4)]
    asked = [
        "--must",
        "word1|word2",
        "--must",
        "word3,word4 word5",
        "--must-not",
        "word2,word9",
        "--start",
        "word7 word8",
    ]
    ran = run("caption", *paths, *asked, "--max-words", "8", "--no-repeat", "1", *model)
    assert (ran.code, ran.err) == (0, "")
    for line in ran.lines:
        words = line.partition("\t")[2].split()
        assert words[:2] == ["word7", "word8"]
        assert {"word1", "word3"} <= set(words)
        assert "word4 word5" in " ".join(words)
        assert not {"word2", "word9"} & set(words)
        assert len(words) == len(set(words)) <= 8


def test_samples_are_the_same_with_the_same_seed(run: Any, photo: MakePhoto, model: Any) -> None:
    paths = [photo(f"{seed}.png", seed) for seed in range(4)]

    def drawn(seed: str, *extra: str) -> list[str]:
        return run("caption", *paths, "--sample", "--seed", seed, "--temperature", "2", *extra, *model).lines

    assert drawn("1") == drawn("1") != drawn("2")
    assert drawn("1", "--top-k", "1") == drawn("2", "--top-p", "0.0001")
    together = dict(line.split("\t") for line in drawn("1"))
    alone = run("caption", paths[2], "--sample", "--seed", "1", "--temperature", "2", *model)
    assert alone.out == together[str(paths[2])] + "\n"


def test_a_style_words_the_text_and_keeps_the_models_own(run: Any, photo: MakePhoto, says: Any, model: Any) -> None:
    path = photo("a.png")
    said = says(path)
    assert run("caption", path, "--style", "hedged", *model).out == f"Possibly: {said}\n"
    ran = run("caption", path, "--style", "alt", "--json", *model)
    fields = json.loads(ran.out)
    assert (fields["style"], fields["raw"], fields["text"]) == ("alt", said, f"{said.capitalize()}.")


@pytest.mark.parametrize(
    ("arguments", "says_so"),
    [
        (["--must", "word1", "--must-not", "word1"], "contradict"),
        (["--start", "word1", "--must-not", "word1"], "contradict"),
        (["--must", "wird1"], "does not know the word 'wird1'; the nearest it knows: word1"),
        (["--must", "word1 word2", "--max-words", "1"], "must ask for 2 words"),
        (["--sample", "--temperature", "0"], "temperature must be above 0"),
        (["--sample", "--temperature", "-1"], "temperature must be above 0"),
        (["--beam", "0"], "beam must be 1 to 100"),
        (["--beam", "10000"], "beam must be 1 to 100"),
        (["--num", "0"], "num must be 1 to 100"),
        (["--style", "loud"], "no style 'loud'"),
        (["--top-k", "3"], "top_k is for samples"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_photo_is_opened(
    run: Any, tmp_path: Path, model: Any, arguments: list[str], says_so: str
) -> None:
    ran = run("caption", tmp_path / "no-such.jpg", *arguments, *model)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("pictell: ")
    assert says_so in ran.err
    assert ran.err.count("\n") == 1
    assert "no-such" not in ran.err


def test_no_caption_as_asked_is_named_with_its_photo(run: Any, photo: MakePhoto, model: Any) -> None:
    path = photo("a.png")
    ran = run("caption", path, "--must", "word1 word1", "--no-repeat", "1", *model)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"pictell: {path}: no caption is as asked for")


def test_several_models_speak_as_one(run: Any, photo: MakePhoto, tiny_bundle: Path, other_tiny_bundle: Path) -> None:
    fields = json.loads(run("caption", photo("a.png"), "--json", "--model", f"{tiny_bundle},{other_tiny_bundle}").out)
    assert fields["model"] == "tiny@7+other@7"


# -- standard input and lists of files ----------------------------------------------------------------------------


def test_a_picture_on_standard_input(process: Any, photo: MakePhoto, says: Any, model: Any) -> None:
    path = photo("a.png")
    ran = process("caption", "-", *model, stdin=path.read_bytes())
    assert (ran.code, ran.out, ran.err) == (0, says(path) + "\n", "")
    ran = process("caption", path, "-", "--json", *model, stdin=path.read_bytes())
    first, second = (json.loads(line) for line in ran.lines)
    assert (first["path"], second["path"]) == (str(path), "-")
    assert first["text"] == second["text"]


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_no_picture_on_standard_input(process: Any, photo: MakePhoto, model: Any, content: bytes) -> None:
    path = photo("a.png")
    ran = process("caption", "-", path, *model, stdin=content)
    assert ran.code == 1
    assert ran.err.startswith("pictell: standard input: ")
    assert ran.err.count("\n") == 1
    assert ran.lines[0].startswith(f"{path}\t")


def test_a_file_that_is_named_dash(
    run: Any, photo: MakePhoto, says: Any, model: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = photo("a.png").rename(tmp_path / "-")
    monkeypatch.chdir(tmp_path)
    assert run("caption", "./-", *model).out == says(path) + "\n"
    (tmp_path / "list").write_text("-\n")
    assert run("caption", "--files-from", "list", *model).out == f"-\t{says(path)}\n"


@pytest.mark.parametrize("separator", ["\n", "\0", "\r\n"])
@pytest.mark.parametrize("through_stdin", [True, False])
def test_a_list_of_files(
    process: Any, photo: MakePhoto, says: Any, tmp_path: Path, model: Any, separator: str, through_stdin: bool
) -> None:
    paths = [photo("a b.png", 1), photo("d/c.png", 2), photo("名.png", 3)]
    content = (separator.join(map(str, (paths[0], paths[1].parent, paths[2]))) + separator).encode()
    (tmp_path / "list").write_bytes(content)
    ran = (
        process("caption", "--files-from", "-", *model, stdin=content)
        if through_stdin
        else process("caption", "--files-from", tmp_path / "list", *model)
    )
    assert ran.lines == [f"{path}\t{says(path)}" for path in paths]
    assert (ran.code, ran.err) == (0, "")


def test_lists_that_name_nothing(run: Any, photo: MakePhoto, tmp_path: Path, model: Any) -> None:
    path = photo("a.png")
    (tmp_path / "empty").write_text("\n\n")
    for name in ("empty", "none", "."):
        ran = run("caption", path, "--files-from", tmp_path / name, *model)
        assert ran.code == 1
        assert ran.err.startswith(f"pictell: {tmp_path / name}: ")
        assert ran.err.count("\n") == 1
        assert len(ran.lines) == 1


# -- what is wrong ------------------------------------------------------------------------------------------------


def test_bad_photos_are_named_and_the_rest_is_done(run: Any, photo: MakePhoto, tmp_path: Path, model: Any) -> None:
    (tmp_path / "empty-dir").mkdir()
    good = [photo(f"good{seed}.png", seed) for seed in range(3)]
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "cut.jpg").write_bytes(photo("whole.jpg").read_bytes()[:300])
    bad = [tmp_path / name for name in ("none.jpg", "empty-dir", "text.jpg", "cut.jpg")]
    kinds = ["missing", "no-photos", "not-a-photo", "truncated"]
    given = [bad[0], good[0], bad[1], bad[2], good[1], good[2], bad[3]]
    ran = run("caption", *given, *model)
    assert ran.code == 1
    assert [line.partition("\t")[0] for line in ran.lines] == list(map(str, good))
    assert [line.partition(": ")[2].partition(": ")[0] for line in ran.err.splitlines()] == list(map(str, bad))
    ran = run("caption", *given, "--json", *model)
    found = [json.loads(line) for line in ran.lines]
    assert [entry["path"] for entry in found] == list(map(str, given))
    assert [entry["error"]["kind"] for entry in found if "error" in entry] == kinds
    assert all(set(entry) == {"path", "error"} for entry in found if "error" in entry)
    assert len(ran.err.splitlines()) == len(bad)
    assert ran.code == 1


def test_only_bad_input_is_no_crash(run: Any, tmp_path: Path, model: Any) -> None:
    ran = run("caption", tmp_path, *model)
    assert (ran.code, ran.out, ran.err) == (1, "", f"pictell: {tmp_path}: no photos in this directory\n")


def test_an_empty_name_is_not_the_current_directory(
    run: Any, photo: MakePhoto, tmp_path: Path, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.png")
    monkeypatch.chdir(tmp_path)
    ran = run("caption", "", *model)
    assert (ran.code, ran.out) == (1, "")
    assert "empty name" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["caption"],
        ["caption", "--nope", "a.jpg"],
        ["caption", "a.jpg", "--num", "many"],
        ["caption", "a.jpg", "--beam", "wide"],
        ["caption", "-", "--files-from", "-"],
        ["nope"],
    ],
)
def test_a_wrong_command_line(run: Any, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: pictell")
    assert "Error: " in ran.err


def test_an_unknown_or_damaged_model_is_one_line(
    run: Any, photo: MakePhoto, tiny_bundle: Path, tmp_path: Path, model: Any
) -> None:
    path = photo("a.png")
    ran = run("caption", path, "--model", "no-such-model")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert ran.err.startswith("pictell: no model 'no-such-model'")
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    (copy / "step.onnx").unlink()
    ran = run("caption", path, "--model", copy)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "step.onnx" in ran.err


@posix
def test_names_that_are_no_text(process: Any, photo: MakePhoto, says: Any, tmp_path: Path, model: Any) -> None:
    path = photo("a.png")
    try:
        strange = path.rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[31m\n.png"))
    except OSError:
        pytest.skip("this file system wants UTF-8 names")
    other = photo("名 e\u0301.png")
    argument = os.fsencode(strange)
    ran = process("caption", argument, other, argument + b"x", *model)
    assert ran.lines == [
        f"{tmp_path}/\\xff\\x1b[31m\\n.png\t{says(strange)}",
        f"{other}\t{says(other)}",
    ]
    assert ran.err == f"pictell: {tmp_path}/\\xff\\x1b[31m\\n.pngx: no such file\n"
    ran = process("caption", argument, other, argument + b"x", "--json", *model)
    found = [json.loads(line) for line in ran.out.split("\n")[:-1]]
    assert [os.fsencode(entry["path"]) for entry in found] == [argument, os.fsencode(other), argument + b"x"]
    assert "名" in ran.lines[1]
    assert ran.lines[0].isascii()


def test_a_terminal_without_the_letters(photo: MakePhoto, environment: dict[str, str], model: Any) -> None:
    path = photo("名.png")
    command = [sys.executable, "-m", "pictell", "caption", path, path, *model]
    for extra in ([], ["--json"]):
        done = subprocess.run(
            [*command, *extra],
            env={**environment, "PYTHONIOENCODING": "latin-1"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"\\u540d.png" in done.stdout
        assert done.stdout.isascii()


# -- the process --------------------------------------------------------------------------------------------------


@posix
def test_a_closed_pipe_ends_it_quietly(photo: MakePhoto, environment: dict[str, str], model: Any) -> None:
    path = photo("a.png")
    process = subprocess.Popen(
        [sys.executable, "-m", "pictell", "caption", *[path] * 400, *model],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(os.fsencode(path))
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 141
    process.stderr.close()


@posix
def test_an_interrupt_leaves_what_was_printed(
    photo: MakePhoto, environment: dict[str, str], tmp_path: Path, model: Any
) -> None:
    """A pipe that nobody writes to keeps it waiting until it is interrupted, once it has captioned what came before."""
    paths = [photo(f"d/{seed:02}.png", seed) for seed in range(16)]
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "pictell", "caption", tmp_path / "d", pipe, *model],
        env=environment,
        bufsize=0,  # what a buffer holds after the last readline is not seen by communicate
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in paths[:8]]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"")
    lines += out.splitlines(keepends=True)
    assert [line.partition(b"\t")[0] for line in lines] == [os.fsencode(path) for path in paths[: len(lines)]]
    assert all(line.endswith(b"\n") for line in lines)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_in_one_line(photo: MakePhoto, environment: dict[str, str], model: Any) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pictell", "caption", photo("a.png"), *model],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"pictell: cannot write to standard output")
    assert done.stderr.count(b"\n") == 1


@posix
@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_a_closed_output_is_told_in_one_line(
    photo: MakePhoto, environment: dict[str, str], model: Any, extra: list[str]
) -> None:
    command = [sys.executable, "-m", "pictell", "caption", photo("a.png"), *model, *extra]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], env=environment, stderr=subprocess.PIPE, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (1, b"pictell: cannot write to standard output: it is closed\n")


def test_captioning_imports_nothing_that_it_does_not_need(
    photo: MakePhoto, environment: dict[str, str], model: Any
) -> None:
    program = (
        "import sys\n"
        "from pictell.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code, ended.code\n"
        "heavy = {'torch', 'onnx', 'yaml', 'safetensors', 'rich.progress', 'rich.console'}\n"
        "heavy |= set() if 'caption' in sys.argv and '--help' not in sys.argv else {'PIL', 'onnxruntime'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    for arguments in (["caption", photo("a.png"), *model], ["--help"], ["caption", "--help"], ["--version"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout


# -- the progress bar ---------------------------------------------------------------------------------------------


def on_terminal(command: list[Any], environment: dict[str, str], *, both: bool) -> tuple[int, bytes, bytes]:
    """Runs a command with standard error, or both outputs, on a terminal: exit code, piped output, the screen."""
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        env={**environment, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=theirs if both else subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    screen = io.BytesIO()
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # what Linux says once the other side is closed
            break
        if not chunk:
            break
        screen.write(chunk)
    os.close(ours)
    out = b"" if process.stdout is None else process.stdout.read()
    if process.stdout is not None:
        process.stdout.close()
    return process.wait(timeout=30), out, screen.getvalue()


def shown(screen: bytes) -> list[str]:
    """What is left standing on a terminal after carriage returns have been obeyed."""
    lines = []
    for line in screen.decode().split("\n"):
        cells: list[str] = []
        column = 0
        for character in line:
            if character == "\r":
                column = 0
                continue
            cells[column : column + 1] = [character]
            column += 1
        lines.append("".join(cells).rstrip())
    return lines


@posix
@pytest.mark.parametrize("both", [True, False])
def test_the_progress_bar_gives_way(
    photo: MakePhoto, environment: dict[str, str], tmp_path: Path, model: Any, process: Any, both: bool
) -> None:
    for seed in range(20):
        photo(f"d/{seed:02}.png", seed)
    (tmp_path / "d" / "07x.png").write_text("bad")
    command = [sys.executable, "-m", "pictell", "caption", tmp_path / "d", *model]
    code, out, screen = on_terminal(command, environment, both=both)
    plain = process(*command[3:])
    assert code == plain.code == 1
    assert b"/21 photos" in screen
    if both:
        expected = plain.lines
        expected.insert(8, plain.err.rstrip("\n"))
        assert shown(screen) == [*expected, ""]
    else:
        assert out.decode() == plain.out
        assert shown(screen) == [plain.err.rstrip("\n"), ""]


@posix
def test_no_progress_bar_for_one_photo(photo: MakePhoto, environment: dict[str, str], model: Any) -> None:
    command = [sys.executable, "-m", "pictell", "caption", photo("a.png"), *model]
    code, out, screen = on_terminal(command, environment, both=False)
    assert (code, screen) == (0, b"")
    assert out
