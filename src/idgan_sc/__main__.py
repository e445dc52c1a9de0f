"""`python -m idgan_sc` is `idgan-sc`."""

from idgan_sc.cli import main

if __name__ == "__main__":
    main()
