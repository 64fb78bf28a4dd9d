"""What the settings ask of a run. Knows no vendor, so that the page may ask as well."""

from assay.night import plan
from assay.nightly import Orders
from assay.settings import Settings


def bands(settings: Settings) -> plan.Bands:
    w = settings.write
    return plan.Bands(w.band_hours, w.band_share, w.band_points)


def orders_of(
    settings: Settings,
    *,
    dry: bool = False,
    force: bool = False,
    full: bool = False,
    day: int | None = None,
    allow: tuple[str, ...] = (),
) -> Orders:
    """What a run with these settings and flags is asked to do."""
    return Orders(
        rules=settings.scoring.rules(),
        bands=bands(settings),
        write=settings.write.enabled and not dry,
        force=force,
        full=full,
        day=day,
        allow=allow,
        only=settings.write.only,
        max_flag_change=settings.write.max_flag_change,
        replay_nights=settings.scoring.replay_nights,
    )
