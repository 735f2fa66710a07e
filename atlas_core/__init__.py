"""Atlas's vocabulary, rules and ports. No process starts here."""
