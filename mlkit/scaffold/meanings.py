"""What the name of a column says: a code, a person's trait, a key, a late event."""

from __future__ import annotations

from mlkit.data.epochs import name_words

CODES = frozenset(
    {"zip", "zipcode", "zipcodes", "postcode", "postal", "plz", "code", "codes", "cd"}
    | {"fips", "naics", "sic", "type", "kind", "category", "cat", "group", "segment"}
    | {"region", "district", "county", "city", "country", "branch", "store", "shop"}
    | {"department", "dept", "channel", "season", "weather", "weathersit", "weekday"}
    | {"sector", "industry", "cluster", "brand", "colour", "color", "occupation", "job"}
)
KEYS = frozenset(
    {"id", "ids", "uuid", "guid", "key", "number", "no", "nr", "num", "ref"}
)
TRAITS = frozenset(
    {"sex", "gender", "race", "ethnicity", "ethnic", "religion", "marital", "marriage"}
    | {"disability", "disabled", "nationality", "citizenship", "citizen", "pregnant"}
    | {"pregnancy", "veteran", "native", "immigrant", "birthplace", "education"}
    | {"sexual", "caste", "dob", "birthdate", "birthday"}
)
# Traits whose whole numbers are codes and not amounts.
CODED_TRAITS = TRAITS - {"dob", "birthdate", "birthday", "pregnancy"}
PROTECTED = TRAITS - {"education"}
PERSONS = frozenset(
    {"customer", "client", "patient", "applicant", "employee", "person", "user", "age"}
    | {"driver", "borrower", "owner", "respondent", "student", "worker", "group"}
    | {"years", "year", "range", "band", "bucket", "in", "at", "my", "the", "bin"}
)
PRIVATE = frozenset(
    {"email", "mail", "phone", "telephone", "mobile", "ssn", "iban", "passport"}
    | {"surname", "lastname", "firstname", "fullname", "address", "street"}
)
NAMED = frozenset({"first", "last", "full", "family", "maiden"})
LATE = frozenset(
    {"duration", "outcome", "result", "resolved", "resolution", "closed", "closing"}
    | {"ended", "end", "finished", "completed", "completion", "final", "paid", "refund"}
    | {"cancelled", "canceled", "delivered", "returned", "settled", "discharge"}
)
BIRTH = frozenset({"birth", "born", "dob", "birthday", "birthdate"})
AFTER = LATE | frozenset(
    {"due", "expiry", "expires", "expiration", "valid", "until", "updated", "modified"}
    | {"last", "finish", "close", "deadline"}
)
MOMENT = frozenset({"date", "time", "timestamp", "datetime", "day", "when", "dteday"})


def is_code(name: str) -> bool:
    """Return whether whole numbers under a name stand for things.

    Examples
    --------
    >>> is_code("zip_code"), is_code("weathersit"), is_code("SEX"), is_code("rooms")
    (True, True, True, False)
    """
    words = name_words(name)
    return bool(words) and (
        words[-1] in CODES or bool(CODED_TRAITS.intersection(words))
    )


def is_key(name: str) -> bool:
    """Return whether a name ends in a word for a key, such as ``id``."""
    return name_words(name)[-1:] != [] and name_words(name)[-1] in KEYS


def is_protected(name: str) -> bool:
    """Return whether a name is that of a trait by which people must not be judged.

    An age is one where nothing but a person stands beside it.

    Examples
    --------
    >>> [is_protected(name) for name in ("native-country", "customerAge", "house_age")]
    [True, True, False]
    """
    words = set(name_words(name))
    age = "age" in words and words <= PERSONS
    return age or bool(words & PROTECTED)


def is_private(name: str) -> bool:
    """Return whether a name says that its values point at a person."""
    words = name_words(name)
    named = words[-1:] == ["name"] and bool(NAMED.intersection(words))
    return named or bool(PRIVATE.intersection(words))


def is_late(name: str) -> bool:
    """Return whether a name sounds like something known only after the outcome."""
    return bool(LATE.intersection(name_words(name)))


def is_birth(name: str) -> bool:
    """Return whether a name is that of a day of birth."""
    return bool(BIRTH.intersection(name_words(name)))


def is_after(name: str) -> bool:
    """Return whether a date of that name lies after what happened."""
    return bool(AFTER.intersection(name_words(name)))


def is_moment(name: str) -> bool:
    """Return whether a name means the moment itself, such as ``date``."""
    words = name_words(name)
    return len(words) == 1 and words[0] in MOMENT
