"""How much a skill will be needed in a job role, as a panel of experts rates it."""

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
NEEDS = ("LOW", "MEDIUM", "HIGH")
ALPHABETICAL = [2, 0, 1]  # places in `NEEDS`: the order of the truth's columns
CUTS = (-2.8, 2.8)  # of the score, between one need and the next
SECTORS = (
    *("construction", "finance", "health", "manufacturing"),
    *("public administration", "retail"),
)
ROLES = (  # three in each sector
    *("bricklayer", "site manager", "surveyor"),
    *("bank clerk", "claims handler", "risk analyst"),
    *("care assistant", "nurse", "ward manager"),
    *("machine operator", "maintenance technician", "process engineer"),
    *("caseworker", "planning officer", "team secretary"),
    *("sales assistant", "store manager", "warehouse clerk"),
)
TYPES = ("digital", "green", "management", "social", "technical")
DIGITAL, GREEN, MANAGEMENT, SOCIAL, TECHNICAL = range(5)
SKILLS = (  # four of each type
    *("data analysis", "use of AI tools", "cyber security", "process automation"),
    *("energy saving", "circular materials", "carbon accounting", "clean transport"),
    *("budgeting", "project planning", "leading teams", "quality management"),
    *("advising customers", "negotiating", "teaching others", "teamwork"),
    *("operating machines", "measuring", "safety at work", "trade regulations"),
)
TYPE_SHARES = (0.25, 0.17, 0.18, 0.2, 0.2)
FIT = (  # how near the types of skill are to the work, by sector
    (-0.3, 0.8, 0.2, -0.6, 0.9),
    (0.9, -0.5, 0.4, 0.5, -0.6),
    (-0.2, -0.8, 0.3, 1.0, 0.5),
    (0.6, 0.5, 0.0, -0.7, 1.0),
    (0.3, 0.2, 0.6, 0.4, -0.3),
    (0.1, -0.2, 0.1, 0.9, -0.5),
)
ROUTINE = (1, 0, 0, 2, 2, 0, 0, 0, 0, 2, 1, 0, 1, 0, 2, 1, 0, 2)  # work, by role
SIZES = ("small", "medium", "large")
AGES = ("under 35", "35 to 50", "over 50")
OLDER = AGES.index("over 50")

OPTIONS = {
    "rows": Option(6000, 10, 2_000_000, "number of ratings"),
    "drift": Option(0.0, 0, 1, "how far skills in demand move in the newest part"),
    "bias": Option(0.5, 0, 1, "how much too low teams over 50 are rated"),
    "bad_slice": Option(0.7, 0, 1, "how far ratings of green skills are guesses"),
    "noise": Option(0.04, 0, 1, "share of ratings that are recorded at random"),
}


@dataclass(frozen=True)
class Ratings:
    """What is known of each rated skill; categories are places in their lists."""

    day: Places
    drifted: Floats
    role: Places
    skill: Places
    size: Places
    age: Places
    adverts: Floats  # per cent of the role's job adverts that name the skill
    growth: Floats  # of that share within two years, in per cent
    proficiency: Floats  # of the staff, from 1 to 5
    automation: Floats  # per cent of the tasks that machines could do
    vacancies: Floats  # per cent of the posts
    retiring: Floats  # per cent of the staff within five years
    training: Floats  # hours a head and year
    remote: Flags

    @property
    def sector(self) -> Places:
        """Place in `SECTORS`."""
        return self.role // 3

    @property
    def type(self) -> Places:
        """Place in `TYPES`."""
        return self.skill // 4


def make(options: Mapping[str, float], seed: int) -> Sample:
    """Return ratings and the truth behind them."""
    draws = Draws(seed, int(options["rows"]))
    rated = ratings(draws, options["drift"])
    bad = (rated.type == GREEN) & (options["bad_slice"] > 0)

    def chances(bias: float) -> Floats:
        z = score(rated, bias)
        below = [expit(cut - z) for cut in CUTS]
        known = np.stack([below[0], below[1] - below[0], 1 - below[1]], axis=1)
        guessed = (options["bad_slice"] * bad)[:, None]
        return towards(towards(known, guessed, 1 / 3), options["noise"], 1 / 3)

    bias = options["bias"]
    expected = chances(bias)
    limits = expected.cumsum(axis=1)[:, :2]
    need = (draws.uniform("outcome")[:, None] >= limits).sum(axis=1)
    truth = Truth(
        expected=expected[:, ALPHABETICAL],
        unbiased=chances(0.0)[:, ALPHABETICAL],
        biased=(rated.age == OLDER) & (bias > 0),
        bad_slice=bad,
        drifted=rated.drifted,
    )
    return Sample(table(draws, rated, need), truth)


def ratings(draws: Draws, drift: float) -> Ratings:
    """Return what the panels were asked, in order, and what was known of it."""
    day = days_in_order(draws, DAYS)
    drifted = drifted_by(day, DAYS, drift)
    role = draws.pick("job role", np.ones(len(ROLES)))
    kind = draws.pick("type", TYPE_SHARES)
    kind = np.where(draws.chance("more digital", 0.45 * drifted), DIGITAL, kind)
    digital = kind == DIGITAL
    fit = np.array(FIT)[role // 3, kind]
    routine = np.array(ROUTINE)[role]
    size = draws.pick("size", (0.4, 0.35, 0.25))
    named = (
        0.7 * draws.normal("advert share") + 0.5 * fit + drifted * (0.5 + 0.9 * digital)
    )
    growth = 6 + 9 * digital + 14 * draws.normal("growth") + 22 * drifted * digital
    skilled = 3.1 + 0.7 * draws.normal("proficiency") + 0.3 * fit - 0.5 * drifted
    machine = -0.9 + 0.8 * routine + 0.7 * draws.normal("automation") + 0.9 * drifted
    spare = 2.3 + 0.6 * draws.normal("training") + 0.25 * size
    return Ratings(
        day=day,
        drifted=drifted,
        role=role,
        skill=kind * 4 + draws.pick("skill", np.ones(4)),
        size=size,
        age=draws.pick("staff_age", (0.3, 0.43, 0.27)),
        adverts=rounded(100 * expit(named - 1.8), 1),
        growth=rounded(growth, 1),
        proficiency=rounded(skilled, 1, 1, 5),
        automation=rounded(100 * expit(machine), 0),
        vacancies=rounded(3.5 * np.exp(0.6 * draws.normal("vacancies")), 1),
        retiring=rounded(30 * draws.uniform("retiring") ** 1.5, 1),
        training=rounded(np.exp(spare), 0),
        remote=draws.chance("remote", 0.15 + 0.3 * (routine == 0) + 0.3 * drifted),
    )


def score(rated: Ratings, bias: float) -> Floats:
    """Return how much a skill will be needed, in log-odds of a higher rating."""
    digital = rated.type == DIGITAL
    social = np.isin(rated.type, [MANAGEMENT, SOCIAL])
    exposed = (rated.automation - 45) / 25
    z = 1.5 * (np.log(rated.adverts + 1) - 2.7) + 0.09 * (rated.growth - 8)
    z += 1.6 * (3.1 - rated.proficiency) + 0.05 * (rated.retiring - 12)
    # Machines take over handiwork; what they leave is steering them and people.
    z += exposed * np.where(digital, 1.3, np.where(social, 0.6, -1.2))
    z += 0.35 * (rated.vacancies > 5) + 0.5 * (digital & rated.remote)
    z += np.where(rated.size == SIZES.index("large"), 0.5 * digital, -0.1)
    z += 1.2 * rated.drifted * (digital - 0.6 * (rated.type == TECHNICAL))
    return np.asarray(1.8 * z - 4.0 * bias * (rated.age == OLDER))


def table(draws: Draws, rated: Ratings, need: Places) -> pd.DataFrame:
    """Return the ratings as a survey would export them, with gaps."""
    frame = pd.DataFrame(
        {
            "rating_id": numbered("R", draws.rows),
            "rated_on": dates(FIRST_DAY, rated.day),
            "sector": words(SECTORS, rated.sector),
            "job_role": words(ROLES, rated.role),
            "skill_type": words(TYPES, rated.type),
            "skill": words(SKILLS, rated.skill),
            "employer_size": words(SIZES, rated.size),
            "staff_age": words(AGES, rated.age),
            "advert_share_pct": rated.adverts,
            "advert_growth_pct": rated.growth,
            "proficiency": rated.proficiency,
            "automation_pct": rated.automation,
            "vacancy_pct": rated.vacancies,
            "retiring_pct": rated.retiring,
            "training_hours": rated.training,
            "remote_possible": rated.remote,
            "need": words(NEEDS, need),
        }
    )
    small = rated.size == SIZES.index("small")
    gaps = {
        "advert_growth_pct": draws.chance("no growth", 0.05),
        "proficiency": draws.chance("no proficiency", 0.02 + 0.06 * small),
        "training_hours": draws.chance("no training", 0.03 + 0.12 * small),
    }
    return with_gaps(frame, gaps)


FUTURE_SKILLS = Domain(
    name="future_skills",
    description=(
        "A skills council asks panels of experts how much a skill will be needed in a "
        "job role in five years: LOW, MEDIUM or HIGH. Each rating comes with what was "
        "known on the day: how many of the role's job adverts name the skill and how "
        "that share grows, how proficient the staff are, how much of the work machines "
        "could do, vacancies, retirements and hours of training. Need rises where "
        "adverts ask for what the staff cannot do yet; automation raises the need of "
        "digital skills and lowers that of manual ones. Teams over 50 can be rated too "
        "low, as if learning were not for them (bias); ratings of green skills can be "
        "guesses, as no one has seen these jobs yet (bad slice); in the newest months "
        "digital skills and automation can surge (drift)."
    ),
    task="multiclass",
    target="need",
    options=OPTIONS,
    make=make,
)
