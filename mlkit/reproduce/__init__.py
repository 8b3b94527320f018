"""Reproducing a version: the recorded run once more, and whether it comes out the same.

A version of the registry names its *inputs*: data (by fingerprint), params, code and
package versions. A *replay* trains and evaluates in a scratch folder with the recorded
params, on the data that are there now, with the code and packages that are installed.
The version is *reproduced* when the digest of the model and every metric are the same.
Whatever the answer, inputs that differ are named. Neither the workspace nor its
registry is changed, and no earlier result is taken.
"""

from mlkit.reproduce.comparison import MetricDifference
from mlkit.reproduce.inputs import Input
from mlkit.reproduce.recorded import ReproduceError
from mlkit.reproduce.reproduction import Reproduction, reproduce
from mlkit.reproduce.wording import Difference

__all__ = [
    "Difference",
    "Input",
    "MetricDifference",
    "ReproduceError",
    "Reproduction",
    "reproduce",
]
