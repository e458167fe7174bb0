"""The sandbox's control API for tests, under `/_sandbox`."""
