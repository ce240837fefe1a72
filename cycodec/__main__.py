"""``python -m cycodec``: the command line without the installed script."""

from cycodec._cli.app import main

if __name__ == "__main__":
    raise SystemExit(main())
