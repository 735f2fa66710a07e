"""The front door: checks the key, makes the event, answers when it is on stable storage."""
