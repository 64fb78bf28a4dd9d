"""Names for people and companies that do not exist."""

import random

FIRST = ("Ada", "Bela", "Carla", "Dario", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kemal", "Lea", "Mika", "Nadia",
         "Omar", "Petra", "Quentin", "Rosa", "Samir", "Tomas", "Uma", "Viktor", "Wanda", "Yara", "Zoe")  # fmt: skip
LAST = ("Abel", "Berger", "Costa", "Dahl", "Eriksen", "Fischer", "Garcia", "Haddad", "Ivanov", "Jansen", "Kovacs", "Lindt",
        "Moreau", "Novak", "Okafor", "Petit", "Quist", "Rossi", "Schmid", "Tanaka", "Urban", "Varga", "Weber", "Yilmaz")  # fmt: skip
HEADS = ("Alder", "Basalt", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Iris", "Juniper", "Kestrel", "Lumen",
         "Meridian", "Nimbus", "Orchard", "Pioneer", "Quarry", "Rowan", "Summit", "Tidal", "Umbra", "Vertex", "Willow",
         "Yarrow", "Zephyr")  # fmt: skip
TAILS = ("Foods", "Logistics", "Medical", "Mills", "Motors", "Optics", "Paper", "Pharma", "Plastics", "Precision", "Steel",
         "Systems", "Textiles", "Tools", "Water", "Works")  # fmt: skip
TITLES = ("Chief Operating Officer", "CFO", "Head of Purchasing", "Plant Director", "VP Engineering", "Purchasing Manager",
          "Quality Manager", "Maintenance Manager", "Buyer", "Engineer", "Technician", "Assistant")  # fmt: skip
DEPARTMENTS = ("Purchasing", "Production", "Quality", "Maintenance", "Finance", "Engineering")
FAMILIES = ("Machines", "Consumables", "Service", "Software", "Training")
INDUSTRIES = ("Machinery", "Food & Beverage", "Healthcare", "Automotive")
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles")


def person(rng: random.Random) -> tuple[str, str]:
    return rng.choice(FIRST), rng.choice(LAST)


def company(number: int) -> str:
    """Return a different name for each number."""
    head, rest = HEADS[number % len(HEADS)], number // len(HEADS)
    tail, again = TAILS[rest % len(TAILS)], rest // len(TAILS)
    return f"{head} {tail}" + (f" {again + 1}" if again else "")
