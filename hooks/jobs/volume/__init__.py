"""What runs on a cache's volume: the downloads, the index, and what they report. Needs the extra `download`."""
