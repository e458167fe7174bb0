"""ONIX for Books 3.0 and 3.1: reads messages and maps their records to editions.

https://www.editeur.org/8/ONIX/
"""

from bookshop.catalogue.importing.onix.reader import message_frame, read

__all__ = ["message_frame", "read"]
