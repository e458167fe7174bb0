"""Fulfilment: shipments and pre-orders."""
