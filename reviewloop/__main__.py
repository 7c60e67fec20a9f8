"""Let `python -m reviewloop` do what the installed command does."""

from reviewloop.cli.main import main

if __name__ == "__main__":
    main()
