"""Would earlier scores have been right? Cuts through the past, what they teach, and how well it held."""
