"""The contract with Stripe: what the shop sends and the sandbox answers, held against Stripe's own
OpenAPI document and the types of stripe-python.
"""
