"""Whether an application to a public support scheme for small firms succeeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from mlkit.synthetic.columns import numbered, rounded, towards, with_gaps, words
from mlkit.synthetic.domain import Domain, Flags, Floats, Option, Sample, Truth
from mlkit.synthetic.draws import Draws, Places
from mlkit.synthetic.timeline import dates, days_in_order, drifted_by

FIRST_DAY = "2023-01-02"
DAYS = 728
STRANDS = ("equipment", "export", "pilot project", "premises", "training")
PILOT = STRANDS.index("pilot project")
SECTORS = ("agrifood", "crafts", "digital services", "manufacturing", "tourism")
REGIONS = ("Coast", "Hills", "Lakes", "Plain", "Valley")
FORMS = ("cooperative", "limited company", "partnership", "sole trader")
CHANNELS = ("advice centre", "portal", "post")
ADVICE, PORTAL, POST = range(3)
LANGUAGES = ("first", "second", "other")  # of the country, as spoken by the contact
OTHER = LANGUAGES.index("other")

OPTIONS = {
    "rows": Option(6000, 10, 2_000_000, "number of applications"),
    "drift": Option(0.0, 0, 1, "how far applications and budget move in the end"),
    "bias": Option(0.5, 0, 1, "how much worse contacts of another language fare"),
    "bad_slice": Option(0.8, 0, 1, "how far pilot projects are a toss-up"),
    "noise": Option(0.02, 0, 1, "share of outcomes that are recorded at random"),
}


@dataclass(frozen=True)
class Applications:
    """What is known of each application; categories are places in their lists."""

    day: Places
    drifted: Floats
    strand: Places
    sector: Places
    region: Places
    form: Places
    channel: Places
    language: Places
    firm_age: Floats  # years
    staff: Floats
    turnover: Floats  # thousands
    asked: Floats  # thousands
    own_share: Floats  # per cent of the cost
    months: Floats
    plan: Floats  # points of 100
    missing_documents: Places
    days_left: Places  # to the deadline
    earlier_grant: Flags
    arrears: Flags


def make(options: Mapping[str, float], seed: int) -> Sample:
    """Return applications and the truth behind their outcomes."""
    draws = Draws(seed, int(options["rows"]))
    made = applications(draws, options["drift"])
    bad = (made.strand == PILOT) & (options["bad_slice"] > 0)

    def chance(bias: float) -> Floats:
        p = expit(odds(made, bias))
        return towards(
            towards(p, options["bad_slice"] * bad, 0.5), options["noise"], 0.5
        )

    bias = options["bias"]
    expected = chance(bias)
    truth = Truth(
        expected=expected,
        unbiased=chance(0.0),
        biased=(made.language == OTHER) & (bias > 0),
        bad_slice=bad,
        drifted=made.drifted,
    )
    return Sample(table(draws, made, draws.chance("outcome", expected)), truth)


def applications(draws: Draws, drift: float) -> Applications:
    """Return the applications in the order in which they were handed in."""
    day = days_in_order(draws, DAYS)
    drifted = drifted_by(day, DAYS, drift)
    channel = draws.pick("channel", (0.3, 0.5, 0.2))
    channel = np.where(draws.chance("more portal", 0.6 * drifted), PORTAL, channel)
    staff = np.exp(2.0 + 0.9 * draws.normal("staff"))
    turnover = 80 * staff * np.exp(0.5 * draws.normal("turnover"))
    dearer = np.exp(0.5 * drifted)
    asked = dearer * (12 + 14 * draws.uniform("asked") + 1.2 * np.sqrt(turnover))
    own = 38 + 14 * draws.normal("own share") - 12 * drifted
    plan = 60 + 15 * draws.normal("plan") + 5 * (channel == ADVICE)
    careless = 1.0 + 0.5 * (channel == POST) + 1.2 * drifted
    lacking = np.array([0.42, 0.2, 0.08, 0.03]) * careless[:, None]
    return Applications(
        day=day,
        drifted=drifted,
        strand=draws.pick("strand", (0.29, 0.19, 0.08, 0.21, 0.23)),
        sector=draws.pick("sector", (0.2, 0.23, 0.17, 0.22, 0.18)),
        region=draws.pick("region", (0.18, 0.2, 0.17, 0.25, 0.2)),
        form=draws.pick("form", (0.1, 0.45, 0.15, 0.3)),
        channel=channel,
        language=draws.pick("language of the contact", (0.53, 0.27, 0.2)),
        firm_age=np.floor(-9 * np.log1p(-draws.uniform("firm age"))),
        staff=rounded(staff, 0, 1),
        turnover=rounded(turnover, 0),
        asked=rounded(asked, 1),
        own_share=rounded(own, 0, 5, 90),
        months=np.floor(6 + 24 * draws.uniform("months")),
        plan=rounded(plan, 0, 0, 100),
        missing_documents=(draws.uniform("documents")[:, None] < lacking).sum(axis=1),
        days_left=np.floor(60 * draws.uniform("days left") ** 1.4).astype(np.int64),
        earlier_grant=draws.chance("earlier grant", 0.3),
        arrears=draws.chance("arrears", 0.12),
    )


def odds(made: Applications, bias: float) -> Floats:
    """Return the log-odds of success: a sum of points, as the scheme's rules say."""
    z = 0.11 * (made.plan - 60) + 0.075 * (made.own_share - 38)
    z -= 1.5 * made.missing_documents - 0.9 + 0.03 * (made.asked - 45)
    z += 0.05 * np.minimum(made.firm_age, 20) - 0.03 * (made.months - 18)
    z += 0.02 * (made.days_left - 25)
    z += 1.3 * made.earlier_grant - 2.6 * made.arrears
    z += np.array([0.8, -0.5, 0.0, -0.9, 0.5])[made.strand]
    z += np.array([0.3, 0.0, 0.6, 0.2, -0.7])[made.sector]
    z += np.array([-0.3, 0.4, 0.0, 0.2, -0.2])[made.region]
    z += np.array([0.5, 0.2, 0.0, -0.5])[made.form]
    z += np.array([0.7, 0.0, -0.6])[made.channel]
    z -= 1.5 * made.drifted  # the budget runs short
    return np.asarray(2.9 * (z + 0.3) - 10.0 * bias * (made.language == OTHER))


def table(draws: Draws, made: Applications, succeeded: Flags) -> pd.DataFrame:
    """Return the applications as the agency would export them, with gaps."""
    frame = pd.DataFrame(
        {
            "application_id": numbered("A", draws.rows),
            "submitted_on": dates(FIRST_DAY, made.day),
            "strand": words(STRANDS, made.strand),
            "sector": words(SECTORS, made.sector),
            "region": words(REGIONS, made.region),
            "legal_form": words(FORMS, made.form),
            "channel": words(CHANNELS, made.channel),
            "contact_language": words(LANGUAGES, made.language),
            "firm_age_years": made.firm_age,
            "staff": made.staff,
            "turnover_thousand": made.turnover,
            "amount_asked_thousand": made.asked,
            "own_share_pct": made.own_share,
            "project_months": made.months,
            "plan_score": made.plan,
            "missing_documents": made.missing_documents,
            "days_to_deadline": made.days_left,
            "earlier_grant": made.earlier_grant,
            "tax_arrears": made.arrears,
            "succeeded": succeeded,
        }
    )
    new = made.firm_age < 1
    gaps = {
        "turnover_thousand": draws.chance("no turnover", np.where(new, 0.5, 0.02)),
        "plan_score": draws.chance("no plan score", 0.015),
        "firm_age_years": draws.chance("no firm age", 0.03),
    }
    return with_gaps(frame, gaps)


SCHEME_SUCCESS = Domain(
    name="scheme_success",
    description=(
        "A public agency gives grants to small firms: for equipment, export, premises, "
        "training and pilot projects. Each application has a firm with its age, staff "
        "and turnover, an amount asked for, the share the firm pays itself, a score of "
        "the business plan, missing documents, tax arrears and the channel it came by. "
        "Success is nearly a sum of points, as in the scheme's rules: a good plan, an "
        "own share and complete papers help, arrears hurt; so a logistic regression "
        "does well. Firms whose contact speaks another language can fare worse (bias); "
        "pilot projects go to an outside jury that nobody can foresee (bad slice); in "
        "the newest months the portal brings hasty applications for larger amounts "
        "while the budget runs short (drift)."
    ),
    task="binary",
    target="succeeded",
    options=OPTIONS,
    make=make,
)
