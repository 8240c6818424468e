"""Programs that run on a cache's volume: downloads, clean-up, index and reports. Needs the extra `download`."""
