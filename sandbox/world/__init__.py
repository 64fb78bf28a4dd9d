PROFILES = ("demo",)


def generate(*a, **k):
    raise NotImplementedError
