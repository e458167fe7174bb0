"""Orders: what somebody wants, what they pay, and which copies are kept for them meanwhile."""
