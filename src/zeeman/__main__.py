"""`python -m zeeman`: the command line."""

from zeeman.cli import main

if __name__ == "__main__":
    main()
