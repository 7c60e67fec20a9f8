"""How a run begins, moves, is answered and is tidied away; the CLI and a worker both come here."""
