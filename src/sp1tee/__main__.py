"""`python -m sp1tee` is `sp1tee`."""

from sp1tee.cli import main

if __name__ == "__main__":
    main()
