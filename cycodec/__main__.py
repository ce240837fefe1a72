"""``python -m cycodec``: the command line without the installed script."""

from cycodec.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
