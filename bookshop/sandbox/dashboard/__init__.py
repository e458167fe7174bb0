"""The sandbox's pages for developers."""
