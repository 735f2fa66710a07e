"""The pages; a notebook only calls the function of its page."""
