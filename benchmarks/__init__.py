"""What README's figures come from: each prints Atlas beside the bare limit of the same run."""
