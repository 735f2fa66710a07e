"""Ways into frameworks and the interpreter, one file for each; none imports its framework before it is used."""
