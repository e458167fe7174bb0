"""The two pages where money changes hands: `/checkout` and `/success`."""
