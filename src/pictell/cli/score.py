"""`pictell score`: how good captions are, whoever made them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pictell.cli.bar import Bar
from pictell.cli.options import Json, Metrics, chosen_metrics
from pictell.cli.output import emit, emit_json, say, write_file
from pictell.cli.score_report import Agreement, Opponent, Report
from pictell.errors import DataError, PictellError

if TYPE_CHECKING:
    from pictell.metrics import Scores
    from pictell.metrics.formats import CaptionFile
    from pictell.metrics.frequencies import DocumentFrequencies
    from pictell.metrics.pairing import Pairs

_STANDARD = "-"
_MEGABYTE = 10**6


def score(
    references: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="What people wrote: COCO annotations, {id: [captions]}, JSON lines, lines as in Flickr8k.token.txt, or a "
            "caption a line. May be given several times.",
        ),
    ] = None,
    candidates: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="What is scored, a caption an image: COCO results, what `pictell caption --json` prints, or as above; - "
            "for standard input.",
        ),
    ] = None,
    metrics: Metrics = None,
    as_json: Json = False,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write all numbers there as CSV; - for standard output.")
    ] = None,
    per_image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write each image's scores there: JSON lines, or CSV if it ends in .csv."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Another system's captions: is the difference more than chance?"),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many resamples intervals and tests take; 0: none of them.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Where the resampling's random numbers begin.")] = 0,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out images without a candidate, and say how many.")
    ] = False,
    training_captions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What the system was trained on: how many captions are copies of those?"),
    ] = None,
    hallucination: Annotated[
        bool, typer.Option("--hallucination", help="Count objects that no reference names (CHAIR).")
    ] = False,
    df: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Word weights of CIDEr and CIDEr-D: a file that --save-df wrote."),
    ] = None,
    save_df: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write there in how many images of the references each n-gram stands."),
    ] = None,
    agreement: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:FOLDER",
            help="Instead of captions, measure the metrics themselves, against people's judgements: "
            "flickr8k-expert:data/flickr8k.",
        ),
    ] = None,
) -> None:
    """Score captions against what people wrote.

    Gives the scores of the corpus with intervals, the versions of metrics and tokeniser, and what scores do not show.
    BLEU, ROUGE-L, METEOR and SPICE are from 0 to 1, CIDEr-D and CIDEr from 0 to 10. Each image needs exactly one
    candidate. Needs no model.
    """
    names = chosen_metrics(metrics)
    if as_json and csv == _STANDARD:
        raise typer.BadParameter("standard output takes either this or --json", param_hint="--csv -")
    # Told before the work, not after it.
    _check_writable(None if csv in (None, _STANDARD) else Path(csv or ""), per_image, save_df)
    if agreement is not None:
        if references or candidates or against or per_image or training_captions or hallucination or df or save_df:
            raise typer.BadParameter("it goes with --metrics, --json and --csv alone", param_hint="--agreement")
        _print(_agreement(agreement, names), as_json=as_json, csv=csv)
        return
    if not references or (candidates is None and save_df is None):
        raise typer.BadParameter("name them and --candidates, or an --agreement", param_hint="--references")
    if candidates == against == _STANDARD:
        raise typer.BadParameter("standard input is the candidates already", param_hint="--against -")
    people = _captions_of_people(references)
    if candidates is not None:
        report = _report(
            people,
            candidates,
            names,
            against=against,
            resamples=bootstrap,
            seed=seed,
            allow_missing=allow_missing,
            training_captions=training_captions,
            objects=hallucination,
            frequencies=df,
        )
        _print(report, as_json=as_json, csv=csv, per_image=per_image)
    if save_df is not None:
        _save_frequencies(people, save_df)


def _report(
    people: CaptionFile,
    candidates: str,
    names: Sequence[str],
    *,
    against: str | None,
    resamples: int,
    seed: int,
    allow_missing: bool,
    training_captions: Path | None,
    objects: bool,
    frequencies: Path | None,
) -> Report:
    """Score the captions, and those that they are compared with."""
    from pictell.metrics import significance
    from pictell.metrics.formats import read_captions
    from pictell.metrics.frequencies import DocumentFrequencies
    from pictell.metrics.hallucination import hallucination
    from pictell.metrics.pairing import in_common, pair
    from pictell.metrics.statistics import describe

    weights = None if frequencies is None else DocumentFrequencies.load(frequencies)
    pairs = pair(people, _captions_of(candidates), allow_missing=allow_missing)
    others = None if against is None else pair(people, _captions_of(against), allow_missing=allow_missing)
    if others is not None:
        pairs, others = in_common(pairs, others)
    training = None if training_captions is None else read_captions(training_captions)
    _tell_of_empty(pairs, candidates)

    scores = _scored(pairs, names, weights)
    opponent = None
    if others is not None and against is not None:
        theirs = _scored(others, names, weights)
        both = {name: own for name, own in scores.sums.items() if name in theirs.sums}
        compared = significance.compare(both, theirs.sums, resamples=resamples, seed=seed) if resamples and both else {}
        opponent = Opponent(against, theirs, compared)
    return Report(
        references=people.name,
        candidates=candidates,
        captions=pairs.candidates,
        missing=len(pairs.missing),
        scores=scores,
        statistics=describe(
            pairs.references,
            pairs.candidates,
            None if training is None else list(chain.from_iterable(training.captions.values())),
        ),
        intervals=significance.intervals(scores.sums, resamples=resamples, seed=seed)
        if resamples and scores.sums
        else {},
        resamples=resamples,
        level=significance.LEVEL,
        seed=seed,
        hallucination=hallucination(pairs.references, pairs.candidates) if objects else None,
        opponent=opponent,
    )


def _agreement(name: str, names: Sequence[str]) -> Agreement:
    """Kendall's tau-c of every score with the judgements that are named."""
    from pictell.metrics import flickr8k_expert, score

    judged = flickr8k_expert.load_flickr8k_expert(flickr8k_expert.expert_folder(name))
    with _warnings_said(), _indexing() as progress:
        scores = score(judged.references, judged.candidates, names, progress=progress)
    return Agreement(
        data=flickr8k_expert.KIND,
        pairs=len(judged.ratings),
        ratings=sum(map(len, judged.ratings.values())),
        tau=flickr8k_expert.agreement(scores, judged),
        published={name: tau for name, tau in flickr8k_expert.PUBLISHED.items() if name in scores.corpus},
        versions=scores.versions,
    )


def _scored(pairs: Pairs, names: Sequence[str], frequencies: DocumentFrequencies | None) -> Scores:
    from pictell.metrics import score

    with _warnings_said(), _indexing() as progress:
        return score(pairs.references, pairs.candidates, names, document_frequencies=frequencies, progress=progress)


def _save_frequencies(people: CaptionFile, path: Path) -> None:
    from pictell.metrics import ptb
    from pictell.metrics.frequencies import DocumentFrequencies
    from pictell.metrics.words import parted, split_captions

    try:
        DocumentFrequencies.of(parted(split_captions(people.captions.values())), ptb.VERSION).save(path)
    except OSError as error:
        raise PictellError("output", f"cannot write {path}: {error.strerror}") from error


# -- what comes in ------------------------------------------------------------------------------------------------


def _captions_of_people(paths: Sequence[Path]) -> CaptionFile:
    from pictell.metrics.formats import read_captions
    from pictell.metrics.pairing import merge

    return merge([read_captions(path) for path in paths])


def _captions_of(name: str) -> CaptionFile:
    from pictell.metrics.formats import parse_captions, read_captions

    if name != _STANDARD:
        return read_captions(Path(name))
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError(
            "missing", "standard input: no captions come in; try `pictell caption --json DIR | pictell score ...`"
        )
    return parse_captions(sys.stdin.buffer, "standard input")


def _check_writable(*paths: Path | None) -> None:
    for path in paths:
        if path is not None and path.is_dir():
            raise PictellError("output", f"cannot write {path}: it is a directory")
        if path is not None and not path.parent.is_dir():
            raise PictellError("output", f"cannot write {path}: there is no directory {path.parent}")


# -- what goes out ------------------------------------------------------------------------------------------------


def _print(found: Report | Agreement, *, as_json: bool, csv: str | None, per_image: Path | None = None) -> None:
    if per_image is not None and isinstance(found, Report):
        write_file(per_image, found.images_as_csv() if per_image.suffix.lower() == ".csv" else found.images_as_json())
    if csv is not None and csv != _STANDARD:
        write_file(Path(csv), found.as_csv())
    if as_json:
        emit_json(found.as_json())
    elif csv == _STANDARD:
        emit(found.as_csv().removesuffix("\n"))
    else:
        found.print_table()


def _tell_of_empty(pairs: Pairs, candidates: str) -> None:
    """Empty captions are scored as they are, and nobody should have to guess why a score is low."""
    if empty := [key for key, caption in pairs.candidates.items() if not caption.strip()]:
        say(f"{candidates}: empty captions, which score about 0: {len(empty)}, first that of {empty[0]!r}")
    if empty := [key for key, own in pairs.references.items() if not all(map(str.strip, own))]:
        say(f"images with an empty reference, which lowers their scores: {len(empty)}, first {empty[0]!r}")


@contextmanager
def _warnings_said() -> Iterator[None]:
    """What the library warns of, as lines like those of errors."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        say(message)


@contextmanager
def _indexing() -> Iterator[Callable[[int, int], None]]:
    """A bar for METEOR's word lists, drawn only where they have to be indexed first."""
    with ExitStack() as stack:
        bars: list[Bar] = []

        def progress(done: int, size: int) -> None:
            if not bars:
                bars.append(stack.enter_context(Bar(size // _MEGABYTE, "MB of METEOR's word lists indexed")))
            bars[0].reach(done // _MEGABYTE)

        yield progress
