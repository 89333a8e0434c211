"""The web side: API, pages, sockets, and the command `dailies`."""
