"""What every page shares: resources, security, headers, rendering, caches, error pages."""
