"""`assay` and `python -m assay`.

`serve` waits all day, and is asked every half minute whether it is well: it starts without what only a night needs.
"""

import sys


def main() -> None:
    """Entry point."""
    if _command(sys.argv[1:]) == "serve":
        from assay.service.serve import main as run
    else:
        from assay.commands.cli import main as run
    run()


def _command(arguments: list[str]) -> str:
    """The first word that is neither a flag nor the value of --config."""
    words = [w for before, w in zip(["", *arguments], arguments, strict=False) if before != "--config"]
    return next((w for w in words if not w.startswith("-")), "")


if __name__ == "__main__":
    main()
