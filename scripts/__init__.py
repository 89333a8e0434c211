"""Commands for whoever works on the project; `make help` names them."""
