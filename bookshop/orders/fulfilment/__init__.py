"""Getting books to the customer: shipments and pre-orders."""
