"""``python -m autograd --version``: which version is installed, and in which form."""

import argparse

from .installation import description


def main() -> None:
    """Read the command line, and print what it asks for."""
    parser = argparse.ArgumentParser(prog="python -m autograd")
    parser.add_argument("--version", action="store_true", help="print version and form in one line")
    if parser.parse_args().version:
        print(description())
    else:
        parser.print_help()


if __name__ == "__main__":
    main()
