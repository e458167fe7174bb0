"""`python -m bookshop.cli`: the command line, where its script is not on the PATH."""

from bookshop.cli import main

main(prog_name="bookshop")
