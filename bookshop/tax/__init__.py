"""Tax: territories, dated rates by product, and which of them applies to a sale."""
