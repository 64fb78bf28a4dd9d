"""`assay` and `python -m assay`."""

from assay.commands.cli import main

if __name__ == "__main__":
    main()
