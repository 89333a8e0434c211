"""`python -m webapp`, where the package isn't installed (a PaaS): the same as `dailies`."""

from webapp.cli import main

main()
