"""What browsers and programs reach: API, pages, sockets, and the command `dailies`."""
