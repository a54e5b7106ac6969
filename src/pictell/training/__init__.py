"""Training captioners: recipes, the trainer, checkpoints, export to a bundle."""

from pictell.training.recipe import Recipe, load_recipe
from pictell.training.trainer import Trainer

__all__ = ["Recipe", "Trainer", "load_recipe"]
