"""Words that a model learns to say after it was made: the others stay as likely, and every decoder can be grown."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from pictell.data.own_photos import load_own_photos
from pictell.language import Subwords, Vocabulary
from pictell.language.vocabulary import PAD, START, UNKNOWN
from pictell.models import DECODERS
from pictell.training import Trainer, load_recipe
from pictell.training.checkpoint import load_checkpoint
from pictell.training.from_run import bundle_from_run
from pictell.training.new_words import grown, with_new_words
from pictell.training.start import OWN_PHOTOS, settings_for_own_photos, settings_to_go_on_from

KNOWN, MORE = 11, 3


def test_frequent_words_come_after_those_known() -> None:
    known = Vocabulary(["<pad>", "<start>", "<end>", "<unk>", "a", "dog"], language="en")
    captions = [("a", "dachshund", "runs"), ("a", "dachshund", "dog"), ("one", "fag")] * 2
    found = with_new_words(known, captions, min_count=3)
    assert found.tokens == (*known.tokens, "dachshund")
    assert with_new_words(known, captions, min_count=99).tokens == known.tokens
    assert "fag" not in with_new_words(known, captions, min_count=1)
    pieces = Subwords(["<pad>", "<start>", "<end>", "<unk>", "a", "a</w>"], [])
    assert with_new_words(pieces, captions, min_count=1) is pieces


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_what_was_known_stays_as_likely_and_what_is_new_shares_the_unknown(name: str) -> None:
    small, large = (DECODERS[name](words, 6, 4).eval() for words in (KNOWN, KNOWN + MORE))
    large.load_state_dict(grown(small.state_dict(), large.state_dict(), KNOWN))
    grid, tokens = torch.rand(3, 4, 6), torch.randint(UNKNOWN + 1, KNOWN, (3, 2, 5))
    tokens[:, :, 0], tokens[0, 1, 3:] = START, PAD
    before, after = small(grid, tokens).exp(), large(grid, tokens).exp()
    others = [word for word in range(KNOWN) if word != UNKNOWN]
    torch.testing.assert_close(after[..., others], before[..., others])
    shared = after[..., [UNKNOWN, *range(KNOWN, KNOWN + MORE)]]
    torch.testing.assert_close(shared, (before[..., [UNKNOWN]] / (1 + MORE)).expand(shared.shape))
    read = tokens.clone()
    read[read == UNKNOWN + 1] = KNOWN + 1
    unknown = tokens.clone()
    unknown[unknown == UNKNOWN + 1] = UNKNOWN
    torch.testing.assert_close(large(grid, read), large(grid, unknown))


@pytest.fixture(scope="module")
def own_photos(flickr8k: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen photos with a table of captions that have a word of their own."""
    folder = tmp_path_factory.mktemp("own") / "my photos"
    shutil.copytree(flickr8k / "Flicker8k_Dataset", folder)
    lines = (flickr8k / "Flickr8k_text/Flickr8k.token.txt").read_text(encoding="utf-8").splitlines()
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for line in lines:
            name, text = line.split("\t")
            writer.writerow([name.partition("#")[0], text.replace("disc", "frisbee")])
    return folder


@pytest.fixture(scope="module")
def bundle(recipe_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained for a moment."""
    out = tmp_path_factory.mktemp("runs") / "before"
    Trainer(load_recipe(recipe_file, ["phases.0.epochs=1", "phases.1.epochs=0"]), out).run()
    return bundle_from_run(out, out.parent / "bundle", name="before", version=1).directory


def test_a_model_goes_on_with_ones_own_photos(own_photos: Path, bundle: Path, tmp_path: Path) -> None:
    settings = [*settings_to_go_on_from(str(bundle)), *settings_for_own_photos(own_photos)]
    quick = ["phases.0.epochs=2", "phases.0.views=2", "batch_size=4", "data.max_words=9"]

    def run(out: Path) -> Path:
        Trainer(load_recipe(OWN_PHOTOS, [*settings, *quick]), out).run()
        return out

    one = run(tmp_path / "one")
    before, after = (Vocabulary.load(folder / "vocabulary.json").tokens for folder in (bundle, one))
    assert after[: len(before)] == before
    assert "frisbee" in after[len(before) :]
    assert "new words:" in (one / "log.txt").read_text(encoding="utf-8")
    made = bundle_from_run(one, tmp_path / "made", name="own", version=1)
    assert made.vocabulary.tokens == after
    assert "the person who trained it" in made.terms
    assert run(one) == one  # which has nothing more to do
    again = load_checkpoint(run(tmp_path / "two") / "best.safetensors")[0]
    assert all(torch.equal(value, again[name]) for name, value in load_checkpoint(one / "best.safetensors")[0].items())


def test_a_few_photos_are_learnt_from_before_patience_ends() -> None:
    recipe = load_recipe(OWN_PHOTOS)
    steps = recipe.patience * -(-24 // recipe.batch_size)  # those of thirty photos that are in train
    assert steps > 2 * recipe.phases[0].warmup


@pytest.mark.parametrize("dev", ["dev", "val", "validation"])
@pytest.mark.parametrize("test", ["", "test"])
def test_splits_that_the_table_names_are_used(dev: str, test: str, tmp_path: Path) -> None:
    rows = [f"{split}.jpg,A dog.,{split}" for split in ("train", dev, test) if split]
    (tmp_path / "captions.csv").write_text("\n".join(["file,caption,split", *rows]), encoding="utf-8")
    data = load_recipe(OWN_PHOTOS, settings_for_own_photos(tmp_path)).data
    assert data.dev == f"photos/{dev}"
    assert data.held_out == [f"photos/{split}" for split in (dev, test) if split]
    for name in (*data.train, data.dev, *data.held_out):
        assert [photo.id for photo in load_own_photos(tmp_path, name.partition("/")[2])]


def test_without_splits_a_test_split_is_held_out_too(own_photos: Path) -> None:
    assert load_recipe(OWN_PHOTOS, settings_for_own_photos(own_photos)).data.held_out == ["photos/dev", "photos/test"]


def test_the_command_takes_a_folder(
    own_photos: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pictell.cli import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(
            ["train", str(own_photos), "--from", str(bundle), "phases.0.epochs=1", "phases.0.views=1", "out=runs/mine"]
        )
    assert ended.value.code in (0, None)
    assert capsys.readouterr().out.endswith("runs/mine/best.safetensors\n")
    recipe = json.loads((tmp_path / "runs/mine/recipe.json").read_text(encoding="utf-8"))
    assert recipe["data"]["folders"] == {"photos": str(own_photos)}
    assert recipe["model"]["decoder"]["hidden"] == 12, "the network is the model's"
