"""Repair jobs handed to vendors, who finish them on time or late.

How a job comes about, in the order of the modules: a tenant reports it (``jobs``), it
goes to a vendor (``vendors``, ``orders``), sometimes overridden by a dispatcher who
knows more, and it is finished on time or late (``outcome``); ``export`` is what the
office sees of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

from mlkit.synthetic.columns import towards
from mlkit.synthetic.domain import Domain, Option, Sample, Truth
from mlkit.synthetic.draws import Draws
from mlkit.synthetic.vendor_dispatch.export import table
from mlkit.synthetic.vendor_dispatch.jobs import Flags, Floats, reported
from mlkit.synthetic.vendor_dispatch.orders import HARD_SITES, dispatched, hard_given
from mlkit.synthetic.vendor_dispatch.outcome import bad_slice, biased_group, odds

HARDNESS = 2.2  # what a hard site takes from the log-odds

OPTIONS = {
    "rows": Option(6000, 10, 2_000_000, "number of jobs"),
    "drift": Option(0.0, 0, 1, "how far mix and odds move in the newest part"),
    "bias": Option(0.4, 0, 1, "how much worse jobs of tenant group C are served"),
    "bad_slice": Option(
        0.5, 0, 1, "how far urgent jobs of private landlords are a toss-up"
    ),
    "override_rate": Option(0.15, 0, 0.4, "share of jobs a dispatcher hands elsewhere"),
    "noise": Option(0.04, 0, 1, "share of outcomes that are recorded at random"),
}


def make(options: Mapping[str, float], seed: int) -> Sample:
    """Return jobs and the truth behind their outcomes."""
    draws = Draws(seed, int(options["rows"]))
    jobs = reported(draws, options["drift"])
    hard = draws.chance("hard", HARD_SITES)
    orders = dispatched(draws, jobs, hard, options["override_rate"])
    bad = bad_slice(jobs) & (options["bad_slice"] > 0)

    def chance(hardness: Floats | Flags, bias: float) -> Floats:
        p = expit(odds(jobs, orders, bias) - HARDNESS * hardness)
        p = towards(p, options["bad_slice"] * bad, 0.5)
        return towards(p, options["noise"], 0.5)

    def seen(bias: float) -> Floats:
        share = hard_given(orders.override, options["override_rate"])
        easy = np.zeros(draws.rows)
        return share * chance(easy + 1, bias) + (1 - share) * chance(easy, bias)

    bias = options["bias"]
    on_time = draws.chance("outcome", chance(hard, bias))
    truth = Truth(
        expected=seen(bias),
        unbiased=seen(0.0),
        biased=biased_group(jobs) & (bias > 0),
        bad_slice=bad,
        drifted=jobs.drifted,
        extra={"hard_site": hard},
    )
    return Sample(table(draws, jobs, orders, on_time), truth)


VENDOR_DISPATCH = Domain(
    name="vendor_dispatch",
    description=(
        "A housing repairs office hands jobs to some forty vendors. Each job has a "
        "trade, a priority with its due time, a tenant, a quote and a crew; whether it "
        "is done on time hangs on the slack between quote and due time, on the vendor "
        "and how many jobs it has open, on the weather for outside trades, on Friday "
        "afternoons, weekends and holidays. Dispatchers override the suggested vendor "
        "where they know a site to be hard, so overridden jobs look worse than the "
        "override made them. Jobs of tenant group C can be served worse than others "
        "(bias); urgent jobs of private landlords hang on who opens the door (bad "
        "slice); in the newest months storms, heating jobs and overloaded vendors can "
        "pile up (drift)."
    ),
    task="binary",
    target="on_time",
    options=OPTIONS,
    make=make,
)
