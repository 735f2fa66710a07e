"""How frameworks hand their errors to a client: one file each."""
