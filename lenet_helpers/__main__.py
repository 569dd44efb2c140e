"""python -m lenet_helpers: see --help."""

from lenet_helpers.commands.command_line import main

if __name__ == "__main__":
    main()
