"""`pictell caption`: photos in, one caption each out."""

from __future__ import annotations

import io
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TypeAlias, cast

import typer

from pictell.cli.bar import Bar
from pictell.cli.keys import VARIABLE, chosen_key
from pictell.cli.options import Beam, Json, Model, PhotosOrNone, Regions, Style, Threads, Wav
from pictell.cli.output import emit, emit_json, say, shown
from pictell.errors import OptionError, PhotoError, PictellError
from pictell.fields import fields_of

if TYPE_CHECKING:
    from pictell.captioner import PhotoSource
    from pictell.language import Style as StyleName
    from pictell.speech import Speaker
    from pictell.steering import CaptionOptions
    from pictell.types import Caption

    _Input: TypeAlias = tuple[str, PhotoSource | PictellError]

_STDIN = "-"


def caption(
    context: typer.Context,
    photos: PhotosOrNone = None,
    files_from: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Caption the photos named in FILE (- for standard input), one a line or NUL-separated."
        ),
    ] = None,
    as_json: Json = False,
    num: Annotated[int, typer.Option(metavar="N", help="How many different captions of each photo.")] = 1,
    beam: Beam = None,
    must: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORDS",
            help='Words or phrases that the caption has, separated by commas; of "dog|puppy" one is enough.',
        ),
    ] = None,
    must_not: Annotated[
        list[str] | None, typer.Option(metavar="WORDS", help="Words or phrases that it does not have.")
    ] = None,
    start: Annotated[str, typer.Option(metavar="WORDS", help="How it begins.", show_default=False)] = "",
    min_words: Annotated[int | None, typer.Option(metavar="N", help="The fewest words of a caption.")] = None,
    max_words: Annotated[
        int | None, typer.Option(metavar="N", help="The most words of a caption.  [default: the model's own choice]")
    ] = None,
    target_words: Annotated[int | None, typer.Option(metavar="N", help="Prefer captions of about N words.")] = None,
    no_repeat: Annotated[int, typer.Option(metavar="N", help="No N words in a row twice.", show_default=False)] = 0,
    no_dangling: Annotated[
        bool, typer.Option("--no-dangling", help='No caption that ends in a word like "with".')
    ] = False,
    diversity: Annotated[
        float, typer.Option(metavar="X", help="Make the captions of --num differ; try 0.5.", show_default=False)
    ] = 0.0,
    sample: Annotated[bool, typer.Option("--sample", help="Draw captions at random instead of the best.")] = False,
    temperature: Annotated[
        float | None, typer.Option(metavar="T", help="How evenly to draw: below 1 the probable more often.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(metavar="N", help="Draw among the N most probable words.")] = None,
    top_p: Annotated[
        float | None, typer.Option(metavar="P", help="Draw among the most probable words that have P together.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Draw the same captions as before with this.")] = None,
    style: Style = None,
    force: Annotated[bool, typer.Option("--force", help="Describe also what does not look like a photo.")] = False,
    speak: Annotated[bool, typer.Option("--speak", help="Read the captions aloud, too.")] = False,
    wav: Wav = None,
    threads: Threads = None,
    model: Model = None,
    regions: Regions = None,
    server: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Have them captioned by the `pictell serve` at URL.", show_default=False),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"The file with that service's key.  [default: the key in {VARIABLE}]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say what is in photos.

    One photo gives its caption alone. A directory, a list or several photos give a line each: the path, a tab, the
    caption. With --num the log-probability follows after another tab, and the other captions stand below, best first.

    What does not look like a photo (a page of text, a plot, a black picture) gets a reason in brackets instead of a caption;
    see --force.

    With --speak the captions are read aloud, too, one after the other as they are printed, each with its number where there are
    several; see `pictell speak`.

    With --regions the model reads features of regions in the place of photos, and these are named by id.

    With --server the photos are sent there, without their names, and nowhere else; --model is then one that the service has.

    A photo that cannot be captioned is named on standard error, the others are done, and the exit code is 1. Where what
    is asked for cannot be, no photo is opened, and it is 2.
    """
    photos = photos or []
    if not photos and files_from is None:
        _refuse(context, "name a photo, a directory, or - for a picture on standard input")
    if files_from == _STDIN and _STDIN in photos:
        _refuse(context, "standard input cannot be a picture and a list of files at once")
    if regions is not None and (server is not None or _STDIN in photos):
        raise OptionError("--regions names photos by id: neither --server nor a picture on standard input goes with it")
    if server is None and api_key_file is not None:
        raise OptionError("--api-key-file is for the service at --server")

    from pictell.steering import CaptionOptions

    captioner = _local(model, threads, regions) if server is None else _remote(server, api_key_file, model, threads)
    language = captioner.language
    if style is None:
        # Who only hears a caption has not seen that it may be wrong.
        style = "hedged" if (speak or wav) and language == "en" else "plain"
    options = CaptionOptions(
        beam=beam,
        num=num,
        min_words=min_words,
        max_words=max_words,
        target_words=target_words,
        must=must or (),
        must_not=must_not or (),
        start=start,
        no_repeat=no_repeat,
        no_dangling=no_dangling,
        diversity=diversity,
        sample=sample,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        style=cast("StyleName", style),
        force=force,
    )
    captioner.check(options)
    speaker = _speaker(language, wav) if speak or wav else None
    inputs = _inputs(photos, files_from, captioner, ids=regions is not None)
    alone = files_from is None and len(photos) == 1 and (regions is not None or not _is_directory(photos[0]))
    failed = False
    with Bar(len(inputs)) as bar:
        for number, (name, result) in enumerate(_results(captioner, inputs, options), 1):
            if isinstance(result, PictellError):
                failed = True
                bar.make_room(for_error=True)
                say(result.message if isinstance(result, PhotoError) else f"{name}: {result.message}")
            bar.make_room()
            if as_json:
                emit_json({"path": name, **fields_of(result)})
            elif not isinstance(result, PictellError):
                for line in _lines(None if alone else name, result, num):
                    emit(line)
            bar.advance()
            if speaker is not None and not isinstance(result, PictellError):
                said = f"No caption: {result.reason}" if result.text is None else result.text
                speaker.add(said if len(inputs) == 1 else f"{number}. {said}")
    if speaker is not None:
        speaker.finish()
    if failed:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Captioner:
    """What captions photos, here or elsewhere."""

    language: str
    check: Callable[[CaptionOptions], None]
    stream: Callable[[Iterable[PhotoSource], CaptionOptions], Iterator[Caption | PictellError]]
    read: Callable[[BinaryIO], PhotoSource]  # a picture that comes in only once


def _local(model: str | None, threads: int | None, regions: Path | None) -> _Captioner:
    from pictell.captioner import load
    from pictell.photos import open_photo

    captioner = load(model, threads=threads, regions=regions)
    read = partial(open_photo, max_pixels=captioner.max_pixels, smallest_side=captioner.smallest_side)
    return _Captioner(captioner.language, captioner.check, captioner.stream, read)


def _remote(server: str, api_key_file: Path | None, model: str | None, threads: int | None) -> _Captioner:
    from pictell.client import Client
    from pictell.photos import read_picture

    if threads is not None:
        raise OptionError("--threads is for captions made here: the service at --server has threads of its own")
    client = Client(server, chosen_key(None, api_key_file), model=model)

    def read(stream: BinaryIO) -> PhotoSource:
        content = io.BytesIO(read_picture(stream))
        content.name = "standard input"
        return content

    return _Captioner(client.language, client.check, cast("Any", client.stream), read)


def _speaker(language: str, wav: Path | None) -> Speaker:
    from pictell.speech import Speaker

    return Speaker(language, wav=wav)


def _refuse(context: typer.Context, message: str) -> None:
    typer.echo(f"{context.get_usage()}\nTry 'pictell caption --help' for help.\n\nError: {message}", err=True)
    raise typer.Exit(2)


def _results(
    captioner: _Captioner, inputs: Iterable[_Input], options: CaptionOptions
) -> Iterator[tuple[str, Caption | PictellError]]:
    """A caption or an error for each input in its place, also for those that were errors to begin with."""
    waiting: deque[_Input] = deque()

    def sources() -> Iterator[PhotoSource]:
        for name, source in inputs:
            waiting.append((name, source))
            if not isinstance(source, PictellError):
                yield source

    def errors() -> Iterator[tuple[str, PictellError]]:
        while waiting and isinstance(error := waiting[0][1], PictellError):
            yield waiting.popleft()[0], error

    for result in captioner.stream(sources(), options):
        yield from errors()
        yield waiting.popleft()[0], result
    yield from errors()


# -- what to caption ----------------------------------------------------------------------------------------------


def _inputs(photos: Sequence[str], files_from: str | None, captioner: _Captioner, *, ids: bool) -> list[_Input]:
    """What is named, as files and directories or as `ids` of photos."""
    if not ids:
        return [*_named(photos, captioner), *_listed(files_from, _found)]
    return [*((photo, photo) for photo in photos), *_listed(files_from, lambda name: [(name, name)])]


def _named(arguments: Sequence[str], captioner: _Captioner) -> Iterator[_Input]:
    for argument in arguments:
        if argument == _STDIN:
            yield _STDIN, _standard_input(captioner)
        else:
            yield from _found(argument)


def _listed(files_from: str | None, found: Callable[[str], Iterable[_Input]]) -> Iterator[_Input]:
    from pictell.photos import read_file_list

    if files_from is None:
        return
    try:
        if files_from == _STDIN:
            name, paths = "standard input", read_file_list(io.BytesIO(_bytes_of_list()))
        else:
            name, paths = shown(files_from), read_file_list(files_from)
        if not paths:
            raise PhotoError("no-photos", f"{name}: no photos in this list")
    except PhotoError as error:
        yield files_from, error
        return
    for path in paths:
        yield from found(os.fspath(path))


def _found(argument: str) -> Iterator[_Input]:
    """The photo that is meant, or those in the directory; whether it can be opened is left to the captioner."""
    from pictell.photos import find_photos

    if not _is_directory(argument):
        yield argument, _file(argument)
        return
    try:
        for path in find_photos([argument]):
            yield os.fspath(path), path
    except PhotoError as error:
        yield argument, error


def _file(argument: str) -> PhotoSource | PictellError:
    if not argument:
        return PhotoError("missing", "'': an empty name is no photo's")
    from pictell.photos import PHOTO_SUFFIXES

    suffix = os.path.splitext(argument)[1].lower()  # noqa: PTH122  (pathlib's raises for some names)
    if suffix and suffix not in PHOTO_SUFFIXES:  # importing takes a moment that most photos need not wait for
        from pictell.albums.raw import RAW_SUFFIXES, picture_of

        if suffix in RAW_SUFFIXES:
            return partial(picture_of, Path(argument))
    return argument


def _standard_input(captioner: _Captioner) -> PhotoSource | PictellError:
    # Here and not by a thread of the captioner, which an interrupt could not free from waiting.
    if sys.stdin is None or sys.stdin.isatty():
        return PhotoError("missing", "standard input: no picture comes in; try `pictell caption - < photo.jpg`")
    try:
        return captioner.read(sys.stdin.buffer)
    except PhotoError as error:
        return error


def _bytes_of_list() -> bytes:
    try:
        return b"" if sys.stdin is None else sys.stdin.buffer.read()
    except OSError as error:
        raise PhotoError("unreadable", f"standard input: cannot be read ({error.strerror})") from error


def _is_directory(path: str) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  (pathlib's raises for a name that is too long)


# -- what to print ------------------------------------------------------------------------------------------------


def _lines(name: str | None, caption: Caption, num: int) -> Iterator[str]:
    text = f"[{caption.reason}]" if caption.text is None else caption.text
    rows = [(text, caption.log_prob), *((other.text, other.log_prob) for other in caption.alternatives)]
    for number, (row_text, log_prob) in enumerate(rows):
        path = [] if name is None else [shown(name) if number == 0 else ""]
        yield "\t".join([*path, shown(row_text), *([f"{log_prob:.2f}"] if num > 1 else [])])
