"""The prediction log: what a model answered, when, and what came of it.

A *line* is one answer, or one request that failed; an *outcome* is the truth that came
later, under the same id. Lines are kept in a folder a model, in a file a day (UTC). A
service holds a `PredictionLogger`, whose calls take microseconds and never fail for a
disk; what could not be written is *lost*, and counted where others see it. What stands
in a file and is no line is *garbage*: it is skipped, counted and never removed.
Writing imports neither NumPy nor pandas.
"""

from mlkit.prediction_log.compacting import Compacted, compact
from mlkit.prediction_log.garbage import Garbage, Place
from mlkit.prediction_log.gathering import Logged
from mlkit.prediction_log.layout import logged_models
from mlkit.prediction_log.logger import PredictionLogger
from mlkit.prediction_log.losses import Loss, read_losses
from mlkit.prediction_log.opening import log_folder, open_log
from mlkit.prediction_log.outcomes import join_outcomes
from mlkit.prediction_log.reading import read_batches, read_predictions
from mlkit.prediction_log.tidying import Tidied, tidy

__all__ = [
    "Compacted",
    "Garbage",
    "Logged",
    "Loss",
    "Place",
    "PredictionLogger",
    "Tidied",
    "compact",
    "join_outcomes",
    "log_folder",
    "logged_models",
    "open_log",
    "read_batches",
    "read_losses",
    "read_predictions",
    "tidy",
]
