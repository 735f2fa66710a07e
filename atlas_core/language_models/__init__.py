"""Who is asked for insights: one file for each way to reach a language model."""
