"""`python -m stanch`."""

from stanch.cli.main import main

main()
