"""What a change of the land levy does to the yearly bill of a parcel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlkit.synthetic.columns import numbered, rounded, with_gaps, words
from mlkit.synthetic.domain import Domain, Flags, Floats, Option, Sample, Truth
from mlkit.synthetic.draws import Draws, Places
from mlkit.synthetic.timeline import dates, days_in_order, drifted_by

FIRST_DAY = "2023-01-02"
DAYS = 728
USES = ("agricultural", "commercial", "industrial", "residential", "under conversion")
FARM, SHOP, INDUSTRY, HOME, CONVERSION = range(5)
DISTRICTS = ("Altstadt", "Harbour", "Hillside", "Meadows", "Riverside", "Station")
EXEMPTIONS = ("charity", "heritage", "none")
OWNERS = ("65 and over", "under 65", "not a person")
PENSIONER = OWNERS.index("65 and over")

AREA = (7.6, 6.4, 7.0, 6.3, 6.6)  # log of square metres, by use
PRICE = (-1.1, 0.5, -0.1, 0.2, 0.2)  # log of the price against the district's, by use
OLD_RATE = (3.5, 4.2, 4.2, 3.4, 4.0)  # per thousand of the old value, by use
NEW_RATE = (3.0, 4.9, 4.0, 3.1, 4.0)  # per thousand of the present value, by use
SPREAD = 400.0  # of the bills of parcels under conversion, in currency
USUAL = 110.0  # mean change of those bills, in currency

OPTIONS = {
    "rows": Option(6000, 10, 2_000_000, "number of parcels"),
    "drift": Option(0.0, 0, 1, "how far land prices and rates move in the end"),
    "bias": Option(0.5, 0, 1, "how much too high owners of 65 and over are assessed"),
    "bad_slice": Option(
        0.8, 0, 1, "how far the bills of parcels under conversion are guesses"
    ),
    "noise": Option(0.3, 0, 1, "spread of the bills around the rules, in 100 currency"),
}


@dataclass(frozen=True)
class Parcels:
    """What the register knows of each parcel; categories are places in their lists."""

    day: Places
    drifted: Floats
    use: Places
    district: Places
    exemption: Places
    owner: Places
    area: Floats  # square metres
    price: Floats  # of land a square metre, by the market
    floor_area: Floats  # square metres
    built: Floats  # year
    frontage: Floats  # metres
    valued_years_ago: Floats
    flood_zone: Flags
    growth: Floats  # of land prices a year, by district

    @property
    def value(self) -> Floats:
        """Present value of land and buildings, in thousands."""
        age = np.clip(2023 - self.built, 0, 100)
        building = self.floor_area * 0.9 * np.exp(-0.012 * age)
        return np.asarray(self.area * self.price / 1000 + building)


def make(options: Mapping[str, float], seed: int) -> Sample:
    """Return parcels and the truth behind the change of their bills."""
    draws = Draws(seed, int(options["rows"]))
    found = parcels(draws, options["drift"])
    bad = (found.use == CONVERSION) & (options["bad_slice"] > 0)
    guessed = options["bad_slice"] * bad

    def change(bias: float) -> Floats:
        after, before = bill_after(found, bias), bill_before(found)
        return np.asarray((1 - guessed) * (after - before) + guessed * USUAL)

    bias = options["bias"]
    expected = change(bias)
    spread = np.hypot(100 * options["noise"], SPREAD * guessed)
    truth = Truth(
        expected=expected,
        unbiased=change(0.0),
        biased=(found.owner == PENSIONER) & (bias > 0),
        bad_slice=bad,
        drifted=found.drifted,
        extra={"spread": spread},
    )
    return Sample(
        table(draws, found, expected + spread * draws.normal("outcome")), truth
    )


def parcels(draws: Draws, drift: float) -> Parcels:
    """Return the parcels in the order in which their notices went out."""
    day = days_in_order(draws, DAYS)
    drifted = drifted_by(day, DAYS, drift)
    use = draws.pick("use", (0.15, 0.14, 0.1, 0.53, 0.08))
    shop = draws.chance("more shops", 0.5 * drifted) & (use == HOME)
    use = np.where(shop, SHOP, use)
    district = draws.pick("district", (0.2, 0.12, 0.16, 0.2, 0.18, 0.14))
    usual = np.array([5.4, 4.9, 5.3, 4.7, 5.1, 5.0])[district] + np.array(PRICE)[use]
    price = np.exp(usual + 0.25 * draws.normal("price") + 0.7 * drifted)
    area = np.exp(np.array(AREA)[use] + 0.35 * draws.normal("area"))
    empty = draws.chance("no building", np.array([0.7, 0.03, 0.05, 0.02, 0.4])[use])
    storeys = 0.12 + 0.3 * draws.uniform("storeys")
    built = 2022 - np.floor(110 * draws.uniform("built") ** 1.3)
    return Parcels(
        day=day,
        drifted=drifted,
        use=use,
        district=district,
        exemption=draws.pick("exemption", (0.05, 0.08, 0.87)),
        owner=draws.pick("owner group", (0.27, 0.5, 0.23)),
        area=rounded(area, 0),
        price=rounded(price, 1),
        floor_area=rounded(np.where(empty, 0, area * storeys * (use != FARM)), 0),
        built=built,
        frontage=rounded(0.8 * np.sqrt(area) * (0.6 + draws.uniform("frontage")), 1),
        valued_years_ago=1 + 14 * draws.uniform("valued"),
        flood_zone=draws.chance("flood", np.array([1, 6, 0, 3, 6, 1])[district] / 10),
        growth=np.array([0.05, 0.045, 0.03, 0.015, 0.035, 0.055])[district],
    )


def bill_before(found: Parcels) -> Floats:
    """Return the yearly bill by the old rates, on the value of the last valuation."""
    value = found.value / (1 + found.growth) ** found.valued_years_ago
    return np.asarray(np.array(OLD_RATE)[found.use] * value)


def bill_after(found: Parcels, bias: float) -> Floats:
    """Return the yearly bill by the new rates, on the present value."""
    rate = np.array(NEW_RATE)[found.use] * (1 + 0.25 * found.drifted)
    relief = np.array([0.5, 0.75, 1.0])[found.exemption]
    bill = rate * found.value * relief * (1 + 0.4 * bias * (found.owner == PENSIONER))
    dyke = 1.5 * found.frontage * found.flood_zone
    # Nobody pays more than three times the old bill in the first year.
    return np.asarray(np.minimum(bill + dyke, 3 * bill_before(found) + 50))


def table(draws: Draws, found: Parcels, change: Floats) -> pd.DataFrame:
    """Return the parcels as the tax office would export them, with gaps."""
    # Counted from the levy's change, not from the notice, which is months later.
    since = np.rint(365.25 * found.valued_years_ago).astype(np.int64)
    frame = pd.DataFrame(
        {
            "parcel_id": numbered("P", draws.rows),
            "notice_on": dates(FIRST_DAY, found.day),
            "district": words(DISTRICTS, found.district),
            "land_use": words(USES, found.use),
            "owner_group": words(OWNERS, found.owner),
            "exemption": words(EXEMPTIONS, found.exemption),
            "area_m2": found.area,
            "land_price_m2": found.price,
            "floor_area_m2": found.floor_area,
            "built_in": found.built,
            "frontage_m": found.frontage,
            "flood_zone": found.flood_zone,
            "last_valued_on": dates(FIRST_DAY, -since),
            "bill_before": np.round(bill_before(found), 2),
            "change_of_bill": np.round(change, 2),
        }
    )
    gaps = {
        "built_in": (found.floor_area == 0) | draws.chance("no year", 0.04),
        "frontage_m": draws.chance("no frontage", 0.05),
        "land_price_m2": draws.chance("no price", 0.01 + 0.06 * (found.use == FARM)),
    }
    return with_gaps(frame, gaps)


LEVY_IMPACT = Domain(
    name="levy_impact",
    description=(
        "A town changes its land levy: new rates by land use, charged on present "
        "values instead of those of the last valuation, with a dyke charge by frontage "
        "in flood zones, relief for heritage and charity, and a cap in the first year. "
        "For each parcel the tax office wants to know by how much the yearly bill "
        "changes: it rises most where the last valuation is long ago and land has "
        "become dear. Parcels of owners of 65 and over can be assessed too high, as "
        "they seldom appeal (bias); bills of parcels under conversion hang on permits "
        "that the register does not know (bad slice); in the newest months land prices "
        "and rates can climb and homes turn into shops (drift)."
    ),
    task="regression",
    target="change_of_bill",
    options=OPTIONS,
    make=make,
)
