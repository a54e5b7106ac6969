"""`pictell evaluate`: scores of a model on a data set."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pictell.cli.attention_report import report_attention
from pictell.cli.bar import Bar
from pictell.cli.options import Beam, Json, Metrics, Model, Regions, SkipMissing, Threads, chosen_metrics
from pictell.cli.output import emit, emit_json, say, write_file
from pictell.errors import PictellError

if TYPE_CHECKING:
    from pictell.captioner import Captioner
    from pictell.data import CaptionedPhoto
    from pictell.evaluation import Evaluation
    from pictell.types import Caption

_COCO_NAME = re.compile(r"(?:COCO_[a-z]+\d{4}_)?(\d{12})\.jpg")


def evaluate(
    data: Annotated[
        str | None,
        typer.Option(metavar="KIND:FOLDER", help="The data set, such as flickr8k:data/flickr8k or coco:data/coco."),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="SPLIT", help="Which of its splits; coco has val2014, train2014 ...")
    ] = "test",
    model: Model = None,
    regions: Regions = None,
    beam: Beam = None,
    metrics: Metrics = None,
    threads: Threads = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N photos.")] = None,
    skip_missing: SkipMissing = False,
    captions: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write the captions there, in the COCO results format.")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Add the scores there as a line: a record of every look at a split."),
    ] = None,
    agreement: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:FOLDER",
            help="Instead of captions, measure how likely the model finds captions that people judged: "
            "flickr8k-expert:data/flickr8k.",
        ),
    ] = None,
    attention: Annotated[
        bool,
        typer.Option(
            "--attention",
            help="Instead of scores, measure where the model looks for each word, and whether hiding it changes the word.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Score a model on a data set of photos with captions.

    Gives BLEU-1..4, ROUGE-L and CIDEr-D (or --metrics) with their versions, the share of distinct captions, the share that
    end in a function word ("a man with a"), the objects named that no reference names, the share that `--style neutral` of
    `pictell caption` would word otherwise, the mean length, and photos a second. A photo that cannot be opened is named on
    standard error and scored as if nothing had been said; the exit code is then 1.
    """
    from pictell.captioner import load
    from pictell.data import load_dataset
    from pictell.evaluation import evaluate as evaluate_photos
    from pictell.record import add_to_record, check_record, fields_of

    if agreement is not None:
        if data or beam or metrics or limit or captions or record or attention or regions:
            raise typer.BadParameter("it goes with --model, --threads and --json alone", param_hint="--agreement")
        _agreement(agreement, load(model, threads=threads), as_json=as_json)
        return
    if data is None:
        raise typer.BadParameter("name it, or an --agreement", param_hint="--data")
    if attention:
        if beam or metrics or captions or record or regions:
            message = "it goes with --data, --split, --limit, --skip-missing, --model, --threads and --json alone"
            raise typer.BadParameter(message, param_hint="--attention")
        captioner = load(model, threads=threads)
        photos = load_dataset(data, split, skip_missing=skip_missing, say=say)[:limit]
        report_attention(captioner, photos, data=data.partition(":")[0], split=split, as_json=as_json)
        return
    names = chosen_metrics(metrics)
    # Told before the work, not after it.
    if captions is not None and not captions.parent.is_dir():
        raise PictellError("output", f"cannot write {captions}: there is no directory {captions.parent}")
    if record is not None:
        check_record(record)
    captioner = load(model, threads=threads, regions=regions)
    photos = load_dataset(data, split, skip_missing=skip_missing, regions=captioner.regions, say=say)[:limit]
    with Bar(len(photos)) as bar:

        def watch(photo: CaptionedPhoto, result: Caption | PictellError) -> None:
            if isinstance(result, PictellError):
                bar.make_room(for_error=True)
                say(result.message)
            bar.advance()

        found = evaluate_photos(captioner, photos, beam=beam, metrics=names, on_result=watch)
    if captions is not None:
        results = [{"image_id": _image_id(name), "caption": text} for name, text in found.captions.items()]
        write_file(captions, json.dumps(results, ensure_ascii=False, indent=0) + "\n")
    fields = fields_of(found, data, split)
    if record is not None:
        add_to_record(record, fields)
    if as_json:
        emit_json(fields)
    else:
        _print_table(found, f"{found.model} on {data.partition(':')[0]} {split}")
    if found.failed:
        raise typer.Exit(1)


def _agreement(name: str, captioner: Captioner, *, as_json: bool) -> None:
    from pictell.agreement import agreement_with_experts
    from pictell.metrics.flickr8k_expert import expert_folder, load_flickr8k_expert

    folder = expert_folder(name)
    judged = load_flickr8k_expert(folder)
    with Bar(len(judged.candidates), "pairs of a photo and a caption") as bar:
        found = agreement_with_experts(captioner, folder, judged, on_pairs=bar.reach)
    if as_json:
        emit_json(asdict(found) | {"tau_c": round(found.tau_c, 5), "unknown_words": round(found.unknown_words, 5)})
    else:
        emit(
            f"{found.model} on {found.data}: tau-c {found.tau_c:.3f} of the log-probability a word with "
            f"{found.ratings} ratings of {found.pairs} pairs; {found.unknown_words:.1%} of the words are unknown to it"
        )


def _image_id(name: str) -> str | int:
    """COCO's own programs know its photos by number."""
    coco = _COCO_NAME.fullmatch(name)
    return int(coco[1]) if coco else name


def _print_table(found: Evaluation, title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    table.add_column("measure")
    table.add_column("value", justify="right")
    table.add_column("version")
    for name, value in found.scores.items():
        table.add_row(name, f"{value:.4f}", found.versions[name])
    table.add_section()
    for name, text in (
        ("photos", f"{found.photos}"),
        ("photos that failed", f"{len(found.failed)}"),
        ("beam", f"{found.beam}"),
        ("length penalty", f"{found.length_penalty:g}"),
        ("distinct captions", f"{found.distinct:.1%}"),
        ("distinct words", f"{found.words}"),
        ("ending in a function word", f"{found.function_word_endings:.1%}"),
        ("objects that no reference names", f"{found.hallucinated:.1%}"),
        ("gender or age that is not settled", f"{found.gendered:.1%}"),
        ("words, mean", f"{found.mean_words:.2f}"),
        ("photos a second", f"{found.photos_per_second:.1f}"),
    ):
        table.add_row(name, text, "")
    Console().print(table)
