"""A customer's personal data, found by e-mail address: exported, and erased on request.

Order records must be kept for years for accounting, and are kept without personal data (articles
15 and 17(3)(b) of the GDPR).
"""
